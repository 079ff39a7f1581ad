import {
  changes,
  DomainError,
  Ledger,
  type Movement,
  type Product,
  type Sku,
  type Warehouse,
  type WarehouseId,
} from "@acme/core";
import type { MovementSearch, Repository } from "./repository.js";

export class MemoryRepository implements Repository {
  readonly ledger = new Ledger();
  readonly #products = new Map<Sku, Product>();
  readonly #warehouses = new Map<WarehouseId, Warehouse>();
  readonly #movements: Movement[] = [];
  readonly #byId = new Map<string, Movement>();

  products(): readonly Product[] {
    return [...this.#products.values()].sort((a, b) => a.sku.localeCompare(b.sku));
  }

  product(sku: Sku): Product | undefined {
    return this.#products.get(sku);
  }

  async addProduct(product: Product): Promise<void> {
    if (this.#products.has(product.sku)) {
      throw new DomainError("product_exists", `there is a product ${product.sku} already`);
    }
    this.#products.set(product.sku, product);
    this.ledger.addProduct(product);
  }

  warehouses(): readonly Warehouse[] {
    return [...this.#warehouses.values()].sort((a, b) => a.id.localeCompare(b.id));
  }

  async saveWarehouse(warehouse: Warehouse): Promise<void> {
    this.#warehouses.set(warehouse.id, warehouse);
    this.ledger.addWarehouse(warehouse);
  }

  async append(movement: Movement): Promise<void> {
    this.ledger.apply(movement);
    this.#movements.push(movement);
    this.#byId.set(movement.id, movement);
  }

  movement(id: string): Movement | undefined {
    return this.#byId.get(id);
  }

  movements(): readonly Movement[] {
    return this.#movements;
  }

  search({ sku, warehouse, kind, cursor, limit }: MovementSearch): { items: Movement[]; nextCursor: string | null } {
    const start = cursor === undefined ? 0 : readCursor(cursor, this.#movements.length);
    const items: Movement[] = [];
    for (let index = start; index < this.#movements.length; index++) {
      const movement = this.#movements[index];
      if (!movement) break;
      if (sku !== undefined && movement.sku !== sku) continue;
      if (kind !== undefined && movement.kind !== kind) continue;
      if (warehouse !== undefined && !changes(movement).some((change) => change.warehouse === warehouse)) continue;
      if (items.length === limit) return { items, nextCursor: String(index) };
      items.push(movement);
    }
    return { items, nextCursor: null };
  }

  async close(): Promise<void> {}
}

/** A cursor is the position at which to go on; movements are only ever appended, so it stays valid. */
function readCursor(cursor: string, length: number): number {
  const position = /^\d{1,15}$/.test(cursor) ? Number(cursor) : length;
  return Math.min(position, length);
}
