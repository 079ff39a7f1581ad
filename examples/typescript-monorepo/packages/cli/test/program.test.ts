import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { money } from "@acme/core";
import { newShipment, product, recorded, simulateHistory, stubFetch } from "@acme/test-utils";
import { run } from "../src/program.js";

async function acme(args: string[], routes: Parameters<typeof stubFetch>[0] = {}) {
  const { fetch, requests } = stubFetch(routes);
  let output = "";
  let errors = "";
  const world = {
    environment: { ACME_URL: "http://stock.test", ACME_RC: "/nonexistent" },
    print: (text: string) => void (output += `${text}\n`),
    fetch,
  };
  const code = await run(args, world, (text) => void (errors += text));
  return { code, output, errors, requests };
}

describe("acme", () => {
  it("finds products", async () => {
    const { code, output, requests } = await acme(["find", "hex", "bolt"], { "GET /products": [{ items: [product()] }] });
    assert.equal(code, 0);
    assert.deepEqual(requests[0]?.query, { q: "hex bolt" });
    assert.equal(
      output,
      "SKU        NAME         PRICE  LEAD TIME  TAGS\nBOLT-1042  Hex bolt M8  €0.12        7 d  steel\n",
    );
  });

  it("sends a receipt in cents", async () => {
    const answer = { kind: "receipt", sku: "BOLT-1042", warehouse: "berlin", quantity: 50, unitCost: money(5), id: "m1", at: "2025-01-01T08:00:00.000Z" };
    const { output, requests } = await acme(["receive", "BOLT-1042", "50", "berlin", "0.05 EUR"], {
      "POST /movements": [answer],
    });
    assert.deepEqual((requests[0]?.body as { unitCost: object }).unitCost, { amount: 5, currency: "EUR" });
    assert.equal(output, "Recorded: +50 BOLT-1042 berlin.\n");
  });

  it("takes a negative adjustment", async () => {
    const { code, requests } = await acme(["adjust", "BOLT-1042", "berlin", "--by", "-3"], {
      "POST /movements": ({ body }) => ({ ...(body as object), id: "m1", at: "2025-01-01T08:00:00.000Z" }),
    });
    assert.equal(code, 0);
    assert.equal((requests[0]?.body as { delta: number }).delta, -3);
  });

  it("asks for as many pages as it prints", async () => {
    const { movements } = simulateHistory({ days: 5 });
    const { output, requests } = await acme(["log", "-n", "3"], {
      "GET /movements": [{ items: movements.slice(0, 5), nextCursor: "5" }],
    });
    assert.equal(output.trim().split("\n").length, 4);
    assert.equal(requests.length, 1);
  });

  it("gives every warehouse a column", async () => {
    const row = { sku: "BOLT-1042", name: "Hex bolt", unit: "piece", total: 7, byWarehouse: { porto: 7 } };
    const { output } = await acme(["stock"], { "GET /reports/stock": [{ at: "2025-01-01T08:00:00.000Z", rows: [row] }] });
    assert.equal(output, "SKU        NAME      PORTO  TOTAL\nBOLT-1042  Hex bolt      7      7\n");
  });

  it("prints JSON for programs", async () => {
    const shipment = recorded(newShipment(), "m1", new Date(0));
    const { output } = await acme(["--json", "log"], { "GET /movements": [{ items: [shipment], nextCursor: null }] });
    assert.deepEqual(JSON.parse(output), [shipment]);
  });

  it("tells why the service refused", async () => {
    const error = { code: "insufficient_stock", message: "berlin has 0 of BOLT-1042, 1 are needed" };
    const { code, errors } = await acme(["ship", "BOLT-1042", "1", "berlin", "o-1"], {
      "POST /movements": [Response.json({ error }, { status: 409 })],
    });
    assert.equal(code, 1);
    assert.equal(errors, "acme: berlin has 0 of BOLT-1042, 1 are needed\n");
  });

  it("tells wrong use from a refusal", async () => {
    assert.equal((await acme(["ship", "BOLT-1042", "many", "berlin", "o-1"])).code, 2);
    assert.equal((await acme(["receive", "BOLT-1042", "1", "berlin", "five"])).code, 2);
    const unknown = await acme(["shop"]);
    assert.equal(unknown.code, 2);
    assert.match(unknown.errors, /unknown command 'shop'/);
  });

  it("helps without a service", async () => {
    const { code, output } = await acme(["--help"]);
    assert.equal(code, 0);
    assert.match(output, /reorder/);
  });
});
