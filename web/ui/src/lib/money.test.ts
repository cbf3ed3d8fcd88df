import { describe, expect, it } from "vitest";
import { decimal, formatMoney, parseAmount } from "./money";

describe("money", () => {
  it.each([
    [1250, 2, "12.50"],
    [5, 2, "0.05"],
    [0, 2, "0.00"],
    [-199, 2, "-1.99"],
    [980, 0, "980"],
    [1, 8, "0.00000001"],
  ])("writes %i minor units with exponent %i exactly", (minor, exponent, text) => {
    expect(decimal({ minor, currency: "XXX", exponent })).toBe(text);
  });

  it("keeps the last digit of amounts that a float would round", () => {
    const money = { minor: Number.MAX_SAFE_INTEGER, currency: "CNY", exponent: 2 };
    expect(formatMoney(money, "en")).toBe("CN¥90,071,992,547,409.91");
  });

  it("says the currency as each language does", () => {
    expect(formatMoney({ minor: 1880, currency: "CNY", exponent: 2 }, "zh-CN")).toBe("¥18.80");
    expect(formatMoney({ minor: 1880, currency: "JPY", exponent: 0 }, "en")).toBe("¥1,880");
  });

  it("shows a unit that is no ISO currency after the amount", () => {
    expect(formatMoney({ minor: 21, currency: "sat!", exponent: 0 }, "en")).toBe("21 sat!");
  });

  it.each([
    ["12.50", 2, 1250],
    ["12,5", 2, 1250],
    ["12", 2, 1200],
    [" 0.05 ", 2, 5],
    ["980", 0, 980],
  ])("reads %j", (text, exponent, minor) => {
    expect(parseAmount(text, exponent)).toBe(minor);
  });

  it.each(["", "abc", "-1", "1.234", "1e3", "12.5O", "9".repeat(20)])("refuses %j", (text) => {
    expect(parseAmount(text, 2)).toBeNull();
  });
});
