import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { adviseReorder, Ledger, measureDemand, money, valueFifo } from "@acme/core";
import { AcmeClient } from "@acme/sdk";
import { simulateHistory, stubFetch } from "@acme/test-utils";
import { QueryClient } from "@tanstack/react-query";
import { renderToPipeableStream } from "react-dom/server";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { App } from "../src/app.js";

const { products, warehouses, movements, until } = simulateHistory({ days: 60 });
const ledger = Ledger.replay(products, warehouses, movements);
const at = until.toISOString();
const rows = products.map(({ sku, name, unit }) => ({
  sku,
  name,
  unit,
  total: ledger.quantity(sku),
  byWarehouse: Object.fromEntries(warehouses.map(({ id }) => [id, ledger.quantity(sku, id)])),
}));
const demand = measureDemand(movements, until, 60);
const routes = {
  "GET /reports/stock": [{ at, rows }],
  "GET /reports/valuation": [{ at, rows: valueFifo(movements), total: money(123_456) }],
  "GET /reports/reorder": [
    { at, rows: products.map((item) => adviseReorder(item, ledger.quantity(item.sku), demand.get(item.sku))) },
  ],
  "GET /warehouses": [{ items: warehouses }],
};

async function render(table: Parameters<typeof stubFetch>[0]): Promise<string> {
  const client = new AcmeClient({ baseUrl: "http://stock.test", fetch: stubFetch(table).fetch });
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const output = new PassThrough();
  const page = renderToPipeableStream(<App client={client} queries={queries} />, {
    onAllReady: () => void page.pipe(output),
    onError: () => {}, // Shown by the boundary in the browser.
  });
  const html = await text(output);
  queries.clear();
  return html.replaceAll("<!-- -->", "");
}

describe("App", () => {
  it("shows what is where, what it is worth and what to order", async () => {
    const html = await render(routes);
    for (const { sku } of products) assert.match(html, new RegExp(`<td>${sku}</td>`));
    assert.match(html, /Value: €1,234\.56/);
    assert.match(html, /<li data-urgency="(late|soon)">/);
    assert.match(html, /<option value="porto">Warehouse porto<\/option>/);
  });

  it("shows the other panels when one fails", async () => {
    const html = await render({ ...routes, "GET /reports/stock": [new Response("", { status: 500 })] });
    assert.doesNotMatch(html, /id="stock-title"/);
    assert.match(html, /Value: €1,234\.56/);
  });
});
