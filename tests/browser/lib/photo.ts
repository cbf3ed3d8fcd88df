/** Photos as a telephone writes them: with the place where they were taken, and lying on their side. */
import type { Page } from "@playwright/test";

/** Where the photo says it was taken, as its EXIF holds it: degrees, minutes and hundredths of seconds. */
const LATITUDE = [31, 14, 2284] as const;
const LONGITUDE = [121, 29, 5913] as const;
const EXIF_MARK = Buffer.from("Exif\0\0", "latin1");

/** A JPEG with edges and colours, `width` × `height`, drawn by a browser. */
export async function jpeg(page: Page, width: number, height: number): Promise<Buffer> {
  const base64 = await page.evaluate(
    async ([width, height]) => {
      const canvas = new OffscreenCanvas(width, height);
      const pen = canvas.getContext("2d");
      if (!pen) throw new Error("no canvas");
      const sky = pen.createLinearGradient(0, 0, width, height);
      for (const [at, colour] of [[0, "#1d6fa5"], [0.55, "#f3c98b"], [1, "#7a3b2e"]] as const) sky.addColorStop(at, colour);
      pen.fillStyle = sky;
      pen.fillRect(0, 0, width, height);
      for (let one = 0; one < 60; one += 1) {
        pen.fillStyle = `hsl(${one * 47} 60% ${30 + (one % 5) * 10}%)`;
        pen.fillRect(((one * 97) % 100) * 0.01 * width, ((one * 61) % 100) * 0.01 * height, width / 18, height / 12);
      }
      const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
      let text = "";
      for (const byte of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(byte);
      return btoa(text);
    },
    [width, height] as const,
  );
  return Buffer.from(base64, "base64");
}

/** A film of about a second, recorded by a browser. */
export async function film(page: Page): Promise<Buffer> {
  const base64 = await page.evaluate(async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [640, 360];
    const pen = canvas.getContext("2d");
    if (!pen) throw new Error("no canvas");
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm" });
    const parts: Blob[] = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise((done) => (recorder.onstop = done));
    recorder.start();
    const FRAMES = 40;
    for (let frame = 0; frame < FRAMES; frame += 1) {
      pen.fillStyle = `hsl(${frame * 9} 60% 45%)`;
      pen.fillRect(0, 0, 640, 360);
      pen.fillStyle = "#fff";
      pen.fillRect(frame * 12, 150, 60, 60);
      await new Promise((done) => requestAnimationFrame(done));
    }
    recorder.stop();
    await stopped;
    let text = "";
    for (const byte of new Uint8Array(await new Blob(parts).arrayBuffer())) text += String.fromCharCode(byte);
    return btoa(text);
  });
  return Buffer.from(base64, "base64");
}

/** Puts EXIF into a JPEG: it lies on its right side (orientation 6), and was taken at a place. */
export function withExif(photo: Buffer): Buffer {
  const short = (value: number): Buffer => Buffer.from([value & 255, value >> 8]);
  const long = (value: number): Buffer => Buffer.concat([short(value & 0xffff), short(value >>> 16)]);
  const entry = (tag: number, type: number, count: number, value: Buffer): Buffer =>
    Buffer.concat([short(tag), short(type), long(count), value, Buffer.alloc(4 - value.length)]);
  // Offsets are from the beginning of the TIFF: 8 for its head, then two directories, then the six fractions.
  const GPS_AT = 8 + 2 + 2 * 12 + 4;
  const FRACTIONS_AT = GPS_AT + 2 + 4 * 12 + 4;
  const fractions = (values: readonly number[]): Buffer =>
    Buffer.concat(values.map((value, at) => Buffer.concat([long(value), long(at === 2 ? 100 : 1)])));
  const tiff = Buffer.concat([
    Buffer.from("II*\0", "latin1"),
    long(8),
    short(2),
    entry(0x0112, 3, 1, short(6)),
    entry(0x8825, 4, 1, long(GPS_AT)),
    long(0),
    short(4),
    entry(1, 2, 2, Buffer.from("N\0", "latin1")),
    entry(2, 5, 3, long(FRACTIONS_AT)),
    entry(3, 2, 2, Buffer.from("E\0", "latin1")),
    entry(4, 5, 3, long(FRACTIONS_AT + 24)),
    long(0),
    fractions(LATITUDE),
    fractions(LONGITUDE),
  ]);
  const body = Buffer.concat([EXIF_MARK, tiff]);
  const head = Buffer.from([0xff, 0xe1, (body.length + 2) >> 8, (body.length + 2) & 255]);
  return Buffer.concat([photo.subarray(0, 2), head, body, photo.subarray(2)]);
}

/** Whether bytes carry EXIF, or the seconds of the place, in either order of bytes. */
export function saysWhere(bytes: Buffer): boolean {
  const seconds = LATITUDE[2];
  const little = Buffer.from([seconds & 255, seconds >> 8, 0, 0, 100, 0, 0, 0]);
  const big = Buffer.from([0, 0, seconds >> 8, seconds & 255, 0, 0, 0, 100]);
  return [EXIF_MARK, Buffer.from("EXIF", "latin1"), little, big].some((mark) => bytes.includes(mark));
}
