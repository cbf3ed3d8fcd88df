/** Which rows of a long grid are drawn. */

export interface WindowIn {
  /** Items in the list. */
  count: number;
  columns: number;
  /** Height of a row with its gap, in px. */
  rowHeight: number;
  /** How far the grid's top is above the top edge of what is visible, in px (negative = below it). */
  scrolled: number;
  /** Height of what is visible, in px. */
  viewport: number;
  /** Rows drawn above and below, so that a fast scroll and the Tab key find something. */
  overscan: number;
}

export interface WindowOut {
  /** First drawn item. */
  from: number;
  /** One past the last drawn item. */
  to: number;
  /** Height of what is not drawn above and below, in px. */
  above: number;
  below: number;
}

/** The drawn part of the grid. */
export function windowOf({ count, columns, rowHeight, scrolled, viewport, overscan }: WindowIn): WindowOut {
  const rows = Math.ceil(count / Math.max(1, columns));
  if (rowHeight <= 0) return { from: 0, to: Math.min(count, columns * (overscan + 4)), above: 0, below: 0 };
  const first = Math.floor(scrolled / rowHeight) - overscan;
  const last = Math.ceil((scrolled + viewport) / rowHeight) + overscan;
  const fromRow = Math.min(Math.max(0, first), Math.max(0, rows - 1));
  const toRow = Math.min(Math.max(fromRow + 1, last), rows);
  return {
    from: fromRow * columns,
    to: Math.min(count, toRow * columns),
    above: fromRow * rowHeight,
    below: (rows - toRow) * rowHeight,
  };
}
