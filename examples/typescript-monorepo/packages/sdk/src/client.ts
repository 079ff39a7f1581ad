import {
  Movement,
  MovementPage,
  Product,
  ProductList,
  ReorderReport,
  StockReport,
  ValuationReport,
  Warehouse,
  type MovementQuery,
  type NewMovement,
  type ReorderQuery,
} from "@acme/core";
import { z } from "zod";
import { Transport, type TransportOptions } from "./transport.js";

export type MovementFilter = Partial<Omit<MovementQuery, "cursor">>;

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

const WarehouseList = z.object({ items: z.array(Warehouse) });

/** AcmeClient speaks to the stock service. Its methods throw ApiError, ConnectionError or ProtocolError. */
export class AcmeClient {
  readonly #transport: Transport;

  constructor(options: TransportOptions) {
    this.#transport = new Transport(options);
  }

  async products(query?: string, options: CallOptions = {}): Promise<Product[]> {
    const list = await this.#transport.send({ method: "GET", path: "/products", query: { q: query }, ...options }, ProductList);
    return list.items;
  }

  product(sku: string, options: CallOptions = {}): Promise<Product> {
    return this.#transport.send({ method: "GET", path: `/products/${encodeURIComponent(sku)}`, ...options }, Product);
  }

  createProduct(product: z.input<typeof Product>, options: CallOptions = {}): Promise<Product> {
    return this.#transport.send({ method: "POST", path: "/products", body: product, ...options }, Product);
  }

  async warehouses(options: CallOptions = {}): Promise<Warehouse[]> {
    const list = await this.#transport.send({ method: "GET", path: "/warehouses", ...options }, WarehouseList);
    return list.items;
  }

  saveWarehouse(warehouse: z.input<typeof Warehouse>, options: CallOptions = {}): Promise<Warehouse> {
    const path = `/warehouses/${encodeURIComponent(warehouse.id)}`;
    return this.#transport.send({ method: "PUT", path, body: warehouse, ...options }, Warehouse);
  }

  /** Records a movement. It is safe to repeat: the service records one key once. */
  record(movement: NewMovement, options: CallOptions & { key?: string } = {}): Promise<Movement> {
    const { key = crypto.randomUUID(), signal } = options;
    return this.#transport.send(
      { method: "POST", path: "/movements", body: movement, idempotencyKey: key, signal },
      Movement,
    );
  }

  movementPage(filter: Partial<MovementQuery> = {}, options: CallOptions = {}): Promise<MovementPage> {
    return this.#transport.send({ method: "GET", path: "/movements", query: filter, ...options }, MovementPage);
  }

  /** Every movement that fits, page after page as the caller consumes them. */
  async *movements(filter: MovementFilter = {}, options: CallOptions = {}): AsyncGenerator<Movement, void, undefined> {
    let cursor: string | undefined;
    do {
      const page = await this.movementPage({ ...filter, cursor }, options);
      yield* page.items;
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  stock(options: CallOptions = {}): Promise<StockReport> {
    return this.#transport.send({ method: "GET", path: "/reports/stock", ...options }, StockReport);
  }

  valuation(options: CallOptions = {}): Promise<ValuationReport> {
    return this.#transport.send({ method: "GET", path: "/reports/valuation", ...options }, ValuationReport);
  }

  reorder(query: ReorderQuery = {}, options: CallOptions = {}): Promise<ReorderReport> {
    const { windowDays, serviceLevel } = query as { windowDays?: number; serviceLevel?: number };
    return this.#transport.send(
      { method: "GET", path: "/reports/reorder", query: { windowDays, serviceLevel }, ...options },
      ReorderReport,
    );
  }
}
