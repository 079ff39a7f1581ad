import type { ReorderReport, StockReport, StockRow } from "@acme/core";

export type SortKey = "sku" | "name" | "total";
export interface StockView {
  filter: string;
  sort: SortKey;
  descending: boolean;
}

export type StockAction = { type: "filter"; text: string } | { type: "sort"; key: SortKey };

export const initialView: StockView = { filter: "", sort: "sku", descending: false };

/** A second click on a column turns its order round. */
export function stockReducer(view: StockView, action: StockAction): StockView {
  switch (action.type) {
    case "filter":
      return { ...view, filter: action.text };
    case "sort":
      return { ...view, sort: action.key, descending: view.sort === action.key && !view.descending };
  }
}

export function visibleRows(report: StockReport, view: StockView): StockRow[] {
  const words = view.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = report.rows.filter((row) => {
    const text = `${row.sku} ${row.name}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const order = (a: StockRow, b: StockRow) =>
    view.sort === "total" ? a.total - b.total : a[view.sort].localeCompare(b[view.sort]);
  return rows.sort((a, b) => (view.descending ? -order(a, b) : order(a, b)) || a.sku.localeCompare(b.sku));
}

export function warehousesOf(report: StockReport): string[] {
  return [...new Set(report.rows.flatMap((row) => Object.keys(row.byWarehouse)))].sort();
}

export type Urgency = "late" | "soon" | "fine";

/** Late: the stock is gone before an order of today would arrive, as far as the safety stock tells. */
export function urgencyOf(row: ReorderReport["rows"][number]): Urgency {
  if (row.onHand <= row.safetyStock && row.orderQuantity > 0) return "late";
  return row.orderQuantity > 0 ? "soon" : "fine";
}
