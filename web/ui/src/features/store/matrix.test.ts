import { describe, expect, it } from "vitest";
import { combinations, emptyVariant, slug, variantsFor, VARIANTS_MAX } from "./matrix";

describe("the variants of a listing in the editor", () => {
  it("are every combination, in order, without empty or repeated values", () => {
    expect(
      combinations([
        { name: "Size", values: ["S", " M ", "", "S"] },
        { name: "Colour", values: ["Red", "Blue"] },
      ]),
    ).toEqual([
      ["S", "Red"],
      ["S", "Blue"],
      ["M", "Red"],
      ["M", "Blue"],
    ]);
    expect(combinations([])).toEqual([[]]);
  });

  it("stop at the limit", () => {
    const many = Array.from({ length: 30 }, (_, n) => `v${n}`);
    expect(
      combinations([
        { name: "a", values: many },
        { name: "b", values: many },
      ]),
    ).toHaveLength(VARIANTS_MAX);
  });

  it("keep what was typed, and a new one copies the price of the most alike", () => {
    const small = { ...emptyVariant(["S"]), sku: "tee-s", price: "9.00", stock: "4" };
    const large = { ...emptyVariant(["L"]), sku: "tee-l", price: "11.00", stock: "2" };
    const next = variantsFor([{ name: "Size", values: ["S", "L", "XL"] }], [small, large]);
    expect(next.map((one) => [one.sku, one.price])).toEqual([
      ["tee-s", "9.00"],
      ["tee-l", "11.00"],
      ["xl", "9.00"],
    ]);
  });

  it("get SKUs that differ", () => {
    const next = variantsFor([{ name: "Size", values: ["S!", "S?"] }], []);
    expect(next.map((one) => one.sku)).toEqual(["s", "s-2"]);
    expect(slug("红色 / Large")).toBe("红色-large");
  });
});
