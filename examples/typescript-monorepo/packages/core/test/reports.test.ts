import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Product } from "../src/catalog.js";
import { Movement } from "../src/movement.js";
import { adviseReorder, measureDemand, normalQuantile } from "../src/reorder.js";
import { valueFifo } from "../src/valuation.js";

const sku = "BOLT-1042";
const base = { sku, warehouse: "berlin" };
let count = 0;
const move = (body: object, day = 1): Movement =>
  Movement.parse({
    ...base,
    ...body,
    id: `m${++count}`,
    at: new Date(Date.UTC(2025, 0, day, 12)).toISOString(),
  });
const receipt = (quantity: number, cost: number) =>
  move({ kind: "receipt", quantity, unitCost: { amount: cost, currency: "EUR" } });
const shipment = (quantity: number, day = 1) => move({ kind: "shipment", quantity, order: "o" }, day);

describe("valueFifo", () => {
  it("ships the oldest goods first", () => {
    const [row] = valueFifo([receipt(10, 100), receipt(10, 200), shipment(15)]);
    assert.equal(row?.costOfGoodsSold.amount, 10 * 100 + 5 * 200);
    assert.equal(row.value.amount, 5 * 200);
    assert.equal(row.quantity, 5);
  });

  it("keeps write-offs apart from sales", () => {
    const [row] = valueFifo([receipt(10, 100), move({ kind: "adjustment", delta: -3, reason: "damage" })]);
    assert.equal(row?.writeOffs.amount, 300);
    assert.equal(row.costOfGoodsSold.amount, 0);
  });

  it("takes returned goods at the last cost", () => {
    const [row] = valueFifo([receipt(1, 70), shipment(1), move({ kind: "adjustment", delta: 2, reason: "return" })]);
    assert.equal(row?.value.amount, 140);
  });

  it("balances: what came in is at hand, sold or written off", () => {
    const movements = [receipt(7, 31), receipt(5, 37), shipment(4), move({ kind: "adjustment", delta: -2, reason: "count" }), shipment(3)];
    const [row] = valueFifo(movements);
    assert.ok(row);
    assert.equal(row.value.amount + row.costOfGoodsSold.amount + row.writeOffs.amount, 7 * 31 + 5 * 37);
  });
});

describe("reordering", () => {
  const product = Product.parse({
    sku,
    name: "Hex bolt",
    category: "Fasteners",
    unit: "piece",
    price: { amount: 10, currency: "EUR" },
    leadTimeDays: 4,
    packSize: 50,
  });
  const until = new Date(Date.UTC(2025, 0, 11));

  it("counts the days without a shipment", () => {
    const demand = measureDemand([shipment(30, 2), shipment(10, 9), shipment(999, 20)], until, 10).get(sku);
    assert.equal(demand?.perDay, 4);
    assert.ok(Math.abs(demand.deviation - Math.sqrt((26 ** 2 + 6 ** 2 + 8 * 4 ** 2) / 10)) < 1e-9);
  });

  it("orders whole packs once the reorder point is reached", () => {
    const steady = { sku, perDay: 10, deviation: 0 };
    assert.equal(adviseReorder(product, 41, steady).orderQuantity, 0);
    const advice = adviseReorder(product, 40, steady);
    assert.equal(advice.reorderPoint, 40);
    assert.equal(advice.orderQuantity, 150);
    assert.equal(advice.daysLeft, 4);
  });

  it("keeps more in store for a demand that varies", () => {
    const advice = adviseReorder(product, 100, { sku, perDay: 10, deviation: 6 });
    assert.equal(advice.safetyStock, Math.ceil(1.6449 * 6 * 2));
  });

  it("orders nothing that nobody buys", () => {
    const advice = adviseReorder(product, 0, undefined);
    assert.equal(advice.orderQuantity, 0);
    assert.equal(advice.daysLeft, null);
  });

  it("knows the usual quantiles", () => {
    for (const [p, z] of [[0.5, 0], [0.9, 1.2816], [0.95, 1.6449], [0.99, 2.3263], [0.05, -1.6449]] as const) {
      assert.ok(Math.abs(normalQuantile(p) - z) < 5e-4, `${p}`);
    }
  });
});
