import { expect, it } from "vitest";
import { compared, groups } from "./safety";

const mine = "0123456789".repeat(6);

it("is shown in twelve groups of five", () => {
  expect(groups(mine)).toHaveLength(12);
  expect(groups(mine)[11]).toBe("56789");
});

it("is the same, another, or none", () => {
  expect(compared(mine, groups(mine).join(" "))).toBe("match");
  expect(compared(mine, "1".repeat(60))).toBe("differs");
  expect(compared(mine, "hutong:contact/abc")).toBe("other");
  expect(compared("", "")).toBe("other");
});
