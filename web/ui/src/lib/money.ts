/** Money as the node sends it: whole minor units. Never a floating-point amount. */
import type { Money } from "./types";

/** The amount as an exact decimal text: 1250 with exponent 2 is `12.50`. */
export function decimal({ minor, exponent }: Money): string {
  const sign = minor < 0 ? "-" : "";
  const digits = Math.abs(minor)
    .toString()
    .padStart(exponent + 1, "0");
  if (exponent === 0) return sign + digits;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

const formats = new Map<string, Intl.NumberFormat | null>();

function formatter(tag: string, money: Money): Intl.NumberFormat | null {
  const key = `${tag}|${money.currency}|${money.exponent}`;
  let format = formats.get(key);
  if (format === undefined) {
    try {
      format = new Intl.NumberFormat(tag, {
        style: "currency",
        currency: money.currency,
        minimumFractionDigits: money.exponent,
        maximumFractionDigits: money.exponent,
      });
    } catch {
      format = null; // not a three-letter code
    }
    formats.set(key, format);
  }
  return format;
}

/** The amount with its currency, as the language writes it. */
export function formatMoney(money: Money, tag: string): string {
  const text = decimal(money);
  // `format` takes a decimal string and keeps every digit of it.
  return formatter(tag, money)?.format(text as `${number}`) ?? `${text} ${money.currency}`;
}

/** What someone typed into a price field as minor units, or null when it is not an amount of this currency. */
export function parseAmount(text: string, exponent: number): number | null {
  const match = /^\s*(\d{1,12})(?:[.,](\d*))?\s*$/.exec(text);
  if (!match) return null;
  const fraction = match[2] ?? "";
  if (fraction.length > exponent) return null;
  const minor = Number((match[1] ?? "") + fraction.padEnd(exponent, "0"));
  return Number.isSafeInteger(minor) ? minor : null;
}
