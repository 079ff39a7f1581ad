import { z } from "zod";
import { Sku, WarehouseId } from "./catalog.js";
import { Money } from "./money.js";

const quantity = z.int().min(1).max(1_000_000);

const receipt = z.object({
  kind: z.literal("receipt"),
  sku: Sku,
  warehouse: WarehouseId,
  quantity,
  unitCost: Money,
  supplier: z.string().trim().min(1).optional(),
});

const shipment = z.object({
  kind: z.literal("shipment"),
  sku: Sku,
  warehouse: WarehouseId,
  quantity,
  order: z.string().trim().min(1),
});

const transfer = z.object({
  kind: z.literal("transfer"),
  sku: Sku,
  from: WarehouseId,
  to: WarehouseId,
  quantity,
});

const adjustment = z.object({
  kind: z.literal("adjustment"),
  sku: Sku,
  warehouse: WarehouseId,
  delta: z.int().refine((delta) => delta !== 0, "an adjustment changes something"),
  reason: z.enum(["count", "damage", "theft", "return"]),
});

/** What was recorded about every movement, whatever its kind. */
const recorded = { id: z.string().min(1), at: z.iso.datetime() };

const differentPlaces = (movement: { kind: string; from?: string; to?: string }) =>
  movement.kind !== "transfer" || movement.from !== movement.to;
const samePlace = { error: "a transfer needs two different warehouses", path: ["to"] };

export const NewMovement = z
  .discriminatedUnion("kind", [receipt, shipment, transfer, adjustment])
  .refine(differentPlaces, samePlace);
export type NewMovement = z.infer<typeof NewMovement>;

export const Movement = z
  .discriminatedUnion("kind", [
    receipt.extend(recorded),
    shipment.extend(recorded),
    transfer.extend(recorded),
    adjustment.extend(recorded),
  ])
  .refine(differentPlaces, samePlace);
export type Movement = z.infer<typeof Movement>;

export type MovementKind = Movement["kind"];

export interface Change {
  warehouse: WarehouseId;
  delta: number;
}

/** The changes of stock that a movement stands for: one place, or two for a transfer. */
export function changes(movement: NewMovement): Change[] {
  switch (movement.kind) {
    case "receipt":
      return [{ warehouse: movement.warehouse, delta: movement.quantity }];
    case "shipment":
      return [{ warehouse: movement.warehouse, delta: -movement.quantity }];
    case "transfer":
      return [
        { warehouse: movement.from, delta: -movement.quantity },
        { warehouse: movement.to, delta: movement.quantity },
      ];
    case "adjustment":
      return [{ warehouse: movement.warehouse, delta: movement.delta }];
  }
}
