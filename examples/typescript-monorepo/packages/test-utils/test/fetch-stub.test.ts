import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stubFetch } from "../src/fetch-stub.js";

describe("stubFetch", () => {
  it("keeps what it was asked", async () => {
    const { fetch, requests } = stubFetch({ "POST /things": [{ ok: true }] });
    const response = await fetch("http://stock.test/things?a=1", { method: "POST", body: '{"x":2}' });
    assert.deepEqual(await response.json(), { ok: true });
    assert.deepEqual(requests[0]?.query, { a: "1" });
    assert.deepEqual(requests[0]?.body, { x: 2 });
  });

  it("gives its answers out in turn and keeps the last", async () => {
    const { fetch } = stubFetch({ "GET /": [new TypeError("no route to host"), { turn: 2 }] });
    await assert.rejects(fetch("http://stock.test/"), TypeError);
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await (await fetch("http://stock.test/")).json(), { turn: 2 });
    }
  });

  it("does not answer what nobody planned", async () => {
    const { fetch } = stubFetch({});
    await assert.rejects(fetch("http://stock.test/x"), /GET \/x/);
  });
});
