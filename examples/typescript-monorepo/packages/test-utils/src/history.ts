import { Ledger, money, type Movement, type NewMovement, type Product, type Warehouse } from "@acme/core";
import { product, recorded, warehouse } from "./builders.js";
import { Random } from "./random.js";

export interface History {
  products: Product[];
  warehouses: Warehouse[];
  movements: Movement[];
  until: Date;
}

export interface HistoryOptions {
  seed?: number;
  products?: number;
  days?: number;
}

const shelf = [
  ["BOLT", "Hex bolt", "Fasteners"],
  ["NUT", "Lock nut", "Fasteners"],
  ["PIPE", "Copper pipe", "Plumbing"],
  ["LAMP", "Work lamp", "Electrical"],
  ["GLUE", "Wood glue", "Adhesives"],
] as const;

/**
 * Simulates a trading company: customers order at random, shelves are refilled
 * when they run low, and now and then something breaks. Every movement it
 * returns is one that a ledger accepts, in the order in which it happened.
 */
export function simulateHistory(options: HistoryOptions = {}): History {
  const { seed = 1, products: productCount = 8, days = 90 } = options;
  const random = new Random(seed);
  const warehouses = [warehouse("berlin"), warehouse("porto", { country: "PT" })];
  const products = Array.from({ length: productCount }, (_, index) => makeProduct(index, random));
  const demand = new Map(products.map((item) => [item.sku, 1 + random.next() * 8]));
  const ledger = new Ledger(products, warehouses);
  const movements: Movement[] = [];
  const start = Date.UTC(2025, 0, 1);

  let now = start;
  const post = (body: NewMovement) => {
    now += 1000;
    const movement = recorded(body, `m-${movements.length + 1}`, new Date(now));
    ledger.apply(movement);
    movements.push(movement);
  };

  for (let day = 0; day < days; day++) {
    now = start + day * 86_400_000 + 7 * 3_600_000;
    for (const { sku, packSize, price } of products) {
      for (const { id } of warehouses) {
        const mean = demand.get(sku) ?? 1;
        if (ledger.quantity(sku, id) < mean * 5) {
          const packs = Math.ceil((mean * 20) / packSize);
          const unitCost = money(Math.round(price.amount * (0.5 + random.next() * 0.2)));
          post({ kind: "receipt", sku, warehouse: id, quantity: packs * packSize, unitCost });
        }
        const wanted = Math.min(random.poisson(mean / 2), ledger.quantity(sku, id));
        if (wanted > 0) post({ kind: "shipment", sku, warehouse: id, quantity: wanted, order: `o-${movements.length}` });
        if (random.next() < 0.01 && ledger.quantity(sku, id) > 0) {
          post({ kind: "adjustment", sku, warehouse: id, delta: -1, reason: "damage" });
        }
      }
      if (random.next() < 0.05) rebalance(ledger, sku, post);
    }
  }
  return { products, warehouses, movements, until: new Date(start + days * 86_400_000) };
}

function makeProduct(index: number, random: Random): Product {
  const [prefix, name, category] = shelf[index % shelf.length] ?? shelf[0];
  return product({
    sku: `${prefix}-${1000 + index}`,
    name: `${name} ${index + 1}`,
    category,
    price: money(random.int(50, 20_000)),
    leadTimeDays: random.int(2, 21),
    packSize: random.pick([1, 10, 25, 50]),
  });
}

function rebalance(ledger: Ledger, sku: string, post: (body: NewMovement) => void): void {
  const difference = ledger.quantity(sku, "berlin") - ledger.quantity(sku, "porto");
  const quantity = Math.floor(Math.abs(difference) / 2);
  if (quantity === 0) return;
  const [from, to] = difference > 0 ? (["berlin", "porto"] as const) : (["porto", "berlin"] as const);
  post({ kind: "transfer", sku, from, to, quantity });
}
