import { z } from "zod";
import { Money } from "./money.js";

export const Sku = z.string().regex(/^[A-Z]{2,4}-\d{3,6}$/, "a SKU looks like BOLT-1042");
export type Sku = z.infer<typeof Sku>;

export const WarehouseId = z.string().regex(/^[a-z][a-z0-9-]{1,30}$/, "a warehouse id looks like berlin-2");
export type WarehouseId = z.infer<typeof WarehouseId>;

export const Unit = z.enum(["piece", "box", "metre", "litre", "kilogram"]);
export type Unit = z.infer<typeof Unit>;

export const Product = z.object({
  sku: Sku,
  name: z.string().trim().min(1).max(120),
  category: z.string().trim().min(1).max(60),
  unit: Unit,
  price: Money,
  /** Days between an order at the supplier and its receipt. */
  leadTimeDays: z.int().min(0).max(365),
  /** The supplier sells whole packs only. */
  packSize: z.int().min(1).default(1),
  tags: z.array(z.string().trim().min(1)).max(12).default([]),
});
export type Product = z.infer<typeof Product>;

export const Warehouse = z.object({
  id: WarehouseId,
  name: z.string().trim().min(1).max(120),
  country: z.string().length(2).toUpperCase(),
});
export type Warehouse = z.infer<typeof Warehouse>;

export interface SearchHit {
  product: Product;
  /** Larger is better; only the order has a meaning. */
  score: number;
}

/** Finds products whose SKU, name, category or tags contain every word of the query. */
export function searchProducts(products: Iterable<Product>, query: string): SearchHit[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const hits: SearchHit[] = [];
  for (const product of products) {
    const scores = words.map((word) => scoreWord(product, word));
    if (scores.every((score) => score > 0)) {
      hits.push({ product, score: scores.reduce((a, b) => a + b, 0) });
    }
  }
  return hits.sort((a, b) => b.score - a.score || a.product.sku.localeCompare(b.product.sku));
}

function scoreWord(product: Product, word: string): number {
  const sku = product.sku.toLowerCase();
  if (sku === word) return 100;
  if (sku.startsWith(word)) return 50;
  const name = product.name.toLowerCase();
  if (name.split(/[\s,/-]+/).includes(word)) return 20;
  if (name.includes(word)) return 10;
  if (product.tags.some((tag) => tag.toLowerCase() === word)) return 8;
  if (product.category.toLowerCase().includes(word)) return 5;
  return 0;
}
