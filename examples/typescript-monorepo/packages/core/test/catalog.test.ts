import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Product, searchProducts } from "../src/catalog.js";

function product(sku: string, name: string, tags: string[] = []): Product {
  return Product.parse({
    sku,
    name,
    category: "Fasteners",
    unit: "piece",
    price: { amount: 10, currency: "EUR" },
    leadTimeDays: 5,
    tags,
  });
}

const shelf = [
  product("BOLT-1042", "Hex bolt M8", ["steel"]),
  product("BOLT-2000", "Carriage bolt M10"),
  product("NUT-1042", "Hex nut M8", ["steel"]),
];

describe("Product", () => {
  it("fills in what is usual", () => {
    assert.equal(shelf[0]?.packSize, 1);
  });

  it("says what is wrong with a SKU", () => {
    const result = Product.safeParse({ ...shelf[0], sku: "bolt" });
    assert.equal(result.success, false);
    assert.match(result.error.issues[0]?.message ?? "", /BOLT-1042/);
  });
});

describe("searchProducts", () => {
  const skus = (query: string) => searchProducts(shelf, query).map((hit) => hit.product.sku);

  it("needs every word", () => {
    assert.deepEqual(skus("hex m8"), ["BOLT-1042", "NUT-1042"]);
    assert.deepEqual(skus("hex m10"), []);
  });

  it("puts the SKU first", () => {
    assert.deepEqual(skus("nut-1042"), ["NUT-1042"]);
    assert.deepEqual(skus("bolt"), ["BOLT-1042", "BOLT-2000"]);
  });

  it("looks at tags and categories", () => {
    assert.deepEqual(skus("steel nut"), ["NUT-1042"]);
    assert.equal(skus("fasteners").length, 3);
  });

  it("lists everything for an empty query", () => {
    assert.equal(skus("  ").length, 3);
  });
});
