import { describe, expect, it } from "vitest";
import { exponentOf, moneyAsInput, parseMoney, percentOff } from "./money";

const eur = (minor: number) => ({ minor, currency: "EUR", exponent: 2 });

describe("money as it is typed", () => {
  it.each([
    ["12.50", "EUR", 1250],
    ["12,5", "EUR", 1250],
    ["12", "EUR", 1200],
    ["12.", "EUR", 1200],
    [" 1 200.05 ", "EUR", 120005],
    ["1,234.50", "EUR", 123450],
    ["1.234,50", "EUR", 123450],
    ["500", "JPY", 500],
    ["1.234", "KWD", 1234],
    ["0", "CNY", 0],
  ])("%s %s", (text, currency, minor) => {
    expect(parseMoney(text, currency)).toEqual({ minor, currency, exponent: exponentOf(currency) });
  });

  it.each([
    ["", "EUR", "nothing"],
    ["-1", "EUR", "negative"],
    ["1.234", "EUR", "finer than a cent"],
    ["1.5", "JPY", "yen has no fraction"],
    ["abc", "EUR", "not a number"],
    ["1e3", "EUR", "scientific"],
    ["999999999999999999", "EUR", "too large to be exact"],
    ["99999999999999999", "JPY", "too large to be exact"],
  ])("refuses %s %s: %s", (text, currency) => expect(parseMoney(text, currency)).toBeNull());

  it("comes back as it was typed", () => {
    for (const minor of [0, 1, 10, 99, 100, 123456]) {
      expect(parseMoney(moneyAsInput(eur(minor)), "EUR")).toEqual(eur(minor));
    }
    expect(moneyAsInput(null)).toBe("");
    expect(moneyAsInput({ minor: 500, currency: "JPY", exponent: 0 })).toBe("500");
  });

  it("shows a reduction only when there is one", () => {
    expect(percentOff(eur(750), eur(1000))).toBe(25);
    expect(percentOff(eur(1000), eur(1000))).toBeNull();
    expect(percentOff(eur(1000), null)).toBeNull();
    expect(percentOff(eur(1), { minor: 500, currency: "JPY", exponent: 0 })).toBeNull();
  });
});
