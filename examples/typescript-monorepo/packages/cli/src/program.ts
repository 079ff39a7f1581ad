import { DomainError } from "@acme/core";
import { ApiError, ConnectionError, ProtocolError } from "@acme/sdk";
import { Command, CommanderError } from "commander";
import { addCatalogCommands } from "./commands/catalog.js";
import { addMovementCommands } from "./commands/movements.js";
import { addReportCommands } from "./commands/reports.js";
import { addGlobalFlags, type World } from "./context.js";
import { UserError } from "./settings.js";

export function createProgram(world: World): Command {
  const program = addGlobalFlags(new Command("acme"))
    .description("Keeps stock: what is where, what it is worth and what to order")
    .showHelpAfterError("(acme --help lists the commands)");
  addCatalogCommands(program, world);
  addMovementCommands(program, world);
  addReportCommands(program, world);
  return program;
}

/** Runs a command line and returns its exit code: 0 done, 1 refused, 2 wrong use, 3 no connection. */
export async function run(args: readonly string[], world: World, complain: (text: string) => void): Promise<number> {
  const program = createProgram(world);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ writeOut: (text) => world.print(text.trimEnd()), writeErr: complain });
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const [code, lines] = explain(error);
    complain(lines.map((line) => `${line}\n`).join(""));
    return code;
  }
}

function explain(error: unknown): [code: number, lines: string[]] {
  if (error instanceof ApiError) {
    return [1, [`acme: ${error.message}`, ...error.issues.map((issue) => `  ${issue.path}: ${issue.message}`)]];
  }
  if (error instanceof UserError || error instanceof DomainError) return [2, [`acme: ${error.message}`]];
  if (error instanceof ConnectionError || error instanceof ProtocolError) {
    return [3, [`acme: ${error.message}`, "Is the service running, and is --url right?"]];
  }
  throw error;
}
