/** Money as a person types it. Only whole minor units leave this file; no floating point is used. */
import type { Money } from "$lib/types";

/** The largest sum in minor units that a JSON number carries exactly. */
const MINOR_MAX = Number.MAX_SAFE_INTEGER;

/** Digits after the point, as ISO 4217 says, where it is not 2. */
const EXPONENTS: Readonly<Record<string, number>> = {
  BHD: 3,
  CLP: 0,
  IDR: 2,
  ISK: 0,
  IQD: 3,
  JOD: 3,
  JPY: 0,
  KRW: 0,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  PYG: 0,
  TND: 3,
  UGX: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
};

/** Currencies that the forms offer; any other that a store already has is kept. */
export const CURRENCIES = [
  "CNY",
  "EUR",
  "USD",
  "GBP",
  "JPY",
  "HKD",
  "TWD",
  "SGD",
  "CHF",
  "AUD",
  "CAD",
  "PHP",
  "INR",
  "KRW",
] as const;

/** Digits after the point for a currency. */
export function exponentOf(currency: string): number {
  return EXPONENTS[currency] ?? 2;
}

/** `"12.50"`, `"12,5"` or `"1 200"` as money, or null when it isn't a sum in this currency. */
export function parseMoney(text: string, currency: string, exponent = exponentOf(currency)): Money | null {
  const clean = text.trim().replace(/[\s\u00a0\u202f'’]/g, "");
  const match = /^(\d{1,15})(?:[.,。](\d*))?$/.exec(groupless(clean));
  if (match === null) return null;
  const fraction = match[2] ?? "";
  if (fraction.length > exponent) return null;
  const minor = Number(`${match[1]}${fraction.padEnd(exponent, "0")}`);
  return minor <= MINOR_MAX ? { minor, currency, exponent } : null;
}

/** Drops thousands separators when both kinds of mark are used ("1,234.50" or "1.234,50"). */
function groupless(text: string): string {
  if (text.includes(",") && text.includes(".")) {
    const group = text.lastIndexOf(",") > text.lastIndexOf(".") ? "." : ",";
    return text.split(group).join("");
  }
  return text;
}

/** Money as plain digits for an input field ("12.50"). */
export function moneyAsInput(money: Money | null | undefined): string {
  if (money === null || money === undefined) return "";
  if (money.exponent === 0) return String(money.minor);
  const digits = String(money.minor).padStart(money.exponent + 1, "0");
  return `${digits.slice(0, -money.exponent)}.${digits.slice(-money.exponent)}`;
}

/** Whether two sums can be compared: the same currency and exponent. */
export function comparable(a: Money, b: Money): boolean {
  return a.currency === b.currency && a.exponent === b.exponent;
}

/** Percent off, rounded down; null when there is no reduction. */
export function percentOff(price: Money, compareAt: Money | null): number | null {
  if (compareAt === null || !comparable(price, compareAt) || compareAt.minor <= price.minor) return null;
  const percent = Math.floor(((compareAt.minor - price.minor) * 100) / compareAt.minor);
  return percent > 0 ? percent : null;
}
