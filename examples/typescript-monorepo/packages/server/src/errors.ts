import { DomainError, type ApiErrorBody, type DomainErrorCode } from "@acme/core";
import type { FastifyInstance } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";

const statusOf: Record<DomainErrorCode, number> = {
  invalid_money: 400,
  currency_mismatch: 409,
  unknown_product: 404,
  unknown_warehouse: 404,
  product_exists: 409,
  insufficient_stock: 409,
  out_of_order: 409,
};

export class NotFoundError extends Error {}
export class UnauthorizedError extends Error {}

/** Gives every failure the one form that the SDK knows; what is our fault is logged and not told. */
export function installErrorHandling(app: FastifyInstance): void {
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (hasZodFastifySchemaValidationErrors(error)) {
      const place = error.validationContext ?? "request";
      const issues = error.validation.map((issue) => ({
        path: `${place}${issue.instancePath}`,
        message: issue.message ?? "is wrong",
      }));
      return reply.code(400).send(body("invalid_request", "the request is not valid", issues));
    }
    if (error instanceof DomainError) return reply.code(statusOf[error.code]).send(body(error.code, error.message));
    if (error instanceof NotFoundError) return reply.code(404).send(body("not_found", error.message));
    if (error instanceof UnauthorizedError) return reply.code(401).send(body("invalid_request", error.message));
    if (error.statusCode !== undefined && error.statusCode < 500) {
      return reply.code(error.statusCode).send(body("invalid_request", error.message));
    }
    request.log.error({ err: error }, "request failed");
    return reply.code(500).send(body("internal", "something went wrong on our side"));
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(body("not_found", `there is no ${request.method} ${request.url}`)),
  );
}

function body(
  code: ApiErrorBody["error"]["code"],
  message: string,
  issues?: ApiErrorBody["error"]["issues"],
): ApiErrorBody {
  return { error: { code, message, ...(issues ? { issues } : {}) } };
}
