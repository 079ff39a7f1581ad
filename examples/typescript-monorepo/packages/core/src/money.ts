import { z } from "zod";
import { DomainError } from "./errors.js";

export const Currency = z.enum(["EUR", "USD", "GBP", "JPY"]);
export type Currency = z.infer<typeof Currency>;

/** An amount of the currency's minor unit: cents, pence, whole yen. */
export const Money = z.object({ amount: z.int(), currency: Currency });
export type Money = z.infer<typeof Money>;

const minorDigits: Record<Currency, number> = { EUR: 2, USD: 2, GBP: 2, JPY: 0 };

export function money(amount: number, currency: Currency = "EUR"): Money {
  if (!Number.isSafeInteger(amount)) {
    throw new DomainError("invalid_money", `${amount} is not a whole number of minor units`);
  }
  return { amount, currency };
}

export function add(a: Money, b: Money): Money {
  return money(a.amount + sameCurrency(a, b).amount, a.currency);
}

export function subtract(a: Money, b: Money): Money {
  return money(a.amount - sameCurrency(a, b).amount, a.currency);
}

/** Multiplies and rounds half away from zero, as invoices do. */
export function times(a: Money, factor: number): Money {
  const exact = a.amount * factor;
  return money(Math.sign(exact) * Math.round(Math.abs(exact)), a.currency);
}

export function sum(amounts: readonly Money[], currency: Currency = "EUR"): Money {
  return amounts.reduce(add, money(0, amounts[0]?.currency ?? currency));
}

/**
 * Splits an amount by weight without losing a cent: each share is rounded down,
 * and what is left goes to the shares with the largest remainders.
 */
export function allocate(total: Money, weights: readonly number[]): Money[] {
  const weightSum = weights.reduce((a, b) => a + b, 0);
  if (weightSum <= 0 || weights.some((w) => w < 0)) {
    throw new DomainError("invalid_money", "weights must not be negative and must not all be zero");
  }
  const exact = weights.map((w) => (total.amount * w) / weightSum);
  const shares = exact.map(Math.floor);
  let left = total.amount - shares.reduce((a, b) => a + b, 0);
  const byRemainder = exact
    .map((value, index) => ({ index, remainder: value - Math.floor(value) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of byRemainder) {
    if (left === 0) break;
    shares[index] = (shares[index] ?? 0) + 1;
    left--;
  }
  return shares.map((amount) => money(amount, total.currency));
}

export function formatMoney(value: Money, locale = "en-GB"): string {
  const digits = minorDigits[value.currency];
  return new Intl.NumberFormat(locale, {
    style: "currency",
    currency: value.currency,
    minimumFractionDigits: digits,
  }).format(value.amount / 10 ** digits);
}

/** Reads `12.50 EUR`, `12 EUR` or `1200 JPY`. More digits than the currency has are an error. */
export function parseMoney(text: string): Money {
  const match = /^\s*(-?)(\d+)(?:\.(\d+))?\s*([A-Z]{3})\s*$/.exec(text);
  const currency = Currency.safeParse(match?.[4]);
  if (!match || !currency.success) {
    throw new DomainError("invalid_money", `cannot read "${text}" as money; write it as 12.50 EUR`);
  }
  const digits = minorDigits[currency.data];
  const fraction = match[3] ?? "";
  if (fraction.length > digits) {
    throw new DomainError("invalid_money", `${currency.data} has ${digits} decimals, "${text}" has ${fraction.length}`);
  }
  const amount = Number(`${match[2]}${fraction.padEnd(digits, "0")}`);
  return money(match[1] === "-" && amount !== 0 ? -amount : amount, currency.data);
}

function sameCurrency(a: Money, b: Money): Money {
  if (a.currency !== b.currency) {
    throw new DomainError("currency_mismatch", `${a.currency} and ${b.currency} cannot be mixed`);
  }
  return b;
}
