import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Ledger, valueFifo } from "@acme/core";
import { simulateHistory } from "../src/history.js";

describe("simulateHistory", () => {
  it("is the same for the same seed", () => {
    assert.deepEqual(simulateHistory({ seed: 5, days: 10 }), simulateHistory({ seed: 5, days: 10 }));
  });

  it("can be replayed", () => {
    const { products, warehouses, movements } = simulateHistory({ seed: 2, days: 60 });
    const ledger = Ledger.replay(products, warehouses, movements);
    assert.ok(movements.length > 300);
    assert.ok(ledger.levels().every((level) => level.quantity > 0));
  });

  it("knows every kind of movement", () => {
    const kinds = new Set(simulateHistory({ days: 60 }).movements.map((movement) => movement.kind));
    assert.deepEqual([...kinds].sort(), ["adjustment", "receipt", "shipment", "transfer"]);
  });

  it("leaves a stock that the ledger and the valuation agree on", () => {
    const { products, warehouses, movements } = simulateHistory({ seed: 9 });
    const ledger = Ledger.replay(products, warehouses, movements);
    for (const row of valueFifo(movements)) assert.equal(row.quantity, ledger.quantity(row.sku));
  });
});
