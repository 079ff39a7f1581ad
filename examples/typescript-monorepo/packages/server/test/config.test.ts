import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readConfig } from "../src/config.js";

describe("readConfig", () => {
  it("works with an empty environment", () => {
    assert.deepEqual(readConfig({}), {
      host: "127.0.0.1",
      port: 4000,
      logLevel: "info",
      journal: undefined,
      token: undefined,
    });
  });

  it("names every variable that is wrong", () => {
    assert.throws(() => readConfig({ PORT: "http", API_TOKEN: "short" }), /PORT: .*; API_TOKEN: .*16 characters/);
  });
});
