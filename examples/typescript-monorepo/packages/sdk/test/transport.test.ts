import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stubFetch } from "@acme/test-utils";
import { z } from "zod";
import { retryAfterMs, Transport } from "../src/transport.js";

const Answer = z.object({ value: z.number() });

function transportOf(routes: Parameters<typeof stubFetch>[0], retries?: number) {
  const { fetch, requests } = stubFetch(routes);
  const waits: number[] = [];
  const sleep = async (ms: number) => void waits.push(ms);
  return { transport: new Transport({ baseUrl: "http://stock.test", fetch, sleep, retries }), requests, waits };
}
const unavailable = (headers: Record<string, string> = {}) => new Response("", { status: 503, headers });

describe("Transport", () => {
  it("tries again with growing pauses", async () => {
    const { transport, waits } = transportOf({ "GET /x": [unavailable(), new TypeError("reset"), { value: 3 }] });
    assert.deepEqual(await transport.send({ method: "GET", path: "/x" }, Answer), { value: 3 });
    assert.deepEqual(waits, [200, 400]);
  });

  it("waits as long as it is told to", async () => {
    const { transport, waits } = transportOf({ "GET /x": [unavailable({ "retry-after": "7" }), { value: 1 }] });
    await transport.send({ method: "GET", path: "/x" }, Answer);
    assert.deepEqual(waits, [7000]);
  });

  it("does not repeat a POST without a key", async () => {
    const { transport, requests } = transportOf({ "POST /x": [new TypeError("reset"), { value: 1 }] });
    await assert.rejects(transport.send({ method: "POST", path: "/x" }, Answer), { name: "ConnectionError", attempts: 1 });
    assert.equal(requests.length, 1);
  });

  it("gives up after its last attempt", async () => {
    const { transport, requests } = transportOf({ "GET /x": [new TypeError("reset")] }, 1);
    await assert.rejects(transport.send({ method: "GET", path: "/x" }, Answer), /after 2 attempts: reset/);
    assert.equal(requests.length, 2);
  });

  it("says why nobody answers", async () => {
    const refused = new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED 127.0.0.1:4000") });
    const { transport } = transportOf({ "GET /x": [refused] }, 0);
    await assert.rejects(transport.send({ method: "GET", path: "/x" }, Answer), /after 1 attempt: connect ECONNREFUSED/);
  });

  it("does not repeat what the service refuses", async () => {
    const error = { code: "insufficient_stock", message: "berlin has 0" };
    const { transport, requests } = transportOf({ "GET /x": [Response.json({ error }, { status: 409 })] });
    await assert.rejects(transport.send({ method: "GET", path: "/x" }, Answer), {
      name: "ApiError",
      status: 409,
      code: "insufficient_stock",
    });
    assert.equal(requests.length, 1);
  });

  it("does not trust an answer", async () => {
    const { transport } = transportOf({
      "GET /x": [{ value: "3" }],
      "GET /html": [new Response("<h1>Bad gateway</h1>", { status: 500 })],
    });
    await assert.rejects(transport.send({ method: "GET", path: "/x" }, Answer), /unexpected answer at "value"/);
    await assert.rejects(transport.send({ method: "GET", path: "/html" }, Answer), /status 500: <h1>/);
  });

  it("ends when the caller loses interest", async () => {
    const { transport, requests } = transportOf({ "GET /x": [{ value: 1 }] });
    const signal = AbortSignal.abort(new Error("page closed"));
    await assert.rejects(transport.send({ method: "GET", path: "/x", signal }, Answer), /page closed/);
    assert.equal(requests.length, 0);
  });
});

describe("retryAfterMs", () => {
  it("reads seconds and nothing else", () => {
    assert.equal(retryAfterMs("3"), 3000);
    assert.equal(retryAfterMs("3600"), 60_000);
    assert.equal(retryAfterMs("Wed, 21 Oct 2026 07:28:00 GMT"), undefined);
    assert.equal(retryAfterMs(null), undefined);
  });
});
