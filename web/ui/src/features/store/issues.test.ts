import { describe, expect, it } from "vitest";
import { groupIssues, rowsInWords } from "./issues";

describe("import issues", () => {
  it("are one line per message and column, by first row", () => {
    const groups = groupIssues([
      { row: 9, column: "Variant Price", message: "no price" },
      { row: 3, column: "Image Src", message: "cannot load" },
      { row: 2, column: "Image Src", message: "cannot load" },
      { row: 3, column: "Image Src", message: "cannot load" },
      { row: 4, column: null, message: "cannot load" },
    ]);
    expect(groups).toEqual([
      { column: "Image Src", message: "cannot load", rows: [2, 3] },
      { column: null, message: "cannot load", rows: [4] },
      { column: "Variant Price", message: "no price", rows: [9] },
    ]);
  });

  it("name rows as ranges and stop after a few", () => {
    expect(rowsInWords([2, 5, 6, 7, 8, 12])).toBe("2, 5–8, 12");
    expect(rowsInWords([1, 3, 5, 7], 2)).toBe("1, 3 …");
    expect(rowsInWords([])).toBe("");
  });
});
