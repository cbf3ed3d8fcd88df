import { describe, expect, it } from "vitest";
import type { ListingSummary } from "$lib/types";
import { appended, categoriesOf, refreshed } from "./feed";
import { windowOf } from "./window";

const item = (listing: string, title = listing, category = "") =>
  ({ store: { account: "s" }, listing, title, category }) as ListingSummary;
const titles = (items: ListingSummary[]) => items.map((one) => one.title).join(" ");

describe("pages as one list", () => {
  it("holds each listing once, newest data where it stood", () => {
    expect(titles(appended([item("a"), item("b")], [item("b", "B"), item("c")]))).toBe("a B c");
  });
  it("is led by the first page when that is read again", () => {
    expect(titles(refreshed([item("a"), item("b"), item("c")], [item("n"), item("b", "B")]))).toBe("n B a c");
  });
  it("knows the categories, the largest first", () => {
    expect(
      categoriesOf([item("1", "", "Tea"), item("2", "", "Rice"), item("3", "", "Rice"), item("4")]),
    ).toEqual(["Rice", "Tea"]);
  });
});

describe("the window over 5,000 goods", () => {
  const grid = { count: 5000, columns: 4, rowHeight: 300, viewport: 900, overscan: 2 };
  it("draws only what is near, and spacers stand for the rest", () => {
    const top = windowOf({ ...grid, scrolled: 0 });
    expect(top).toEqual({ from: 0, to: 20, above: 0, below: 1245 * 300 });
    const middle = windowOf({ ...grid, scrolled: 150_000 });
    expect(middle).toEqual({ from: 498 * 4, to: 505 * 4, above: 498 * 300, below: (1250 - 505) * 300 });
  });
  it.each([-5000, 0, 123_456, 374_000, 375_000, 900_000])(
    "keeps the whole height whatever the scroll: %d",
    (scrolled) => {
      const { from, to, above, below } = windowOf({ ...grid, scrolled });
      expect(to).toBeGreaterThan(from);
      expect(above + Math.ceil((to - from) / 4) * 300 + below).toBe(1250 * 300);
    },
  );
  it("copes with nothing, and with not knowing the height yet", () => {
    expect(windowOf({ ...grid, count: 0, scrolled: 0 })).toEqual({ from: 0, to: 0, above: 0, below: 0 });
    expect(windowOf({ ...grid, rowHeight: 0, scrolled: 0 }).to).toBe(24);
  });
});
