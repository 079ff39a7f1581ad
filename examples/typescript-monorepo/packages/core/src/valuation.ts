import type { Sku } from "./catalog.js";
import { DomainError } from "./errors.js";
import { add, money, times, type Money } from "./money.js";
import type { Movement } from "./movement.js";

export interface Valuation {
  sku: Sku;
  quantity: number;
  /** What the stock at hand cost. */
  value: Money;
  /** What the shipped goods cost. */
  costOfGoodsSold: Money;
  /** What damage, theft and counting took away. */
  writeOffs: Money;
}

interface Layer {
  quantity: number;
  unitCost: Money;
}

interface Account {
  layers: Layer[];
  lastCost: Money | undefined;
  costOfGoodsSold: Money | undefined;
  writeOffs: Money | undefined;
}

/**
 * Values stock first in, first out: what is shipped is what came first. Found
 * and returned goods enter at the cost of the last receipt; transfers change nothing.
 */
export function valueFifo(movements: Iterable<Movement>): Valuation[] {
  const accounts = new Map<Sku, Account>();
  for (const movement of movements) {
    let account = accounts.get(movement.sku);
    if (!account) {
      account = { layers: [], lastCost: undefined, costOfGoodsSold: undefined, writeOffs: undefined };
      accounts.set(movement.sku, account);
    }
    post(account, movement);
  }
  return [...accounts]
    .map(([sku, account]) => close(sku, account))
    .sort((a, b) => a.sku.localeCompare(b.sku));
}

function post(account: Account, movement: Movement): void {
  switch (movement.kind) {
    case "receipt":
      account.layers.push({ quantity: movement.quantity, unitCost: movement.unitCost });
      account.lastCost = movement.unitCost;
      break;
    case "shipment":
      account.costOfGoodsSold = addTo(account.costOfGoodsSold, consume(account, movement.quantity, movement.sku));
      break;
    case "adjustment":
      if (movement.delta > 0) {
        account.layers.push({ quantity: movement.delta, unitCost: account.lastCost ?? money(0) });
      } else {
        account.writeOffs = addTo(account.writeOffs, consume(account, -movement.delta, movement.sku));
      }
      break;
    case "transfer":
      break;
  }
}

function consume(account: Account, quantity: number, sku: Sku): Money {
  let cost: Money | undefined;
  let left = quantity;
  while (left > 0) {
    const layer = account.layers[0];
    if (!layer) throw new DomainError("insufficient_stock", `${sku}: ${left} more were taken than ever came in`);
    const taken = Math.min(left, layer.quantity);
    cost = addTo(cost, times(layer.unitCost, taken));
    layer.quantity -= taken;
    left -= taken;
    if (layer.quantity === 0) account.layers.shift();
  }
  return cost ?? money(0);
}

function close(sku: Sku, account: Account): Valuation {
  const zero = money(0, account.lastCost?.currency);
  return {
    sku,
    quantity: account.layers.reduce((total, layer) => total + layer.quantity, 0),
    value: account.layers.reduce((total, layer) => add(total, times(layer.unitCost, layer.quantity)), zero),
    costOfGoodsSold: account.costOfGoodsSold ?? zero,
    writeOffs: account.writeOffs ?? zero,
  };
}

function addTo(total: Money | undefined, amount: Money): Money {
  return total ? add(total, amount) : amount;
}
