import { useSuspenseQuery } from "@tanstack/react-query";
import { useDeferredValue, useReducer } from "react";
import { questions, useClient } from "../api.js";
import { initialView, stockReducer, visibleRows, warehousesOf, type SortKey } from "../stock-view.js";

const columns: { key: SortKey; title: string }[] = [
  { key: "sku", title: "SKU" },
  { key: "name", title: "Name" },
  { key: "total", title: "Total" },
];

export function StockTable() {
  const { data: report } = useSuspenseQuery(questions.stock(useClient()));
  const [view, dispatch] = useReducer(stockReducer, initialView);
  const rows = visibleRows(report, useDeferredValue(view));
  const places = warehousesOf(report);

  return (
    <section aria-labelledby="stock-title">
      <h2 id="stock-title">Stock</h2>
      <input
        type="search"
        aria-label="Filter"
        value={view.filter}
        onChange={(event) => dispatch({ type: "filter", text: event.target.value })}
      />
      <table>
        <thead>
          <tr>
            {columns.map(({ key, title }) => (
              <th key={key} aria-sort={view.sort !== key ? "none" : view.descending ? "descending" : "ascending"}>
                <button type="button" onClick={() => dispatch({ type: "sort", key })}>
                  {title}
                </button>
              </th>
            ))}
            {places.map((place) => (
              <th key={place}>{place}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.sku}>
              <td>{row.sku}</td>
              <td>{row.name}</td>
              <td className="number">
                {row.total} {row.unit}
              </td>
              {places.map((place) => (
                <td key={place} className="number">
                  {row.byWarehouse[place] ?? "–"}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p>Nothing matches “{view.filter}”.</p>}
    </section>
  );
}
