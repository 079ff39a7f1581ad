import { AcmeClient } from "@acme/sdk";
import type { Command } from "commander";
import { readSettings } from "./settings.js";

/** What a command gets from the world; tests give their own. */
export interface World {
  environment: Record<string, string | undefined>;
  print: (text: string) => void;
  fetch?: typeof fetch;
}

interface GlobalFlags {
  url?: string;
  token?: string;
  json?: boolean;
}

export function addGlobalFlags(command: Command): Command {
  return command
    .option("--url <address>", "address of the stock service")
    .option("--token <token>", "token of the stock service")
    .option("--json", "print JSON instead of a table");
}

export async function clientFor(command: Command, world: World): Promise<AcmeClient> {
  const { url, token } = await readSettings(command.optsWithGlobals<GlobalFlags>(), world.environment);
  return new AcmeClient({ baseUrl: url, token, ...(world.fetch ? { fetch: world.fetch } : {}) });
}

/** Prints a result for people, or as JSON where that was asked for. */
export function show<T>(command: Command, world: World, result: T, render: (result: T) => string): void {
  const { json } = command.optsWithGlobals<GlobalFlags>();
  world.print(json ? JSON.stringify(result, null, 2) : render(result));
}
