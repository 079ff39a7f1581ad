import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { newReceipt, newShipment, product, recorded, warehouse } from "@acme/test-utils";
import { JournalRepository } from "../src/journal.js";

const day = (n: number) => new Date(Date.UTC(2025, 0, n));

describe("JournalRepository", () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "acme-journal-"));
    path = join(folder, "stock.journal");
    const repository = await JournalRepository.open(path);
    await repository.addProduct(product({ name: "Größe 8 – hex bolt" }));
    await repository.saveWarehouse(warehouse());
    await repository.append(recorded(newReceipt(), "m1", day(1)));
    await repository.close();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is there again after a restart", async () => {
    const repository = await JournalRepository.open(path);
    assert.equal(repository.ledger.quantity("BOLT-1042"), 10);
    assert.equal(repository.product("BOLT-1042")?.name, "Größe 8 – hex bolt");
    await repository.close();
  });

  it("cuts off the half line of a crash and goes on", async () => {
    const whole = (await stat(path)).size;
    await appendFile(path, '0123456789ab {"type":"move');
    let repository = await JournalRepository.open(path);
    assert.equal((await stat(path)).size, whole);
    await repository.append(recorded(newShipment({ quantity: 4 }), "m2", day(2)));
    await repository.close();
    repository = await JournalRepository.open(path);
    assert.equal(repository.ledger.quantity("BOLT-1042"), 6);
    await repository.close();
  });

  it("refuses a line that was changed, and names it", async () => {
    const content = await readFile(path, "utf8");
    await writeFile(path, content.replace('"quantity":10', '"quantity":99'));
    await assert.rejects(JournalRepository.open(path), /stock\.journal:3: the checksum/);
  });

  it("writes in the order of the calls", async () => {
    let repository = await JournalRepository.open(path);
    const shipments = Array.from({ length: 10 }, (_, n) => recorded(newShipment(), `s${n}`, day(2)));
    await Promise.all(shipments.map((shipment) => repository.append(shipment)));
    await repository.close();
    repository = await JournalRepository.open(path);
    assert.deepEqual(repository.movements().slice(1), shipments);
    await repository.close();
  });

  it("compacts to the same state", async () => {
    let repository = await JournalRepository.open(path);
    for (const name of ["a", "b", "c"]) await repository.saveWarehouse(warehouse("berlin", { name }));
    const before = (await stat(path)).size;
    await repository.compact();
    assert.ok((await stat(path)).size < before);
    await repository.append(recorded(newShipment(), "m2", day(2)));
    await repository.close();
    repository = await JournalRepository.open(path);
    assert.equal(repository.warehouses()[0]?.name, "c");
    assert.equal(repository.ledger.quantity("BOLT-1042"), 9);
    await repository.close();
  });
});
