import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { money, type StockReport } from "@acme/core";
import { barsOf } from "../src/components/value-chart.js";
import { emptyDraft, readDraft } from "../src/movement-draft.js";
import { initialView, stockReducer, urgencyOf, visibleRows } from "../src/stock-view.js";

const at = "2025-01-01T00:00:00.000Z";
const report: StockReport = {
  at,
  rows: [
    { sku: "NUT-100", name: "Lock nut", unit: "piece", total: 5, byWarehouse: { berlin: 5 } },
    { sku: "BOLT-100", name: "Hex bolt", unit: "piece", total: 900, byWarehouse: { porto: 900 } },
    { sku: "BOLT-200", name: "Carriage bolt", unit: "piece", total: 5, byWarehouse: {} },
  ],
};

describe("the stock view", () => {
  const skus = (view = initialView) => visibleRows(report, view).map((row) => row.sku);

  it("turns the order round at the second click", () => {
    const once = stockReducer(initialView, { type: "sort", key: "total" });
    assert.deepEqual(skus(once), ["BOLT-200", "NUT-100", "BOLT-100"]);
    const twice = stockReducer(once, { type: "sort", key: "total" });
    assert.deepEqual(skus(twice), ["BOLT-100", "BOLT-200", "NUT-100"]);
  });

  it("filters by words in any order", () => {
    assert.deepEqual(skus({ ...initialView, filter: " bolt HEX" }), ["BOLT-100"]);
  });

  it("does not change the report", () => {
    skus(stockReducer(initialView, { type: "sort", key: "name" }));
    assert.equal(report.rows[0]?.sku, "NUT-100");
  });
});

describe("urgencyOf", () => {
  it("is late when only the safety stock is left", () => {
    const row = { sku: "NUT-100", onHand: 5, reorderPoint: 40, safetyStock: 5, orderQuantity: 50, daysLeft: 1 };
    assert.equal(urgencyOf(row), "late");
    assert.equal(urgencyOf({ ...row, onHand: 6 }), "soon");
    assert.equal(urgencyOf({ ...row, onHand: 0, safetyStock: 0, orderQuantity: 0 }), "fine");
  });
});

describe("readDraft", () => {
  const draft = { ...emptyDraft, sku: " bolt-1042 ", quantity: "12", warehouse: "berlin" };

  it("reads a receipt", () => {
    assert.deepEqual(readDraft({ ...draft, unitCost: "0.05 EUR" }), {
      ok: true,
      movement: { kind: "receipt", sku: "BOLT-1042", quantity: 12, warehouse: "berlin", unitCost: money(5) },
    });
  });

  it("puts each message at its field", () => {
    const result = readDraft({ ...draft, kind: "transfer", quantity: "many", warehouse: "", to: "porto" });
    assert.deepEqual(result.ok ? [] : Object.keys(result.errors).sort(), ["quantity", "warehouse"]);
  });

  it("asks for another place to move to", () => {
    const result = readDraft({ ...draft, kind: "transfer", to: "berlin" });
    assert.match(result.ok ? "" : (result.errors.to ?? ""), /two different/);
  });

  it("explains what money looks like", () => {
    const result = readDraft({ ...draft, unitCost: "5" });
    assert.match(result.ok ? "" : (result.errors.unitCost ?? ""), /12\.50 EUR/);
  });
});

describe("barsOf", () => {
  it("puts the small ones together and leaves out the empty", () => {
    const values = [500, 100, 0, 50, 25];
    const rows = values.map((amount, index) => ({
      sku: `NUT-10${index}`,
      quantity: 1,
      value: money(amount),
      costOfGoodsSold: money(0),
      writeOffs: money(0),
    }));
    assert.deepEqual(barsOf({ at, rows, total: money(675) }, 2), [
      { sku: "NUT-100", label: "€5.00", length: 1 },
      { sku: "NUT-101", label: "€1.00", length: 0.2 },
      { sku: "Others", label: "€0.75", length: 0.15 },
    ]);
  });

  it("has nothing to draw for an empty store", () => {
    assert.deepEqual(barsOf({ at, rows: [], total: money(0) }, 3), []);
  });
});
