import { describe, expect, it } from "vitest";
import {
  countries,
  countryName,
  emptyAddress,
  fieldsOf,
  isRequired,
  linesOf,
  problemsOf,
  sameAddress,
} from "./address";

const shenzhen = {
  name: "王梅",
  phone: "138 0013 8000",
  country: "CN",
  region: "广东省",
  city: "深圳市",
  street: "南山区科苑路 8 号",
  postal_code: "",
};
const berlin = {
  name: "Mei Wang",
  phone: "",
  country: "DE",
  region: "",
  city: "Berlin",
  street: "Torstr. 1",
  postal_code: "10119",
};
const austin = {
  name: "Ann Lee",
  phone: "",
  country: "US",
  region: "TX",
  city: "Austin",
  street: "1 Main St",
  postal_code: "78701",
};

describe("an address", () => {
  it("is asked in the order of its country", () => {
    expect(fieldsOf("CN")).toEqual(["name", "phone", "region", "city", "street", "postal_code"]);
    expect(fieldsOf("DE")).toEqual(["name", "street", "postal_code", "city", "phone"]);
    expect(fieldsOf("US")).toEqual(["name", "street", "city", "region", "postal_code", "phone"]);
  });

  it("is written as its country writes it", () => {
    expect(linesOf(shenzhen, "zh-CN")).toEqual([
      "中国",
      "广东省深圳市南山区科苑路 8 号",
      "王梅 138 0013 8000",
    ]);
    expect(linesOf(berlin, "en")).toEqual(["Mei Wang", "Torstr. 1", "10119 Berlin", "Germany"]);
    expect(linesOf(austin, "en")).toEqual(["Ann Lee", "1 Main St", "Austin, TX 78701", "United States"]);
  });

  it("needs only what its country needs", () => {
    expect(problemsOf(shenzhen)).toEqual({});
    expect(problemsOf(berlin)).toEqual({});
    expect(problemsOf({ ...austin, region: "" })).toEqual({ region: "missing" });
    expect(problemsOf({ ...shenzhen, phone: "" })).toEqual({ phone: "missing" });
    expect(problemsOf({ ...berlin, phone: "call me" })).toEqual({ phone: "bad_phone" });
    expect(problemsOf({ ...berlin, street: "x".repeat(201) })).toEqual({ street: "too_long" });
    expect(problemsOf(emptyAddress("XX")).country).toBe("bad_country");
    expect(isRequired("postal_code", "HK")).toBe(false);
  });

  it("has every country by its name in the language", () => {
    expect(countries("en")).toHaveLength(249);
    expect(countryName("DE-BY", "en")).toBe("Germany BY");
    expect(countryName("nonsense", "en")).toBe("nonsense");
  });

  it("is the same when only spaces differ", () => {
    expect(sameAddress(berlin, { ...berlin, city: " Berlin " })).toBe(true);
    expect(sameAddress(berlin, austin)).toBe(false);
  });
});
