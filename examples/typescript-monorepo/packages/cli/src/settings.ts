import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export interface Settings {
  url: string;
  token: string | undefined;
}

/** Something that the user can mend: printed without a stack. */
export class UserError extends Error {}

const knownKeys = new Set(["url", "token"]);

/** Flags win over the environment, the environment over `~/.acmerc`. */
export async function readSettings(
  flags: { url?: string | undefined; token?: string | undefined },
  environment: Record<string, string | undefined>,
): Promise<Settings> {
  const file = await readRc(environment["ACME_RC"] ?? join(homedir(), ".acmerc"));
  const url = flags.url ?? environment["ACME_URL"] ?? file.get("url") ?? "http://127.0.0.1:4000/v1";
  if (!URL.canParse(url)) throw new UserError(`"${url}" is not an address; write it as http://host:4000/v1`);
  return { url, token: flags.token ?? environment["ACME_TOKEN"] ?? file.get("token") };
}

async function readRc(path: string): Promise<Map<string, string>> {
  let content: string;
  try {
    content = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw new UserError(`cannot read ${path}: ${(error as Error).message}`);
  }
  return parseRc(content, path);
}

/** Lines of `key = value`; `#` starts a comment. */
export function parseRc(content: string, path: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [index, raw] of content.split(/\r?\n/).entries()) {
    const line = raw.replace(/#.*/, "").trim();
    if (line === "") continue;
    const match = /^(\w+)\s*=\s*(.+)$/.exec(line);
    const [, key = "", value = ""] = match ?? [];
    if (!knownKeys.has(key)) {
      throw new UserError(`${path}:${index + 1}: expected "url = …" or "token = …"`);
    }
    values.set(key, value);
  }
  return values;
}
