import { useSuspenseQuery } from "@tanstack/react-query";
import { useState, useTransition } from "react";
import { questions, useClient } from "../api.js";
import { urgencyOf } from "../stock-view.js";

const windows = [30, 60, 90];

export function ReorderPanel() {
  const [windowDays, setWindowDays] = useState(60);
  const [isPending, startTransition] = useTransition();
  const { data: report } = useSuspenseQuery(questions.reorder(useClient(), windowDays));
  const rows = report.rows.filter((row) => row.orderQuantity > 0);

  return (
    <section aria-labelledby="reorder-title" aria-busy={isPending}>
      <h2 id="reorder-title">To order</h2>
      <label>
        Sales of the last{" "}
        <select
          value={windowDays}
          onChange={(event) => startTransition(() => setWindowDays(Number(event.target.value)))}
        >
          {windows.map((days) => (
            <option key={days} value={days}>
              {days} days
            </option>
          ))}
        </select>
      </label>
      {rows.length === 0 ? (
        <p>Nothing needs to be ordered.</p>
      ) : (
        <ul>
          {rows.map((row) => (
            <li key={row.sku} data-urgency={urgencyOf(row)}>
              <strong>{row.sku}</strong>: order {row.orderQuantity}, {row.onHand} at hand
              {row.daysLeft !== null && ` for ${row.daysLeft} days`}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
