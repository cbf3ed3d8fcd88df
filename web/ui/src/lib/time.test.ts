import { describe, expect, it } from "vitest";
import { dayLabel, listTime, relative, sameDay } from "./time";

const at = (day: number, hour = 12, minute = 0): number => new Date(2025, 10, day, hour, minute).getTime();
const now = at(22, 18);

describe("time", () => {
  it("gives a list row the shortest text that is clear", () => {
    expect(listTime(at(22, 9, 5), now, "en-GB")).toBe("09:05");
    expect(listTime(at(21, 23, 59), now, "en-GB")).toBe("Yesterday");
    expect(listTime(at(18), now, "en-GB")).toBe("Tue");
    expect(listTime(at(2), now, "en-GB")).toBe("2 Nov");
    expect(listTime(at(21), now, "zh-CN")).toBe("昨天");
  });
  it("names days between messages", () => {
    expect(dayLabel(at(22), now, "en")).toBe("Today");
    expect(dayLabel(at(21), now, "zh-CN")).toBe("昨天");
    expect(dayLabel(at(3), now, "en-GB")).toBe("Monday 3 November");
  });
  it("speaks of the past and the future", () => {
    expect(relative(now - 5 * 60_000, now, "en")).toBe("5 minutes ago");
    expect(relative(now + 2 * 3_600_000, now, "en")).toBe("in 2 hours");
    expect(relative(now - 10_000, now, "en")).toBe("now");
  });
  it("ends a day at local midnight", () => {
    expect(sameDay(at(22, 0, 1), at(22, 23, 59))).toBe(true);
    expect(sameDay(at(21, 23, 59), at(22, 0, 1))).toBe(false);
  });
});
