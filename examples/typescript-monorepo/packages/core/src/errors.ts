export const domainErrorCodes = [
  "invalid_money",
  "currency_mismatch",
  "unknown_product",
  "unknown_warehouse",
  "product_exists",
  "insufficient_stock",
  "out_of_order",
] as const;

export type DomainErrorCode = (typeof domainErrorCodes)[number];

/** A rule of the domain that was broken. The code is stable, the message is for people. */
export class DomainError extends Error {
  override readonly name = "DomainError";

  constructor(
    readonly code: DomainErrorCode,
    message: string,
  ) {
    super(message);
  }
}
