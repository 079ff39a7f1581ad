import { Movement, Product, Warehouse } from "@acme/core";
import { createHash } from "node:crypto";
import { open, rename, type FileHandle } from "node:fs/promises";
import { MemoryRepository } from "./memory.js";

type Entry =
  | { type: "product"; value: Product }
  | { type: "warehouse"; value: Warehouse }
  | { type: "movement"; value: Movement };

const schemas = { product: Product, warehouse: Warehouse, movement: Movement };

/** A line of the journal that cannot be what was written. */
export class DamagedJournalError extends Error {
  override readonly name = "DamagedJournalError";

  constructor(path: string, line: number, reason: string) {
    super(`${path}:${line}: ${reason}`);
  }
}

/**
 * JournalRepository keeps everything in memory and appends each change to a
 * file before it reports success. A last line without its end, as a crash
 * leaves it, is cut off when the journal is opened; damage anywhere else is an error. After
 * a write that failed, memory is ahead of the file: close it and open it again.
 */
export class JournalRepository extends MemoryRepository {
  readonly #path: string;
  #file: FileHandle;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle) {
    super();
    this.#path = path;
    this.#file = file;
  }

  static async open(path: string): Promise<JournalRepository> {
    const file = await open(path, "a+");
    try {
      const repository = new JournalRepository(path, file);
      await repository.#replay();
      return repository;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  override async addProduct(product: Product): Promise<void> {
    await super.addProduct(product);
    await this.#write({ type: "product", value: product });
  }

  override async saveWarehouse(warehouse: Warehouse): Promise<void> {
    await super.saveWarehouse(warehouse);
    await this.#write({ type: "warehouse", value: warehouse });
  }

  override async append(movement: Movement): Promise<void> {
    await super.append(movement);
    await this.#write({ type: "movement", value: movement });
  }

  /** Writes a journal without superseded entries beside the old one and puts it in its place. */
  async compact(): Promise<void> {
    await this.#exclusively(async () => {
      const temporary = `${this.#path}.compact`;
      const next = await open(temporary, "w");
      try {
        for (const value of this.products()) await next.write(encode({ type: "product", value }));
        for (const value of this.warehouses()) await next.write(encode({ type: "warehouse", value }));
        for (const value of this.movements()) await next.write(encode({ type: "movement", value }));
        await next.sync();
      } finally {
        await next.close();
      }
      await rename(temporary, this.#path);
      await this.#file.close();
      this.#file = await open(this.#path, "a+");
    });
  }

  override async close(): Promise<void> {
    await this.#exclusively(() => this.#file.close());
  }

  #write(entry: Entry): Promise<void> {
    return this.#exclusively(async () => {
      await this.#file.appendFile(encode(entry));
      await this.#file.datasync();
    });
  }

  /** One operation on the file after the other, in the order of the calls; a failed one does not stop the next. */
  #exclusively(operation: () => Promise<void>): Promise<void> {
    const result = this.#writing.then(operation);
    this.#writing = result.catch(() => undefined);
    return result;
  }

  async #replay(): Promise<void> {
    const content = await this.#file.readFile("utf8");
    const end = content.lastIndexOf("\n") + 1;
    const lines = content.slice(0, end).split("\n").slice(0, -1);
    for (const [index, line] of lines.entries()) {
      const entry = decode(line, (reason) => new DamagedJournalError(this.#path, index + 1, reason));
      if (entry.type === "product") await super.addProduct(entry.value);
      else if (entry.type === "warehouse") await super.saveWarehouse(entry.value);
      else await super.append(entry.value);
    }
    if (end < content.length) await this.#file.truncate(Buffer.byteLength(content.slice(0, end)));
  }
}

/** A line is a checksum, a space and the entry as JSON. */
function encode(entry: Entry): string {
  const json = JSON.stringify(entry);
  return `${checksum(json)} ${json}\n`;
}

function decode(line: string, fail: (reason: string) => Error): Entry {
  const [sum, json] = [line.slice(0, 12), line.slice(13)];
  if (checksum(json) !== sum) throw fail("the checksum does not fit the entry");
  const { type, value } = JSON.parse(json) as { type: keyof typeof schemas; value: unknown };
  const schema = schemas[type];
  if (!schema) throw fail(`there are no entries of type ${String(type)}`);
  return { type, value: schema.parse(value) } as Entry;
}

function checksum(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
