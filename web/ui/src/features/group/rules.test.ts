import { describe, expect, it } from "vitest";
import { actsOn, byRank, isPrivateGroup, leads, pausesWith, takenSince } from "./rules";

const NOW = 1_000_000_000_000;
const of = (role: "member" | "admin" | "owner", muted_until: number | null = null) => ({ role, muted_until });

describe("actsOn", () => {
  for (const [mine, theirs, want] of [
    ["owner", "member", ["promote", "own", "mute", "remove", "ban"]],
    ["owner", "admin", ["demote", "own", "mute", "remove", "ban"]],
    ["admin", "member", ["mute", "remove", "ban"]],
    ["admin", "admin", []], // who was made first is above; the list does not say
    ["admin", "owner", []],
    ["member", "member", []],
    [null, "member", []], // who looks from outside
  ] as const) {
    it(`${mine ?? "nobody"} on ${theirs}`, () => expect(actsOn(mine, of(theirs), false, NOW)).toEqual(want));
  }
  it("nothing on oneself", () => expect(actsOn("owner", of("owner"), true, NOW)).toEqual([]));
  it("who is muted can be let speak, who was muted can be muted", () => {
    expect(actsOn("admin", of("member", NOW + 1), false, NOW)).toContain("unmute");
    expect(actsOn("admin", of("member", NOW), false, NOW)).toContain("mute");
  });
});

it("leads", () =>
  expect((["member", "admin", "owner", null] as const).map(leads)).toEqual([false, true, true, false]));

describe("isPrivateGroup", () => {
  // The first five bits: 01111 is p, 10000 is q.
  for (const [id, want] of [
    ["aaaa", false],
    ["pzzz", false],
    ["qaaa", true],
    ["7777", true],
    ["QAAA", true],
    ["", false],
    ["1aaa", false], // not base32
  ] as const) {
    it(`${id} is ${want ? "private" : "public"}`, () => expect(isPrivateGroup(id)).toBe(want));
  }
});

it("takenSince", () => {
  expect(takenSince("none", NOW)).toBeNull();
  expect(takenSince("hour", NOW)).toBe(NOW - 3_600_000);
  expect(takenSince("all", NOW)).toBe(0);
  expect(takenSince("day", 5)).toBe(0); // a clock that stands at the beginning
});

it("a pause that is not among the choices is offered, too", () => {
  expect(pausesWith(60)).toHaveLength(8);
  expect(pausesWith(45)).toEqual([0, 10, 30, 45, 60, 300, 900, 3_600, 86_400]);
});

it("byRank", () => {
  const people = [
    { role: "member", name: "Bo" },
    { role: "member", name: "Ada" },
    { role: "owner", name: "Zoe" },
    { role: "admin", name: "Yi" },
  ] as const;
  expect(people.toSorted(byRank).map((one) => one.name)).toEqual(["Zoe", "Yi", "Ada", "Bo"]);
});
