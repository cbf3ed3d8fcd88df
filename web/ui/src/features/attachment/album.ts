/** How the pictures of one message share its width. */

/** Largest picture in a bubble, in px. */
export const SHOWN = { width: 320, height: 360 } as const;
/** Smallest edge, in px: what is said over a picture must find room. */
const EDGE_MIN = 140;

/** The size at which a lone picture is shown; a square while nobody knows its shape. */
export function shownSize(width: number | null, height: number | null): { width: number; height: number } {
  if (!width || !height) return { width: 240, height: 240 };
  const scale = Math.min(SHOWN.width / width, SHOWN.height / height, 1);
  const clamp = (edge: number, most: number): number => Math.min(most, Math.max(EDGE_MIN, Math.round(edge)));
  return { width: clamp(width * scale, SHOWN.width), height: clamp(height * scale, SHOWN.height) };
}

/** Columns, and how many of them the first picture takes so that no hole is left at the end. */
export function albumGrid(count: number): { columns: 2 | 3; first: number } {
  const columns = count <= 4 ? 2 : 3;
  const over = count % columns;
  return { columns, first: over === 0 ? 1 : columns - over + 1 };
}
