import { describe, expect, it } from "vitest";
import { DAY } from "$lib/time";
import type { ContactDevice } from "$lib/types";
import { changes } from "./devices";

const NOW = 100 * DAY;
const device = (id: string, age: number, revoked = false): ContactDevice => ({
  device: id,
  name: id,
  added_at: NOW - age,
  revoked,
});
const ids = (list: ContactDevice[]): string[] => list.map((one) => one.device);

describe("what changed among somebody's devices", () => {
  it("before the first look: what is young, but not the one they began with", () => {
    const found = changes(
      [device("phone", DAY), device("laptop", 2 * DAY), device("old", 9 * DAY)],
      null,
      NOW,
    );
    expect(ids(found.added)).toEqual(["laptop"]);
    expect(found.revoked).toEqual([]);
  });

  it("after a look: what was not there, however old it says it is", () => {
    const seen = new Set(["+phone"]);
    const found = changes([device("phone", DAY), device("laptop", 90 * DAY)], seen, NOW);
    expect(ids(found.added)).toEqual(["laptop"]);
  });

  it("a revoked one is told of until it was seen", () => {
    const devices = [device("phone", 20 * DAY), device("laptop", 20 * DAY, true)];
    expect(ids(changes(devices, null, NOW).revoked)).toEqual(["laptop"]);
    expect(ids(changes(devices, new Set(["+phone", "+laptop"]), NOW).revoked)).toEqual(["laptop"]);
    expect(changes(devices, new Set(["+phone", "-laptop"]), NOW)).toEqual({ added: [], revoked: [] });
  });
});
