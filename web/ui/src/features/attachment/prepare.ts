/**
 * Files on their way out: photos are drawn anew, small and without what the camera wrote into them; everything that can
 * be seen gets a thumbnail, which travels inside the message.
 */
import { toBase64 } from "$lib/bytes";
import { fit } from "$lib/picture";
import { pictureHeader } from "./header";

/** Longest edge of a photo that is sent, in px: sharp on every screen, and some hundred kB. */
export const PHOTO_EDGE_PX = 2048;
/** Quality of a photo, of 1; above it files grow faster than anybody can see. */
const QUALITY = 0.82;
/** Pictures that claim more are not decoded: it would take gigabytes of memory. */
export const PIXELS_MAX = 50_000_000;
/** Longest edge of a thumbnail, in px. */
const THUMBNAIL_EDGE_PX = 160;
/** Largest thumbnail, in bytes: ten of them must fit into the 32 KiB that a message has for all of its thumbnails. */
export const THUMBNAIL_BYTES_MAX = 3 * 1024;
/** Tried in this order until a thumbnail is small enough. */
const THUMBNAIL_TRIES = [
  { edge: THUMBNAIL_EDGE_PX, quality: 0.6 },
  { edge: THUMBNAIL_EDGE_PX, quality: 0.3 },
  { edge: 112, quality: 0.3 },
  { edge: 72, quality: 0.3 },
  { edge: 40, quality: 0.2 },
] as const;
/** What the protocol takes as a file, in bytes. */
export const FILE_BYTES_MAX = 1024 ** 3;
/** Of this many bytes a camera's JPEG has told its size, also with a preview and colour tables before it. */
const HEADER_BYTES = 1024 * 1024;
/** Later than any film ends, in s. */
const BEHIND_THE_END_S = 1e7;
/** How long a browser may take to open a film, in ms; it goes without a picture then. */
const VIDEO_MS = 8_000;

export type PrepareProblem = "empty" | "too_big" | "too_many_pixels" | "unreadable";

/** A file that cannot go out as it was asked to. */
export class PrepareError extends Error {
  readonly reason: PrepareProblem;
  constructor(reason: PrepareProblem) {
    super(reason);
    this.reason = reason;
  }
}

/** What is uploaded, and what the message says about it. */
export interface Prepared {
  bytes: Blob;
  name: string;
  mediaType: string;
  width?: number;
  height?: number;
  durationMs?: number;
  /** Base64. */
  thumbnail?: string;
  /** To be shown while it uploads. */
  preview?: Blob;
}

/** What a file looks like it is. A vector picture is a program, so it goes as a file. */
export function looksLike(file: { type: string }): "photo" | "video" | "file" {
  if (file.type.startsWith("image/") && file.type !== "image/svg+xml") return "photo";
  return file.type.startsWith("video/") ? "video" : "file";
}

/** Another ending for a name: what was a JPEG may be a WebP now. */
export function renamed(name: string, mediaType: string): string {
  const ending = { "image/webp": "webp", "image/jpeg": "jpg", "image/png": "png" }[mediaType];
  if (!ending || new RegExp(`\\.${ending}$`, "i").test(name)) return name;
  return `${name.replace(/\.[a-z0-9]{1,5}$/i, "") || "photo"}.${ending}`;
}

/** Makes a file ready to go: as what it looks like, or untouched. */
export async function prepare(file: File, untouched: boolean): Promise<Prepared> {
  if (file.size === 0) throw new PrepareError("empty");
  if (file.size > FILE_BYTES_MAX) throw new PrepareError("too_big");
  const plain = { bytes: file, name: file.name, mediaType: file.type || "application/octet-stream" };
  const looks = looksLike(file);
  if (looks === "photo") return untouched ? { ...plain, ...(await peek(file)) } : photo(file);
  return looks === "video" ? { ...plain, ...(await film(file)) } : plain;
}

async function headerOf(file: Blob): Promise<ReturnType<typeof pictureHeader>> {
  return pictureHeader(new Uint8Array(await file.slice(0, HEADER_BYTES).arrayBuffer()));
}

/** Decodes a picture, unless it claims to be absurdly large or does not say how large it is. */
async function decode(file: Blob): Promise<ImageBitmap> {
  const header = await headerOf(file);
  if (!header) throw new PrepareError("unreadable");
  if (header.width * header.height > PIXELS_MAX) throw new PrepareError("too_many_pixels");
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new PrepareError("unreadable");
  }
}

async function photo(file: File): Promise<Prepared> {
  const header = await headerOf(file);
  const bitmap = await decode(file);
  try {
    const small = await thumbnail(bitmap, bitmap.width, bitmap.height);
    // What moves keeps its bytes: drawn anew it would stand still.
    if (header?.moving) {
      const { width, height } = bitmap;
      return { bytes: file, name: file.name, mediaType: file.type, width, height, preview: file, ...small };
    }
    const { toW: width, toH: height } = fit(bitmap.width, bitmap.height, PHOTO_EDGE_PX, false);
    const bytes = await draw(bitmap, bitmap.width, bitmap.height, PHOTO_EDGE_PX, QUALITY);
    const name = renamed(file.name, bytes.type);
    return { bytes, name, mediaType: bytes.type, width, height, preview: bytes, ...small };
  } finally {
    bitmap.close();
  }
}

/** Size and thumbnail of a picture that itself stays as it is; nothing if it cannot be read. */
async function peek(file: File): Promise<Partial<Prepared>> {
  try {
    const bitmap = await decode(file);
    const small = await thumbnail(bitmap, bitmap.width, bitmap.height);
    const { width, height } = bitmap;
    bitmap.close();
    return { width, height, preview: file, ...small };
  } catch {
    return {};
  }
}

/** Size, length and an early picture of a film; nothing if this browser cannot play it. */
async function film(file: File): Promise<Partial<Prepared>> {
  const video = document.createElement("video");
  const address = URL.createObjectURL(file);
  const heard = (what: string): Promise<void> =>
    new Promise((done, fail) => {
      video.addEventListener(what, () => done(), { once: true });
      video.addEventListener("error", () => fail(new Error("The film cannot be played.")), { once: true });
      setTimeout(() => fail(new Error("The film takes too long to open.")), VIDEO_MS);
    });
  try {
    video.muted = true;
    video.preload = "auto";
    video.src = address;
    await heard("loadeddata");
    const { videoWidth: width, videoHeight: height } = video;
    // What a browser recorded does not say how long it is, until one looks behind its end.
    if (video.duration === Infinity) {
      video.currentTime = BEHIND_THE_END_S;
      await heard("seeked");
    }
    const { duration } = video;
    const known = Number.isFinite(duration);
    const durationMs = known ? { durationMs: Math.round(duration * 1000) } : {};
    // The very first picture is often black.
    if (known) {
      video.currentTime = Math.min(1, duration / 4);
      await heard("seeked");
    }
    return { width, height, ...durationMs, ...(await thumbnail(video, width, height)) };
  } catch {
    return {};
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(address);
  }
}

async function thumbnail(
  picture: CanvasImageSource,
  width: number,
  height: number,
): Promise<Pick<Prepared, "thumbnail" | "preview">> {
  for (const { edge, quality } of THUMBNAIL_TRIES) {
    const bytes = await draw(picture, width, height, edge, quality);
    if (bytes.size <= THUMBNAIL_BYTES_MAX) return { thumbnail: await toBase64(bytes), preview: bytes };
  }
  return {};
}

/** Draws a picture at most `edge` px long, as WebP, or as JPEG where the browser has no WebP. */
async function draw(
  picture: CanvasImageSource,
  width: number,
  height: number,
  edge: number,
  quality: number,
): Promise<Blob> {
  const { toW, toH } = fit(width, height, edge, false);
  const canvas = document.createElement("canvas");
  canvas.width = toW;
  canvas.height = toH;
  const pen = canvas.getContext("2d");
  if (!pen) throw new PrepareError("unreadable");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, toW, toH);
  const encode = (type: string): Promise<Blob | null> =>
    new Promise((done) => canvas.toBlob(done, type, quality));
  const webp = await encode("image/webp");
  if (webp?.type === "image/webp") return webp;
  // JPEG knows no transparency: what was clear becomes white, not black.
  pen.globalCompositeOperation = "destination-over";
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, toW, toH);
  const jpeg = await encode("image/jpeg");
  if (!jpeg) throw new PrepareError("unreadable");
  return jpeg;
}
