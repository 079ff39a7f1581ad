import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { Product, Warehouse } from "../src/catalog.js";
import { Ledger } from "../src/ledger.js";
import { Movement, NewMovement } from "../src/movement.js";

const bolt = Product.parse({
  sku: "BOLT-1042",
  name: "Hex bolt",
  category: "Fasteners",
  unit: "piece",
  price: { amount: 12, currency: "EUR" },
  leadTimeDays: 7,
});
const places = ["berlin", "porto"].map((id) => Warehouse.parse({ id, name: id, country: "de" }));

let count = 0;
function record(body: object, at = "2025-03-01T08:00:00Z"): Movement {
  return Movement.parse({ sku: bolt.sku, ...body, id: `m${++count}`, at });
}
const receive = (quantity: number, warehouse = "berlin") =>
  record({ kind: "receipt", warehouse, quantity, unitCost: { amount: 5, currency: "EUR" } });

describe("Ledger", () => {
  let ledger: Ledger;
  beforeEach(() => {
    ledger = new Ledger([bolt], places);
    ledger.apply(receive(10));
  });

  it("moves stock between warehouses", () => {
    ledger.apply(record({ kind: "transfer", from: "berlin", to: "porto", quantity: 4 }));
    assert.deepEqual(ledger.levels(), [
      { sku: bolt.sku, warehouse: "berlin", quantity: 6 },
      { sku: bolt.sku, warehouse: "porto", quantity: 4 },
    ]);
    assert.equal(ledger.quantity(bolt.sku), 10);
  });

  it("never falls below zero, and changes nothing when it would", () => {
    const before = ledger.levels();
    for (const body of [
      { kind: "shipment", warehouse: "berlin", quantity: 11, order: "o1" },
      { kind: "transfer", from: "porto", to: "berlin", quantity: 1 },
      { kind: "adjustment", warehouse: "berlin", delta: -11, reason: "count" },
    ]) {
      assert.throws(() => ledger.apply(record(body)), { code: "insufficient_stock" });
    }
    assert.deepEqual(ledger.levels(), before);
  });

  it("knows its products and its warehouses", () => {
    assert.throws(() => ledger.apply(record({ ...receive(1), sku: "NUT-999" })), { code: "unknown_product" });
    assert.throws(() => ledger.apply(receive(1, "oslo")), { code: "unknown_warehouse" });
  });

  it("refuses a movement from before the last one", () => {
    assert.throws(
      () => ledger.apply(record({ kind: "shipment", warehouse: "berlin", quantity: 1, order: "o" }, "2025-02-28T08:00:00Z")),
      { code: "out_of_order" },
    );
  });

  it("leaves out what is empty", () => {
    ledger.apply(record({ kind: "shipment", warehouse: "berlin", quantity: 10, order: "o1" }));
    assert.deepEqual(ledger.levels(), []);
  });
});

describe("NewMovement", () => {
  it("does not transfer to the same place", () => {
    const result = NewMovement.safeParse({ kind: "transfer", sku: bolt.sku, from: "porto", to: "porto", quantity: 1 });
    assert.deepEqual(result.error?.issues[0]?.path, ["to"]);
  });
});
