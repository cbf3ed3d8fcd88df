import { describe, expect, it } from "vitest";
import { fit } from "$lib/picture";
import { FILE_BYTES_MAX, PHOTO_EDGE_PX, prepare, PrepareError, renamed, looksLike } from "./prepare";

describe("the size of a photo that is sent", () => {
  it("is at most 2048 px long, and never larger than it was", () => {
    expect(fit(4032, 3024, PHOTO_EDGE_PX, false)).toMatchObject({ toW: 2048, toH: 1536 });
    expect(fit(3024, 4032, PHOTO_EDGE_PX, false)).toMatchObject({ toW: 1536, toH: 2048 });
    expect(fit(800, 600, PHOTO_EDGE_PX, false)).toMatchObject({ toW: 800, toH: 600 });
  });
});

describe("looksLike", () => {
  it("goes by the media type, and never draws a vector picture", () => {
    expect(looksLike({ type: "image/jpeg" })).toBe("photo");
    expect(looksLike({ type: "video/mp4" })).toBe("video");
    for (const type of ["image/svg+xml", "application/pdf", "text/html", ""])
      expect(looksLike({ type })).toBe("file");
  });
});

describe("renamed", () => {
  it("gives the ending of what the bytes are now", () => {
    expect(renamed("IMG_2041.JPG", "image/webp")).toBe("IMG_2041.webp");
    expect(renamed("烧饼.jpeg", "image/jpeg")).toBe("烧饼.jpg");
    expect(renamed("a.b.c.png", "image/webp")).toBe("a.b.c.webp");
    expect(renamed("photo.webp", "image/webp")).toBe("photo.webp");
    expect(renamed(".jpg", "image/webp")).toBe("photo.webp");
    expect(renamed("report.pdf", "application/pdf")).toBe("report.pdf");
  });
});

describe("prepare", () => {
  const why = (file: File): Promise<unknown> =>
    prepare(file, false).then(
      () => "ready",
      (error: unknown) => (error instanceof PrepareError ? error.reason : error),
    );
  const claim = (size: number): File =>
    Object.defineProperty(new File(["x"], "film.mkv"), "size", { value: size });

  it("leaves a file as it is", async () => {
    const file = new File(["plain words"], "notes.txt", { type: "text/plain" });
    expect(await prepare(file, false)).toEqual({ bytes: file, name: "notes.txt", mediaType: "text/plain" });
    expect((await prepare(new File(["?"], "unknown"), false)).mediaType).toBe("application/octet-stream");
  });
  it("refuses nothing at all and more than a gibibyte", async () => {
    expect(await why(new File([], "empty.txt"))).toBe("empty");
    expect(await why(claim(FILE_BYTES_MAX))).toBe("ready");
    expect(await why(claim(FILE_BYTES_MAX + 1))).toBe("too_big");
  });
  it("refuses an absurd picture by its header, before anything decodes it", async () => {
    const bomb = new Uint8Array([
      0x89, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 234, 96, 0, 0, 234, 96,
    ]);
    expect(await why(new File([bomb], "bomb.png", { type: "image/png" }))).toBe("too_many_pixels");
    expect(await why(new File(["not a picture"], "liar.png", { type: "image/png" }))).toBe("unreadable");
  });
});
