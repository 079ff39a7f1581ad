import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ApiErrorBody, money } from "@acme/core";
import { MemoryRepository } from "@acme/store";
import { ManualClock, newReceipt, newShipment, newTransfer, product, simulateHistory, warehouse } from "@acme/test-utils";
import type { FastifyInstance } from "fastify";
import { buildApp } from "../src/app.js";

describe("the stock service", () => {
  const clock = new ManualClock();
  let app: FastifyInstance;
  beforeEach(async () => {
    const repository = new MemoryRepository();
    await repository.addProduct(product());
    for (const id of ["berlin", "porto"]) await repository.saveWarehouse(warehouse(id));
    app = await buildApp({ repository, now: clock.now });
  });
  afterEach(() => app.close());

  const post = (url: string, payload: object, headers = {}) => app.inject({ method: "POST", url, payload, headers });
  const errorOf = (response: { json(): unknown }) => ApiErrorBody.parse(response.json()).error;

  it("records movements and reports the stock they lead to", async () => {
    for (const movement of [newReceipt(), newShipment({ quantity: 3 }), newTransfer({ quantity: 2 })]) {
      assert.equal((await post("/v1/movements", movement)).statusCode, 201);
    }
    const { rows } = (await app.inject("/v1/reports/stock")).json<{ rows: { byWarehouse: object; total: number }[] }>();
    assert.deepEqual(rows[0]?.byWarehouse, { berlin: 5, porto: 2 });
    assert.equal(rows[0].total, 7);
  });

  it("records one key once", async () => {
    const headers = { "idempotency-key": "order-77-line-1" };
    const first = await post("/v1/movements", newReceipt(), headers);
    clock.advance({ minutes: 1 });
    const second = await post("/v1/movements", newReceipt(), headers);
    assert.deepEqual([first.statusCode, second.statusCode], [201, 200]);
    assert.deepEqual(first.json(), second.json());
  });

  it("answers 409 when the stock does not suffice, and says what there is", async () => {
    const response = await post("/v1/movements", newShipment({ quantity: 3 }));
    assert.equal(response.statusCode, 409);
    assert.equal(errorOf(response).code, "insufficient_stock");
    assert.match(errorOf(response).message, /berlin has 0/);
  });

  it("names what is wrong with a request", async () => {
    const response = await post("/v1/movements", { ...newReceipt(), quantity: 0 });
    assert.equal(response.statusCode, 400);
    assert.deepEqual(
      errorOf(response).issues?.map((issue) => issue.path),
      ["body/quantity"],
    );
  });

  it("does not create a product twice", async () => {
    const lamp = product({ sku: "LAMP-100" });
    assert.equal((await post("/v1/products", lamp)).statusCode, 201);
    assert.equal(errorOf(await post("/v1/products", lamp)).code, "product_exists");
  });

  it("does not tell what broke inside", async () => {
    const repository = new MemoryRepository();
    repository.products = () => {
      throw new Error("password=hunter2");
    };
    const broken = await buildApp({ repository });
    const response = await broken.inject("/v1/products");
    assert.equal(response.statusCode, 500);
    assert.doesNotMatch(response.body, /hunter2/);
    await broken.close();
  });

  it("asks for its token everywhere but at /health", async () => {
    const guarded = await buildApp({ repository: new MemoryRepository(), token: "0123456789abcdef" });
    const status = async (url: string, authorization?: string) =>
      (await guarded.inject({ url, headers: authorization ? { authorization } : {} })).statusCode;
    assert.equal(await status("/health"), 200);
    assert.equal(await status("/v1/products"), 401);
    assert.equal(await status("/v1/products", "Bearer 0123456789abcdeX"), 401);
    assert.equal(await status("/v1/products", "Bearer 0123456789abcdef"), 200);
    await guarded.close();
  });

  it("describes itself", async () => {
    const { paths } = (await app.inject("/v1/openapi.json")).json<{ paths: Record<string, object> }>();
    assert.deepEqual(Object.keys(paths["/v1/movements"] ?? {}).sort(), ["get", "post"]);
    assert.ok(paths["/v1/reports/reorder"]);
  });

  it("values a history and advises what to order", async () => {
    const history = simulateHistory({ days: 60 });
    const repository = new MemoryRepository();
    for (const item of history.products) await repository.addProduct(item);
    for (const place of history.warehouses) await repository.saveWarehouse(place);
    for (const movement of history.movements) await repository.append(movement);
    const reports = await buildApp({ repository, now: () => history.until });

    const valuation = (await reports.inject("/v1/reports/valuation")).json<{ rows: { value: { amount: number } }[]; total: object }>();
    assert.deepEqual(valuation.total, money(valuation.rows.reduce((total, row) => total + row.value.amount, 0)));

    const { rows } = (await reports.inject("/v1/reports/reorder?windowDays=30")).json<{ rows: { daysLeft: number; orderQuantity: number }[] }>();
    assert.equal(rows.length, history.products.length);
    assert.ok(rows.some((row) => row.orderQuantity > 0));
    const daysLeft = rows.map((row) => row.daysLeft);
    assert.deepEqual(daysLeft, [...daysLeft].sort((a, b) => a - b));
    await reports.close();
  });
});
