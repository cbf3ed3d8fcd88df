import { expect, it } from "vitest";
import { dayText, whenText } from "./when";

const now = new Date(2025, 10, 22, 12).getTime();
const HOUR = 3_600_000;

it("says today's by the clock, others with their date", () => {
  expect(whenText(now + HOUR, now, "en-GB")).toBe("13:00");
  expect(whenText(now + 13 * HOUR, now, "en-GB")).toBe("23 Nov, 01:00");
});

it("leaves the hour out of what is far off", () => {
  expect(dayText(now + HOUR, now, "en-GB")).toBe("13:00");
  expect(dayText(now + 47 * HOUR, now, "en-GB")).toBe("24 Nov, 11:00");
  expect(dayText(now + 49 * HOUR, now, "en-GB")).toBe("24 Nov");
});
