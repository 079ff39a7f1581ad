import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseRc, readSettings } from "../src/settings.js";

const folder = await mkdtemp(join(tmpdir(), "acme-cli-"));
after(() => rm(folder, { recursive: true }));
const rc = join(folder, "acmerc");
await writeFile(rc, "# mine\nurl = http://file.test/v1\n\ntoken=abc # old\n");

describe("readSettings", () => {
  it("prefers the flag, then the environment, then the file", async () => {
    const environment = { ACME_RC: rc, ACME_URL: "http://env.test" };
    assert.equal((await readSettings({ url: "http://flag.test" }, environment)).url, "http://flag.test");
    assert.equal((await readSettings({}, environment)).url, "http://env.test");
    assert.deepEqual(await readSettings({}, { ACME_RC: rc }), { url: "http://file.test/v1", token: "abc" });
  });

  it("does without a file", async () => {
    const settings = await readSettings({}, { ACME_RC: join(folder, "none") });
    assert.deepEqual(settings, { url: "http://127.0.0.1:4000/v1", token: undefined });
  });

  it("refuses what is no address", async () => {
    await assert.rejects(readSettings({ url: "stock" }, { ACME_RC: rc }), /"stock" is not an address/);
  });

  it("names the line that it cannot read", () => {
    assert.throws(() => parseRc("url = http://a\nport = 3\n", "~/.acmerc"), /~\/\.acmerc:2/);
  });
});
