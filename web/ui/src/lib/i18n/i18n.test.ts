import { describe, expect, it } from "vitest";
import { preferred } from "./index.svelte";
import { plurals } from "./plural";

const packs = import.meta.glob<Record<string, unknown>>(
  ["./{en,zh}.ts", "../../features/*/messages.{en,zh}.ts"],
  {
    eager: true,
  },
);
const textsOf = (path: string): object => (packs[path]?.["default"] ?? packs[path]?.["en"]) as object;

/** Every text as `path → sample`; functions are called with something that fits any parameter. */
function flat(texts: object, prefix = ""): Map<string, string> {
  const out = new Map<string, string>();
  for (const [key, value] of Object.entries(texts)) {
    const path = prefix + key;
    if (typeof value === "function") out.set(path, String((value as (...a: unknown[]) => unknown)(3, 5)));
    else if (typeof value === "string") out.set(path, value);
    else for (const [inner, text] of flat(value as object, `${path}.`)) out.set(inner, text);
  }
  return out;
}

const english = Object.keys(packs).filter((path) => path.includes("en.ts"));

describe("texts", () => {
  it("exist", () => expect(english.length).toBeGreaterThan(5));

  it.each(english)("%s and its translation have the same keys and no empty text", (path) => {
    const en = flat(textsOf(path));
    const zh = flat(textsOf(path.replace("en.ts", "zh.ts")));
    expect([...zh.keys()].sort()).toEqual([...en.keys()].sort());
    for (const [key, text] of [...en, ...zh]) expect(text.trim(), key).not.toBe("");
  });

  it.each(english)("the translation of %s uses Chinese punctuation in Chinese", (path) => {
    const wrong = [...flat(textsOf(path.replace("en.ts", "zh.ts")))].filter(([, text]) =>
      /[\u4e00-\u9fff][,!?;:]/u.test(text),
    );
    expect(wrong).toEqual([]);
  });
});

describe("plurals", () => {
  it("follow the language's own rules", () => {
    const en = plurals("en");
    expect(en(1, { one: "# order", other: "# orders" })).toBe("1 order");
    expect(en(0, { one: "# order", other: "# orders" })).toBe("0 orders");
    expect(en(1234, { one: "# order", other: "# orders" })).toBe("1,234 orders");
    expect(plurals("zh")(1, { other: "# 个订单" })).toBe("1 个订单");
    expect(plurals("pl")(3, { one: "a", few: "b", many: "c", other: "d" })).toBe("b");
  });
});

describe("preferred", () => {
  it("takes the first language that we have", () => {
    expect(preferred(["fr", "zh-TW", "en"])).toBe("zh");
    expect(preferred(["de", "en-AU"])).toBe("en");
    expect(preferred(["fr"])).toBe("en");
  });
});
