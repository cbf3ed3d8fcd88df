import { describe, expect, it } from "vitest";
import { pictureHeader } from "./header";

const ascii = (text: string): number[] => [...text].map((one) => one.charCodeAt(0));
const be32 = (value: number): number[] => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
];
const le16 = (value: number): number[] => [value & 255, value >>> 8];
const bytes = (...parts: number[][]): Uint8Array => new Uint8Array(parts.flat());

const png = (width: number, height: number, ...chunks: number[][]): Uint8Array =>
  bytes(
    [0x89, ...ascii("PNG\r\n\x1a\n")],
    be32(13),
    ascii("IHDR"),
    be32(width),
    be32(height),
    [8, 6, 0, 0, 0],
    be32(0),
    ...chunks,
  );

describe("pictureHeader", () => {
  it("reads the claim of a PNG, however absurd", () => {
    expect(pictureHeader(png(60_000, 60_000))).toEqual({ width: 60_000, height: 60_000, moving: false });
  });
  it("sees that a PNG moves", () => {
    const control = [...be32(8), ...ascii("acTL"), ...be32(2), ...be32(0), ...be32(0)];
    expect(pictureHeader(png(10, 20, control))?.moving).toBe(true);
    expect(pictureHeader(png(10, 20, [...be32(0), ...ascii("IDAT"), ...be32(0)], control))?.moving).toBe(
      false,
    );
  });
  it("walks over what a camera wrote into a JPEG", () => {
    const exif = [0xff, 0xe1, 0x00, 0x10, ...new Array<number>(14).fill(7)];
    const frame = [0xff, 0xc2, 0x00, 0x11, 8, 0x0b, 0xb8, 0x0f, 0xa0];
    const photo = bytes([0xff, 0xd8], exif, [0xff, 0xc4, 0x00, 0x03, 1], frame);
    expect(pictureHeader(photo)).toEqual({ width: 4000, height: 3000, moving: false });
  });
  it("reads GIF, WebP and BMP", () => {
    expect(pictureHeader(bytes(ascii("GIF89a"), le16(320), le16(200)))).toMatchObject({
      width: 320,
      moving: true,
    });
    const riff = [...ascii("RIFF"), 0, 0, 0, 0, ...ascii("WEBP")];
    const extended = bytes(
      riff,
      ascii("VP8X"),
      [10, 0, 0, 0, 0b10, 0, 0, 0],
      [0xff, 0x03, 0],
      [0xff, 0x01, 0],
    );
    expect(pictureHeader(extended)).toEqual({ width: 1024, height: 512, moving: true });
    const lossless = bytes(riff, ascii("VP8L"), [0, 0, 0, 0, 0x2f], [0xff, 0xc3, 0x7f, 0]);
    expect(pictureHeader(lossless)).toEqual({ width: 1024, height: 512, moving: false });
    const lossy = bytes(riff, ascii("VP8 "), [0, 0, 0, 0, 0, 0, 0, 0x9d, 1, 0x2a], le16(640), le16(480));
    expect(pictureHeader(lossy)).toEqual({ width: 640, height: 480, moving: false });
    const bmp = bytes(ascii("BM"), new Array<number>(16).fill(0), [64, 0, 0, 0], [0xe0, 0xff, 0xff, 0xff]);
    expect(pictureHeader(bmp)).toEqual({ width: 64, height: 32, moving: false });
  });
  it("takes the largest size that an AVIF names", () => {
    const size = (width: number, height: number): number[] => [
      ...ascii("ispe"),
      ...be32(0),
      ...be32(width),
      ...be32(height),
    ];
    const avif = bytes([0, 0, 0, 20], ascii("ftypavif"), size(160, 90), size(9_000, 8_000), size(10, 10));
    expect(pictureHeader(avif)).toEqual({ width: 9_000, height: 8_000, moving: false });
  });
  it("says nothing about what it does not know or what is cut off", () => {
    for (const none of [
      bytes(),
      bytes(ascii("%PDF-1.7 and more")),
      bytes([0xff, 0xd8, 0xff, 0xe1]),
      png(1, 1).slice(0, 18),
    ]) {
      expect(pictureHeader(none)).toBeNull();
    }
  });
});
