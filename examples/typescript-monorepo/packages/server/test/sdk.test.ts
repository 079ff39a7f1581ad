import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { AcmeClient, ApiError } from "@acme/sdk";
import { MemoryRepository } from "@acme/store";
import { newReceipt, newShipment, product, warehouse } from "@acme/test-utils";
import type { FastifyInstance } from "fastify";
import { buildApp } from "../src/app.js";

/** The SDK against the service itself, over a real connection. */
describe("service and SDK", () => {
  let app: FastifyInstance;
  let client: AcmeClient;
  before(async () => {
    const token = "0123456789abcdef";
    app = await buildApp({ repository: new MemoryRepository(), token });
    const baseUrl = `${await app.listen({ host: "127.0.0.1", port: 0 })}/v1`;
    client = new AcmeClient({ baseUrl, token });
  });
  after(() => app.close());

  it("agree from the first product to the last page", async () => {
    await client.createProduct(product());
    await client.saveWarehouse(warehouse());
    await client.record(newReceipt({ quantity: 100 }));
    for (let n = 0; n < 12; n++) await client.record(newShipment({ order: `o-${n}`, quantity: 2 }));

    const orders = [];
    for await (const movement of client.movements({ kind: "shipment", limit: 5 })) {
      if (movement.kind === "shipment") orders.push(movement.order);
    }
    assert.deepEqual(orders, Array.from({ length: 12 }, (_, n) => `o-${n}`));
    assert.equal((await client.stock()).rows[0]?.total, 76);
    assert.equal((await client.valuation()).total.amount, 76 * 5);
    assert.equal((await client.reorder({ windowDays: 30 })).rows[0]?.sku, "BOLT-1042");
  });

  it("agree on what is refused", async () => {
    await assert.rejects(client.product("NUT-999"), { name: "ApiError", status: 404, code: "not_found" });
    await assert.rejects(client.record(newShipment({ quantity: 1000 })), { code: "insufficient_stock" });
    await assert.rejects(
      client.record(newReceipt({ quantity: -1 })),
      (error) => error instanceof ApiError && error.issues[0]?.path === "body/quantity",
    );
  });
});
