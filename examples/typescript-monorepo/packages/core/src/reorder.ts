import type { Product, Sku } from "./catalog.js";
import type { Movement } from "./movement.js";

export interface Demand {
  sku: Sku;
  /** Units shipped on an average day of the window. */
  perDay: number;
  /** Standard deviation of the units shipped a day. */
  deviation: number;
}

export interface ReorderAdvice {
  sku: Sku;
  onHand: number;
  reorderPoint: number;
  safetyStock: number;
  /** Whole packs, in units; zero while the stock is above the reorder point. */
  orderQuantity: number;
  /** Days until the stock is gone at the average demand; null without demand. */
  daysLeft: number | null;
}

export interface ReorderOptions {
  /** The share of lead times without a shortage, above 0.5 and below 1. Default 0.95. */
  serviceLevel?: number;
  /** Days that an order should last beyond the lead time. Default 14. */
  coverDays?: number;
}

const dayMs = 86_400_000;

/** Demand over the days before `until`, days without a shipment included. */
export function measureDemand(movements: Iterable<Movement>, until: Date, windowDays: number): Map<Sku, Demand> {
  const start = until.getTime() - windowDays * dayMs;
  const perDay = new Map<Sku, number[]>();
  for (const movement of movements) {
    if (movement.kind !== "shipment") continue;
    const at = Date.parse(movement.at);
    if (at < start || at >= until.getTime()) continue;
    const days = perDay.get(movement.sku) ?? new Array<number>(windowDays).fill(0);
    const day = Math.floor((at - start) / dayMs);
    days[day] = (days[day] ?? 0) + movement.quantity;
    perDay.set(movement.sku, days);
  }
  const demand = new Map<Sku, Demand>();
  for (const [sku, days] of perDay) {
    const mean = days.reduce((a, b) => a + b, 0) / windowDays;
    const variance = days.reduce((total, units) => total + (units - mean) ** 2, 0) / windowDays;
    demand.set(sku, { sku, perDay: mean, deviation: Math.sqrt(variance) });
  }
  return demand;
}

export function adviseReorder(
  product: Product,
  onHand: number,
  demand: Demand | undefined,
  options: ReorderOptions = {},
): ReorderAdvice {
  const { serviceLevel = 0.95, coverDays = 14 } = options;
  const perDay = demand?.perDay ?? 0;
  const safetyStock = Math.ceil(
    normalQuantile(serviceLevel) * (demand?.deviation ?? 0) * Math.sqrt(product.leadTimeDays),
  );
  const reorderPoint = Math.ceil(perDay * product.leadTimeDays) + safetyStock;
  let orderQuantity = 0;
  if (perDay > 0 && onHand <= reorderPoint) {
    const wanted = reorderPoint + perDay * coverDays - onHand;
    orderQuantity = Math.ceil(wanted / product.packSize) * product.packSize;
  }
  return {
    sku: product.sku,
    onHand,
    reorderPoint,
    safetyStock,
    orderQuantity,
    daysLeft: perDay > 0 ? Math.floor(onHand / perDay) : null,
  };
}

/**
 * The z for which a standard normal variable stays below with the given
 * probability; Abramowitz and Stegun 26.2.23, absolute error below 4.5e-4.
 */
export function normalQuantile(probability: number): number {
  if (!(probability > 0 && probability < 1)) {
    throw new RangeError(`a probability lies between 0 and 1, not ${probability}`);
  }
  if (probability < 0.5) return -normalQuantile(1 - probability);
  const t = Math.sqrt(-2 * Math.log(1 - probability));
  const numerator = 2.515517 + t * (0.802853 + t * 0.010328);
  const denominator = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  return t - numerator / denominator;
}
