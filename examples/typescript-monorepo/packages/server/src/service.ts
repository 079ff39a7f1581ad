import {
  add,
  adviseReorder,
  measureDemand,
  money,
  valueFifo,
  type Movement,
  type NewMovement,
  type ReorderReport,
  type StockReport,
  type ValuationReport,
} from "@acme/core";
import type { Repository } from "@acme/store";
import { randomUUID } from "node:crypto";

export interface ServiceOptions {
  repository: Repository;
  /** Default: the clock of the machine. */
  now?: () => Date;
  newId?: () => string;
}

export interface ReorderQuestion {
  windowDays: number;
  serviceLevel: number;
}

/** StockService records movements and answers questions about the stock. */
export class StockService {
  readonly repository: Repository;
  readonly #now: () => Date;
  readonly #newId: () => string;
  #lastAt = 0;

  constructor({ repository, now = () => new Date(), newId = randomUUID }: ServiceOptions) {
    this.repository = repository;
    this.#now = now;
    this.#newId = newId;
    this.#lastAt = Date.parse(repository.movements().at(-1)?.at ?? "") || 0;
  }

  /** Records a movement. A key that was used before gives the movement of that time. */
  async record(body: NewMovement, key?: string): Promise<{ movement: Movement; created: boolean }> {
    const id = key ?? this.#newId();
    const existing = this.repository.movement(id);
    if (existing) return { movement: existing, created: false };
    // The clock of a machine may be set back; the ledger wants movements in order.
    this.#lastAt = Math.max(this.#lastAt, this.#now().getTime());
    const movement: Movement = { ...body, id, at: new Date(this.#lastAt).toISOString() };
    await this.repository.append(movement);
    return { movement, created: true };
  }

  stock(): StockReport {
    const byWarehouse = new Map<string, Record<string, number>>();
    for (const { sku, warehouse, quantity } of this.repository.ledger.levels()) {
      const row = byWarehouse.get(sku) ?? {};
      row[warehouse] = quantity;
      byWarehouse.set(sku, row);
    }
    const rows = this.repository.products().map(({ sku, name, unit }) => ({
      sku,
      name,
      unit,
      total: this.repository.ledger.quantity(sku),
      byWarehouse: byWarehouse.get(sku) ?? {},
    }));
    return { at: this.#now().toISOString(), rows };
  }

  valuation(): ValuationReport {
    const rows = valueFifo(this.repository.movements());
    const zero = money(0, rows[0]?.value.currency);
    return { at: this.#now().toISOString(), rows, total: rows.reduce((total, row) => add(total, row.value), zero) };
  }

  reorder({ windowDays, serviceLevel }: ReorderQuestion): ReorderReport {
    const demand = measureDemand(this.repository.movements(), this.#now(), windowDays);
    const rows = this.repository
      .products()
      .map((product) =>
        adviseReorder(product, this.repository.ledger.quantity(product.sku), demand.get(product.sku), { serviceLevel }),
      )
      .sort((a, b) => (a.daysLeft ?? Infinity) - (b.daysLeft ?? Infinity) || a.sku.localeCompare(b.sku));
    return { at: this.#now().toISOString(), rows };
  }
}
