import type { Product, Sku, Warehouse, WarehouseId } from "./catalog.js";
import { DomainError } from "./errors.js";
import { changes, type Movement } from "./movement.js";

export interface StockLevel {
  sku: Sku;
  warehouse: WarehouseId;
  quantity: number;
}

/**
 * Ledger holds the stock that a sequence of movements leads to. A movement is
 * applied whole or not at all, and stock never falls below zero.
 */
export class Ledger {
  readonly #products = new Map<Sku, Product>();
  readonly #warehouses = new Map<WarehouseId, Warehouse>();
  readonly #stock = new Map<Sku, Map<WarehouseId, number>>();
  #last = "";

  constructor(products: Iterable<Product> = [], warehouses: Iterable<Warehouse> = []) {
    for (const product of products) this.addProduct(product);
    for (const warehouse of warehouses) this.addWarehouse(warehouse);
  }

  static replay(products: Iterable<Product>, warehouses: Iterable<Warehouse>, movements: Iterable<Movement>): Ledger {
    const ledger = new Ledger(products, warehouses);
    for (const movement of movements) ledger.apply(movement);
    return ledger;
  }

  addProduct(product: Product): void {
    this.#products.set(product.sku, product);
  }

  addWarehouse(warehouse: Warehouse): void {
    this.#warehouses.set(warehouse.id, warehouse);
  }

  apply(movement: Movement): void {
    this.check(movement);
    const byWarehouse = this.#stock.get(movement.sku) ?? new Map<WarehouseId, number>();
    for (const { warehouse, delta } of changes(movement)) {
      byWarehouse.set(warehouse, (byWarehouse.get(warehouse) ?? 0) + delta);
    }
    this.#stock.set(movement.sku, byWarehouse);
    this.#last = movement.at;
  }

  /** Throws the DomainError that apply would throw. */
  check(movement: Movement): void {
    if (!this.#products.has(movement.sku)) {
      throw new DomainError("unknown_product", `there is no product ${movement.sku}`);
    }
    if (movement.at < this.#last) {
      throw new DomainError("out_of_order", `${movement.at} is before the last movement at ${this.#last}`);
    }
    for (const { warehouse, delta } of changes(movement)) {
      if (!this.#warehouses.has(warehouse)) {
        throw new DomainError("unknown_warehouse", `there is no warehouse ${warehouse}`);
      }
      const present = this.quantity(movement.sku, warehouse);
      if (present + delta < 0) {
        throw new DomainError(
          "insufficient_stock",
          `${warehouse} has ${present} of ${movement.sku}, ${-delta} are needed`,
        );
      }
    }
  }

  /** The quantity in one warehouse, or in all of them. */
  quantity(sku: Sku, warehouse?: WarehouseId): number {
    const byWarehouse = this.#stock.get(sku);
    if (!byWarehouse) return 0;
    if (warehouse !== undefined) return byWarehouse.get(warehouse) ?? 0;
    let total = 0;
    for (const quantity of byWarehouse.values()) total += quantity;
    return total;
  }

  /** Every level that is not zero, by SKU and then by warehouse. */
  levels(): StockLevel[] {
    const levels: StockLevel[] = [];
    for (const [sku, byWarehouse] of this.#stock) {
      for (const [warehouse, quantity] of byWarehouse) {
        if (quantity !== 0) levels.push({ sku, warehouse, quantity });
      }
    }
    return levels.sort((a, b) => a.sku.localeCompare(b.sku) || a.warehouse.localeCompare(b.warehouse));
  }
}
