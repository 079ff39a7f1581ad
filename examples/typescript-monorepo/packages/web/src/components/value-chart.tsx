import { formatMoney, type ValuationReport } from "@acme/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { questions, useClient } from "../api.js";

export interface Bar {
  sku: string;
  label: string;
  /** Share of the largest bar, 0 to 1. */
  length: number;
}

/** The most valuable products, and one bar for all the others. */
export function barsOf(report: ValuationReport, count: number): Bar[] {
  const rows = report.rows.filter((row) => row.value.amount > 0).sort((a, b) => b.value.amount - a.value.amount);
  const shown = rows.slice(0, count).map((row) => ({ sku: row.sku, value: row.value }));
  const rest = rows.slice(count).reduce((total, row) => total + row.value.amount, 0);
  if (rest > 0) shown.push({ sku: "Others", value: { amount: rest, currency: report.total.currency } });
  const largest = Math.max(...shown.map((row) => row.value.amount));
  return shown.map(({ sku, value }) => ({ sku, label: formatMoney(value), length: value.amount / largest }));
}

export function ValueChart() {
  const { data: report } = useSuspenseQuery(questions.valuation(useClient()));
  const bars = barsOf(report, 8);
  return (
    <section aria-labelledby="value-title">
      <h2 id="value-title">Value: {formatMoney(report.total)}</h2>
      <svg role="img" aria-label="Value by product" viewBox={`0 0 400 ${Math.max(1, bars.length) * 24}`}>
        {bars.map((bar, index) => (
          <g key={bar.sku} transform={`translate(0 ${index * 24})`}>
            <text x={88} y={16} textAnchor="end">
              {bar.sku}
            </text>
            <rect x={96} y={4} height={16} width={Math.max(1, bar.length * 200)} />
            <text x={104 + bar.length * 200} y={16}>
              {bar.label}
            </text>
          </g>
        ))}
      </svg>
    </section>
  );
}
