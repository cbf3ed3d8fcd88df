/** Pictures from a person's disk: made small, and without what the camera wrote into them. */
import { upload } from "./api";
import type { BlobHash } from "./types";

/** Longest edge of a profile picture in px; enough for the largest place it is shown at twice the density. */
export const PROFILE_EDGE_PX = 512;
/** Longest edge of a picture of goods or in a review, in px. */
export const PHOTO_EDGE_PX = 1600;
/** Larger files are refused before they are decoded, in bytes. */
const FILE_MAX = 20 * 1024 * 1024;
const QUALITY = 0.85;

export type PictureProblem = "unreadable" | "too_big";

/** A file that cannot become a picture. */
export class PictureError extends Error {
  readonly reason: PictureProblem;
  constructor(reason: PictureProblem) {
    super(reason);
    this.reason = reason;
  }
}

/** Where a picture of `width` × `height` is cut and how large it gets. `square` keeps the middle. */
export function fit(width: number, height: number, edge: number, square: boolean) {
  const side = Math.min(width, height);
  const crop = square ? { w: side, h: side } : { w: width, h: height };
  const scale = Math.min(1, edge / Math.max(crop.w, crop.h));
  return {
    x: Math.floor((width - crop.w) / 2),
    y: Math.floor((height - crop.h) / 2),
    w: crop.w,
    h: crop.h,
    toW: Math.max(1, Math.round(crop.w * scale)),
    toH: Math.max(1, Math.round(crop.h * scale)),
  };
}

/**
 * Redraws a picture as WebP (or PNG where the browser cannot), at most `edge` px long.
 *
 * Drawing it anew is what removes EXIF: the place where a photo was taken must not leave the machine.
 */
export async function shrink(file: globalThis.Blob, edge: number, square = false): Promise<globalThis.Blob> {
  if (file.size > FILE_MAX) throw new PictureError("too_big");
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new PictureError("unreadable");
  }
  const cut = fit(bitmap.width, bitmap.height, edge, square);
  const canvas = document.createElement("canvas");
  canvas.width = cut.toW;
  canvas.height = cut.toH;
  canvas.getContext("2d")?.drawImage(bitmap, cut.x, cut.y, cut.w, cut.h, 0, 0, cut.toW, cut.toH);
  bitmap.close();
  const bytes = await new Promise<globalThis.Blob | null>((done) =>
    canvas.toBlob(done, "image/webp", QUALITY),
  );
  if (!bytes) throw new PictureError("unreadable");
  return bytes;
}

/** Shrinks a picture and stores it on the node. */
export async function uploadPicture(file: globalThis.Blob, edge: number, square = false): Promise<BlobHash> {
  return (await upload(await shrink(file, edge, square))).hash;
}
