/** What travels between the service and its clients. */
import { z } from "zod";
import { Product, Sku, WarehouseId } from "./catalog.js";
import { domainErrorCodes } from "./errors.js";
import { Money } from "./money.js";
import { Movement } from "./movement.js";

export const ApiErrorBody = z.object({
  error: z.object({
    code: z.enum([...domainErrorCodes, "invalid_request", "not_found", "internal"]),
    message: z.string(),
    /** Where the request is wrong: `body/quantity`. */
    issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  }),
});
export type ApiErrorBody = z.infer<typeof ApiErrorBody>;

export const ProductQuery = z.object({ q: z.string().optional() });
export const ProductList = z.object({ items: z.array(Product) });

export const MovementQuery = z.object({
  sku: Sku.optional(),
  warehouse: WarehouseId.optional(),
  kind: z.enum(["receipt", "shipment", "transfer", "adjustment"]).optional(),
  cursor: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export type MovementQuery = z.infer<typeof MovementQuery>;

export const MovementPage = z.object({ items: z.array(Movement), nextCursor: z.string().nullable() });
export type MovementPage = z.infer<typeof MovementPage>;

export const StockRow = z.object({
  sku: Sku,
  name: z.string(),
  unit: z.string(),
  total: z.int(),
  byWarehouse: z.record(WarehouseId, z.int()),
});
export type StockRow = z.infer<typeof StockRow>;
export const StockReport = z.object({ at: z.iso.datetime(), rows: z.array(StockRow) });
export type StockReport = z.infer<typeof StockReport>;

export const ValuationReport = z.object({
  at: z.iso.datetime(),
  rows: z.array(
    z.object({ sku: Sku, quantity: z.int(), value: Money, costOfGoodsSold: Money, writeOffs: Money }),
  ),
  total: Money,
});
export type ValuationReport = z.infer<typeof ValuationReport>;

export const ReorderQuery = z.object({
  windowDays: z.coerce.number().int().min(7).max(365).default(60),
  serviceLevel: z.coerce.number().gt(0.5).lt(1).default(0.95),
});
export type ReorderQuery = z.input<typeof ReorderQuery>;
export const ReorderReport = z.object({
  at: z.iso.datetime(),
  rows: z.array(
    z.object({
      sku: Sku,
      onHand: z.int(),
      reorderPoint: z.int(),
      safetyStock: z.int(),
      orderQuantity: z.int(),
      daysLeft: z.int().nullable(),
    }),
  ),
});
export type ReorderReport = z.infer<typeof ReorderReport>;
