import type { Ledger, Movement, MovementKind, Product, Sku, Warehouse, WarehouseId } from "@acme/core";

export interface MovementSearch {
  sku?: Sku | undefined;
  warehouse?: WarehouseId | undefined;
  kind?: MovementKind | undefined;
  cursor?: string | undefined;
  limit: number;
}

/** Repository keeps the catalogue and the movements. The ledger is always that of all its movements. */
export interface Repository {
  readonly ledger: Ledger;
  products(): readonly Product[];
  product(sku: Sku): Product | undefined;
  /** Throws the DomainError `product_exists` for a SKU that is taken. */
  addProduct(product: Product): Promise<void>;
  warehouses(): readonly Warehouse[];
  saveWarehouse(warehouse: Warehouse): Promise<void>;
  /** Throws the DomainError of the ledger for a movement that cannot be. */
  append(movement: Movement): Promise<void>;
  movement(id: string): Movement | undefined;
  movements(): readonly Movement[];
  search(search: MovementSearch): { items: Movement[]; nextCursor: string | null };
  close(): Promise<void>;
}
