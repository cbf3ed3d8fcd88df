/** An import's errors and warnings, grouped so that 5,000 equal ones are one line. */
import type { ImportIssue } from "$lib/types";

export interface IssueGroup {
  message: string;
  column: string | null;
  /** Ascending, without repetition. */
  rows: number[];
}

/** Groups issues by message and column, in the order of their first row. */
export function groupIssues(issues: readonly ImportIssue[]): IssueGroup[] {
  const groups = new Map<string, IssueGroup>();
  for (const issue of issues) {
    const key = `${issue.column ?? ""}\u0000${issue.message}`;
    const group = groups.get(key);
    if (group === undefined)
      groups.set(key, { message: issue.message, column: issue.column, rows: [issue.row] });
    else group.rows.push(issue.row);
  }
  for (const group of groups.values()) group.rows = [...new Set(group.rows)].sort((a, b) => a - b);
  return [...groups.values()].sort((a, b) => (a.rows[0] ?? 0) - (b.rows[0] ?? 0));
}

/** Row numbers in words: `2, 5–8, 12`, and `…` after `rangesMax` ranges. */
export function rowsInWords(rows: readonly number[], rangesMax = 8): string {
  const ranges: [number, number][] = [];
  for (const row of rows) {
    const last = ranges.at(-1);
    if (last !== undefined && row === last[1] + 1) last[1] = row;
    else ranges.push([row, row]);
  }
  const shown = ranges.slice(0, rangesMax).map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`));
  return shown.join(", ") + (ranges.length > rangesMax ? " …" : "");
}
