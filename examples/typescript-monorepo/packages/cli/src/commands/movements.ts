import { parseMoney, type Movement, type MovementKind, type NewMovement } from "@acme/core";
import type { Command } from "commander";
import { clientFor, show, type World } from "../context.js";
import { renderTable, type Column } from "../table.js";
import { signedNumber, wholeNumber } from "./numbers.js";

type Reason = Extract<NewMovement, { kind: "adjustment" }>["reason"];

const movementColumns: Column<Movement>[] = [
  { title: "AT", value: (movement) => movement.at.slice(0, 16).replace("T", " ") },
  { title: "SKU", value: (movement) => movement.sku },
  { title: "CHANGE", value: describeChange, align: "right" },
  { title: "WHERE", value: describePlace },
  { title: "WHY", value: describeReason },
];

export function addMovementCommands(program: Command, world: World): void {
  const record = async (command: Command, body: NewMovement) => {
    const client = await clientFor(command, world);
    const movement = await client.record(body);
    show(command, world, movement, () => `Recorded: ${describeChange(movement)} ${movement.sku} ${describePlace(movement)}.`);
  };

  program
    .command("receive")
    .description("record goods that came in")
    .argument("<sku>")
    .argument("<quantity>", "units", wholeNumber)
    .argument("<warehouse>")
    .argument("<unit-cost>", 'such as "0.05 EUR"')
    .action(async (sku: string, quantity: number, warehouse: string, cost: string, _flags: object, command: Command) =>
      record(command, { kind: "receipt", sku, quantity, warehouse, unitCost: parseMoney(cost) }),
    );

  program
    .command("ship")
    .description("record goods that went out")
    .argument("<sku>")
    .argument("<quantity>", "units", wholeNumber)
    .argument("<warehouse>")
    .argument("<order>")
    .action(async (sku: string, quantity: number, warehouse: string, order: string, _flags: object, command: Command) =>
      record(command, { kind: "shipment", sku, quantity, warehouse, order }),
    );

  program
    .command("move")
    .description("record goods that moved between warehouses")
    .argument("<sku>")
    .argument("<quantity>", "units", wholeNumber)
    .argument("<from>")
    .argument("<to>")
    .action(async (sku: string, quantity: number, from: string, to: string, _flags: object, command: Command) =>
      record(command, { kind: "transfer", sku, quantity, from, to }),
    );

  program
    .command("adjust")
    .description("correct the stock after a count, a damage, a theft or a return")
    .argument("<sku>")
    .argument("<warehouse>")
    .requiredOption("--by <delta>", "such as -3", signedNumber)
    .option("--reason <reason>", "count, damage, theft or return", "count")
    .action(async (sku: string, warehouse: string, flags: { by: number; reason: Reason }, command: Command) =>
      record(command, { kind: "adjustment", sku, warehouse, delta: flags.by, reason: flags.reason }),
    );

  program
    .command("log")
    .description("list movements")
    .option("--sku <sku>")
    .option("--warehouse <id>")
    .option("--kind <kind>", "receipt, shipment, transfer or adjustment")
    .option("-n, --limit <count>", "at most this many", wholeNumber, 50)
    .action(
      async (
        flags: { sku?: string; warehouse?: string; kind?: MovementKind; limit: number },
        command: Command,
      ) => {
        const client = await clientFor(command, world);
        const { limit, ...filter } = flags;
        const rows: Movement[] = [];
        if (limit > 0) {
          for await (const movement of client.movements(filter)) {
            rows.push(movement);
            if (rows.length === limit) break;
          }
        }
        show(command, world, rows, () => renderTable(rows, movementColumns));
      },
    );
}

function describeChange(movement: Movement): string {
  switch (movement.kind) {
    case "receipt":
      return `+${movement.quantity}`;
    case "shipment":
      return `-${movement.quantity}`;
    case "transfer":
      return String(movement.quantity);
    case "adjustment":
      return movement.delta > 0 ? `+${movement.delta}` : String(movement.delta);
  }
}

function describePlace(movement: Movement): string {
  return movement.kind === "transfer" ? `${movement.from} → ${movement.to}` : movement.warehouse;
}

function describeReason(movement: Movement): string {
  switch (movement.kind) {
    case "receipt":
      return movement.supplier ?? "receipt";
    case "shipment":
      return movement.order;
    case "transfer":
      return "transfer";
    case "adjustment":
      return movement.reason;
  }
}
