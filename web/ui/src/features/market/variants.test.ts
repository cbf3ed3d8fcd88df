import { describe, expect, it } from "vitest";
import type { Variant } from "$lib/types";
import {
  choices,
  choose,
  firstVariant,
  hasRealOptions,
  optionsInWords,
  quantityMax,
  stockNote,
  variantBySku,
} from "./variants";

function variant(sku: string, options: string[], more: Partial<Variant> = {}): Variant {
  return {
    sku,
    options,
    price: { minor: 100, currency: "EUR", exponent: 2 },
    compare_at: null,
    stock: null,
    allow_backorder: false,
    weight_g: null,
    image: null,
    gtin: null,
    available: true,
    ...more,
  };
}

const shirt = {
  options: [
    { name: "Colour", values: ["Red", "Blue", "Green"] },
    { name: "Size", values: ["S", "M", "L"] },
  ],
  variants: [
    variant("RS", ["Red", "S"], { available: false, stock: 0 }),
    variant("RM", ["Red", "M"]),
    variant("BM", ["Blue", "M"], { available: false, stock: 0 }),
    variant("BL", ["Blue", "L"]),
    variant("GS", ["Green", "S"], { available: false, stock: 0 }),
  ],
};
const states = (sku: string, index: number) =>
  choices(shirt, variantBySku(shirt, sku), index).map((choice) => `${choice.value}:${choice.state}`);

describe("the variant picker", () => {
  it("starts with the first variant that can be bought", () => {
    expect(firstVariant(shirt)?.sku).toBe("RM");
    expect(variantBySku(shirt, "gone")?.sku).toBe("RM");
    expect(firstVariant({ options: [], variants: [] })).toBeNull();
  });

  it("never disables a value of the first option, so there is no dead end", () => {
    expect(states("RM", 0)).toEqual(["Red:available", "Blue:sold_out", "Green:sold_out"]);
  });

  it("disables a combination that does not exist and marks one that is sold out", () => {
    expect(states("RM", 1)).toEqual(["S:sold_out", "M:available", "L:missing"]);
    expect(states("BL", 1)).toEqual(["S:missing", "M:sold_out", "L:available"]);
  });

  it("keeps later options when it can and moves them to something in stock when it cannot", () => {
    expect(choose(shirt, variantBySku(shirt, "RM"), 0, "Blue")?.sku).toBe("BM");
    expect(choose(shirt, variantBySku(shirt, "RS"), 0, "Blue")?.sku).toBe("BL");
    expect(choose(shirt, variantBySku(shirt, "RM"), 1, "L")?.sku).toBe("RM");
  });

  it.each([
    ["sold out", variant("a", [], { available: false, stock: 0 }), 0, "sold_out"],
    ["not tracked", variant("a", []), 999, "in_stock"],
    ["few left", variant("a", [], { stock: 3 }), 3, "left"],
    ["plenty", variant("a", [], { stock: 5000 }), 999, "in_stock"],
    ["on backorder", variant("a", [], { stock: 0, allow_backorder: true }), 999, "backorder"],
  ])("says how many can be bought: %s", (_, one, max, kind) => {
    expect(quantityMax(one)).toBe(max);
    expect(stockNote(one).kind).toBe(kind);
  });

  it("hides the option that a single product has only for the format", () => {
    expect(hasRealOptions({ options: [{ name: "Title", values: ["Default Title"] }], variants: [] })).toBe(
      false,
    );
    expect(hasRealOptions(shirt)).toBe(true);
    expect(optionsInWords(["Default Title"])).toBe("");
    expect(optionsInWords(["Red", "M"])).toBe("Red / M");
  });
});
