import { describe, expect, it } from "vitest";
import { coordinates, geoUri, metres, readPoint } from "./place";

const bund = { latitude: 31.23968, longitude: 121.49976 };

describe("a place in words", () => {
  it("is written with about a metre's exactness", () => {
    expect(coordinates(bund)).toBe("31.23968, 121.49976");
    expect(geoUri(bund)).toBe("geo:31.239680,121.499760");
    expect(geoUri({ latitude: -33.4, longitude: -70.6 }, 12.4)).toBe("geo:-33.400000,-70.600000;u=12");
  });
  it("is read as people write it", () => {
    for (const text of [
      "31.23968, 121.49976",
      "31.23968 121.49976",
      "31.23968，121.49976",
      "geo:31.23968,121.49976;u=9",
      "31.23968° N, 121.49976° E",
    ]) {
      expect(readPoint(text), text).toEqual(bund);
    }
    expect(readPoint("33.4 S 70.6 W")).toEqual({ latitude: -33.4, longitude: -70.6 });
  });
  it("is refused when it is none", () => {
    for (const text of ["", "here", "31.2", "91, 10", "10, 181", "1,2,3", "31.2; 121.4", "1e1, 2"]) {
      expect(readPoint(text), text).toBeNull();
    }
  });
});

describe("metres", () => {
  it("knows the length of a degree, and no distance", () => {
    expect(metres({ latitude: 0, longitude: 0 }, { latitude: 1, longitude: 0 })).toBeCloseTo(111_195, -1);
    expect(metres(bund, bund)).toBe(0);
  });
});
