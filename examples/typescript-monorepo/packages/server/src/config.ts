import { z } from "zod";

const Environment = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: z.coerce.number().int().min(0).max(65_535).default(4000),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  /** Without a journal everything is forgotten at the end. */
  STOCK_JOURNAL: z.string().min(1).optional(),
  API_TOKEN: z.string().min(16, "must have at least 16 characters").optional(),
});

export interface Config {
  host: string;
  port: number;
  logLevel: string;
  journal: string | undefined;
  token: string | undefined;
}

/** Reads the configuration; an error names every variable that is wrong. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const result = Environment.safeParse(environment);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`the environment is wrong: ${problems.join("; ")}`);
  }
  const { HOST, PORT, LOG_LEVEL, STOCK_JOURNAL, API_TOKEN } = result.data;
  return { host: HOST, port: PORT, logLevel: LOG_LEVEL, journal: STOCK_JOURNAL, token: API_TOKEN };
}
