import type { ApiErrorBody } from "@acme/core";

export type ApiIssue = NonNullable<ApiErrorBody["error"]["issues"]>[number];

/** The service understood the request and refused it. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: ApiErrorBody["error"]["code"],
    message: string,
    readonly issues: ApiIssue[] = [],
  ) {
    super(message);
  }
}

/** The service could not be reached, or did not answer in time. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";

  constructor(
    readonly attempts: number,
    options: { cause: unknown },
  ) {
    super(`no answer after ${attempts} ${attempts === 1 ? "attempt" : "attempts"}: ${rootCause(options.cause)}`, options);
  }
}

/** fetch says only "fetch failed"; what happened stands in the cause below it. */
function rootCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? rootCause(error.cause) : error.message;
}

/** The service answered with something that it does not promise. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}
