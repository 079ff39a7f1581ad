import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { newReceipt, product, simulateHistory, stubFetch } from "@acme/test-utils";
import { AcmeClient } from "../src/client.js";

const { movements } = simulateHistory({ days: 5 });

function clientOf(routes: Parameters<typeof stubFetch>[0], token?: string) {
  const { fetch, requests } = stubFetch(routes);
  return { client: new AcmeClient({ baseUrl: "http://stock.test/v1", token, fetch, sleep: async () => {} }), requests };
}

describe("AcmeClient", () => {
  it("asks below its base address, with its token", async () => {
    const { client, requests } = clientOf({ "GET /v1/products": [{ items: [product()] }] }, "secret");
    assert.deepEqual(await client.products("hex bolt"), [product()]);
    assert.deepEqual(requests[0]?.query, { q: "hex bolt" });
    assert.equal(requests[0]?.headers.get("authorization"), "Bearer secret");
  });

  it("leaves out what was not asked for", async () => {
    const { client, requests } = clientOf({ "GET /v1/products": [{ items: [] }] });
    await client.products();
    assert.deepEqual(requests[0]?.query, {});
  });

  it("walks through the pages", async () => {
    const { client, requests } = clientOf({
      "GET /v1/movements": ({ query }) => {
        const start = Number(query["cursor"] ?? 0);
        const end = start + 20;
        return { items: movements.slice(start, end), nextCursor: end < movements.length ? String(end) : null };
      },
    });
    const seen = [];
    for await (const movement of client.movements({ limit: 20 })) seen.push(movement);
    assert.deepEqual(seen, movements);
    assert.equal(requests.length, Math.ceil(movements.length / 20));
  });

  it("fetches no page that nobody looks at", async () => {
    const { client, requests } = clientOf({
      "GET /v1/movements": [{ items: movements.slice(0, 3), nextCursor: "3" }],
    });
    for await (const movement of client.movements()) {
      if (movement.id === movements[1]?.id) break;
    }
    assert.equal(requests.length, 1);
  });

  it("repeats an order under the same key", async () => {
    const { client, requests } = clientOf({
      "POST /v1/movements": [new TypeError("connection reset"), movements[0] ?? {}],
    });
    await client.record(newReceipt());
    assert.equal(requests.length, 2);
    const keys = new Set(requests.map((request) => request.headers.get("idempotency-key")));
    assert.equal(keys.size, 1);
    assert.match([...keys][0] ?? "", /^[0-9a-f-]{36}$/);
  });
});
