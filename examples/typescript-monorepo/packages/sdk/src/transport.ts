import { ApiErrorBody } from "@acme/core";
import type { z } from "zod";
import { ApiError, ConnectionError, ProtocolError } from "./errors.js";

export interface TransportOptions {
  baseUrl: string;
  token?: string | undefined;
  /** For each attempt. Default 10 000. */
  timeoutMs?: number;
  /** Attempts after the first one, for requests that may be repeated. Default 2. */
  retries?: number | undefined;
  /** Default: the global fetch. */
  fetch?: typeof fetch;
  /** Waits between attempts; tests replace it. */
  sleep?: (ms: number) => Promise<void>;
}

export interface Request {
  method: "GET" | "POST" | "PUT";
  path: string;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** Sent with a POST so that the service can tell a repetition from a second order. */
  idempotencyKey?: string;
}

const mayPass = new Set([408, 425, 429, 502, 503, 504]);

export class Transport {
  readonly #base: URL;
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#base = new URL(options.baseUrl.endsWith("/") ? options.baseUrl : `${options.baseUrl}/`);
    this.#options = options;
  }

  /** Sends a request, again where that is safe, and checks the answer against the schema. */
  async send<S extends z.ZodType>(request: Request, schema: S): Promise<z.output<S>> {
    const response = await this.#attempt(request);
    const text = await response.text();
    const body = parseJson(text);
    if (!response.ok) throw toError(response.status, body, text);
    const result = schema.safeParse(body);
    if (!result.success) {
      const where = result.error.issues[0]?.path.join("/") ?? "";
      throw new ProtocolError(`${request.method} ${request.path}: unexpected answer at "${where}"`);
    }
    return result.data;
  }

  async #attempt(request: Request): Promise<Response> {
    const repeatable = request.method !== "POST" || request.idempotencyKey !== undefined;
    const attempts = 1 + (repeatable ? (this.#options.retries ?? 2) : 0);
    const sleep = this.#options.sleep ?? ((ms) => new Promise<void>((done) => setTimeout(done, ms)));
    for (let attempt = 1; ; attempt++) {
      let wait = 200 * 2 ** (attempt - 1);
      try {
        const response = await this.#once(request);
        if (!mayPass.has(response.status) || attempt === attempts) return response;
        wait = retryAfterMs(response.headers.get("retry-after")) ?? wait;
        await response.body?.cancel();
      } catch (cause) {
        request.signal?.throwIfAborted();
        if (attempt === attempts) throw new ConnectionError(attempt, { cause });
      }
      await sleep(wait);
    }
  }

  async #once({ method, path, query = {}, body, signal, idempotencyKey }: Request): Promise<Response> {
    const url = new URL(path.replace(/^\//, ""), this.#base);
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const headers = new Headers({ accept: "application/json" });
    if (this.#options.token) headers.set("authorization", `Bearer ${this.#options.token}`);
    if (idempotencyKey) headers.set("idempotency-key", idempotencyKey);
    if (body !== undefined) headers.set("content-type", "application/json");

    const timeout = AbortSignal.timeout(this.#options.timeoutMs ?? 10_000);
    const send = this.#options.fetch ?? fetch;
    return send(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  }
}

/** Reads `Retry-After` in its form of seconds; at most a minute. */
export function retryAfterMs(header: string | null): number | undefined {
  if (header === null || !/^\d+$/.test(header)) return undefined;
  return Math.min(Number(header), 60) * 1000;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toError(status: number, body: unknown, text: string): Error {
  const parsed = ApiErrorBody.safeParse(body);
  if (!parsed.success) return new ProtocolError(`status ${status}: ${text.slice(0, 200)}`);
  const { code, message, issues } = parsed.data.error;
  return new ApiError(status, code, message, issues);
}
