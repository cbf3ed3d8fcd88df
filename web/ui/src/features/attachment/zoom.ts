/** How a picture is enlarged and moved in the viewer: scale, and how far its middle is from the window's, in px. */

export interface View {
  scale: number;
  x: number;
  y: number;
}

export const WHOLE: View = { scale: 1, x: 0, y: 0 };
/** Larger shows only blocks of colour. */
export const SCALE_MAX = 8;

interface Size {
  width: number;
  height: number;
}

/** Keeps the picture's edges from coming further in than the window's middle needs. */
export function bounded(view: View, shown: Size, window: Size): View {
  const scale = Math.min(SCALE_MAX, Math.max(1, view.scale));
  const most = (edge: number, room: number): number => Math.max(0, (edge * scale - room) / 2);
  const clamp = (at: number, limit: number): number => Math.min(limit, Math.max(-limit, at));
  return {
    scale,
    x: clamp(view.x, most(shown.width, window.width)),
    y: clamp(view.y, most(shown.height, window.height)),
  };
}

/** Enlarges by a factor around a point, given from the window's middle, which stays where it is. */
export function zoomed(view: View, factor: number, around: { x: number; y: number }): View {
  const scale = Math.min(SCALE_MAX, Math.max(1, view.scale * factor));
  const grows = scale / view.scale;
  return { scale, x: around.x - (around.x - view.x) * grows, y: around.y - (around.y - view.y) * grows };
}
