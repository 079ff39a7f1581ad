import { formatMoney } from "@acme/core";
import type { Command } from "commander";
import { clientFor, show, type World } from "../context.js";
import { renderTable } from "../table.js";
import { wholeNumber } from "./numbers.js";

export function addReportCommands(program: Command, world: World): void {
  program
    .command("stock")
    .description("what is where")
    .action(async (_flags: object, command: Command) => {
      const client = await clientFor(command, world);
      show(command, world, await client.stock(), ({ rows }) => {
        const places = [...new Set(rows.flatMap((row) => Object.keys(row.byWarehouse)))].sort();
        return renderTable(rows, [
          { title: "SKU", value: (row) => row.sku },
          { title: "NAME", value: (row) => row.name },
          ...places.map((place) => ({
            title: place.toUpperCase(),
            value: (row: (typeof rows)[number]) => row.byWarehouse[place] ?? "-",
            align: "right" as const,
          })),
          { title: "TOTAL", value: (row) => row.total, align: "right" },
        ]);
      });
    });

  program
    .command("value")
    .description("what the stock is worth, first in, first out")
    .action(async (_flags: object, command: Command) => {
      const client = await clientFor(command, world);
      show(command, world, await client.valuation(), ({ rows, total }) => {
        const table = renderTable(rows, [
          { title: "SKU", value: (row) => row.sku },
          { title: "QUANTITY", value: (row) => row.quantity, align: "right" },
          { title: "VALUE", value: (row) => formatMoney(row.value), align: "right" },
          { title: "SOLD", value: (row) => formatMoney(row.costOfGoodsSold), align: "right" },
          { title: "LOST", value: (row) => formatMoney(row.writeOffs), align: "right" },
        ]);
        return `${table}\n\nTotal: ${formatMoney(total)}`;
      });
    });

  program
    .command("reorder")
    .description("what to order, most urgent first")
    .option("--window <days>", "days of sales to look at", wholeNumber, 60)
    .option("--all", "also what need not be ordered yet")
    .action(async (flags: { window: number; all?: boolean }, command: Command) => {
      const client = await clientFor(command, world);
      const report = await client.reorder({ windowDays: flags.window });
      const rows = flags.all ? report.rows : report.rows.filter((row) => row.orderQuantity > 0);
      show(command, world, rows, () =>
        rows.length === 0
          ? "Nothing needs to be ordered."
          : renderTable(rows, [
              { title: "SKU", value: (row) => row.sku },
              { title: "ON HAND", value: (row) => row.onHand, align: "right" },
              { title: "REORDER AT", value: (row) => row.reorderPoint, align: "right" },
              { title: "DAYS LEFT", value: (row) => row.daysLeft ?? "-", align: "right" },
              { title: "ORDER", value: (row) => row.orderQuantity, align: "right" },
            ]),
      );
    });
}
