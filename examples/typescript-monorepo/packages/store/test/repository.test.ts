import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { newShipment, product, recorded, simulateHistory } from "@acme/test-utils";
import { JournalRepository } from "../src/journal.js";
import { MemoryRepository } from "../src/memory.js";
import type { Repository } from "../src/repository.js";

const history = simulateHistory({ days: 8, products: 4 });

async function fill(repository: Repository): Promise<Repository> {
  for (const item of history.products) await repository.addProduct(item);
  for (const place of history.warehouses) await repository.saveWarehouse(place);
  for (const movement of history.movements) await repository.append(movement);
  return repository;
}

const folder = await mkdtemp(join(tmpdir(), "acme-store-"));
after(() => rm(folder, { recursive: true }));
let journals = 0;

/** What every repository promises, whatever it is made of. */
for (const [name, create] of [
  ["MemoryRepository", async () => new MemoryRepository()],
  ["JournalRepository", () => JournalRepository.open(join(folder, `${++journals}.journal`))],
] as [string, () => Promise<Repository>][]) {
  describe(name, () => {
    it("finds its way through the pages without a gap or an overlap", async () => {
      const repository = await fill(await create());
      const seen = [];
      let cursor: string | undefined;
      do {
        const page = repository.search({ limit: 7, cursor });
        assert.ok(page.items.length <= 7);
        seen.push(...page.items);
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      assert.deepEqual(seen, history.movements);
      await repository.close();
    });

    it("filters by product, kind and either end of a transfer", async () => {
      const repository = await fill(await create());
      const sku = history.products[1]?.sku ?? "";
      const page = repository.search({ sku, kind: "shipment", warehouse: "porto", limit: 500 });
      const expected = history.movements.filter(
        (movement) => movement.kind === "shipment" && movement.sku === sku && movement.warehouse === "porto",
      );
      assert.ok(expected.length > 0);
      assert.deepEqual(page, { items: expected, nextCursor: null });
      await repository.close();
    });

    it("keeps nothing of a movement that cannot be", async () => {
      const repository = await create();
      await repository.addProduct(product());
      await assert.rejects(repository.append(recorded(newShipment(), "m1", new Date())), { code: "unknown_warehouse" });
      assert.equal(repository.movement("m1"), undefined);
      assert.deepEqual(repository.movements(), []);
      await repository.close();
    });

    it("gives a SKU away once", async () => {
      const repository = await create();
      await repository.addProduct(product());
      await assert.rejects(repository.addProduct(product({ name: "Other" })), { code: "product_exists" });
      assert.equal(repository.product("BOLT-1042")?.name, "Hex bolt M8");
      await repository.close();
    });
  });
}
