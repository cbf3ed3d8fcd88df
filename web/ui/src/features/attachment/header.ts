/** What the first bytes of a picture say about it, read before anything decodes it. */

export interface PictureHeader {
  width: number;
  height: number;
  /** Drawing it anew would keep only its first frame. */
  moving: boolean;
}

const text = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));

/** The size that a picture of a known format claims; null for anything else, and for what is cut off. */
export function pictureHeader(bytes: Uint8Array): PictureHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (text(bytes, 0, 8) === "\x89PNG\r\n\x1a\n") return png(view, bytes);
    if (view.getUint16(0) === 0xffd8) return jpeg(view);
    if (/^GIF8[79]a$/.test(text(bytes, 0, 6))) {
      return { width: view.getUint16(6, true), height: view.getUint16(8, true), moving: true };
    }
    if (text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 4) === "WEBP") return webp(view, bytes);
    if (text(bytes, 0, 2) === "BM") {
      const height = Math.abs(view.getInt32(22, true));
      return { width: Math.abs(view.getInt32(18, true)), height, moving: false };
    }
    if (text(bytes, 4, 4) === "ftyp") return heif(view, bytes);
  } catch {
    // It ends before it has said how large it is.
  }
  return null;
}

function png(view: DataView, bytes: Uint8Array): PictureHeader {
  // An animation says so before the first picture data.
  let moving = false;
  for (let at = 8; at + 8 <= view.byteLength; at += 12 + view.getUint32(at)) {
    const chunk = text(bytes, at + 4, 4);
    if (chunk === "acTL") moving = true;
    if (chunk === "acTL" || chunk === "IDAT") break;
  }
  return { width: view.getUint32(16), height: view.getUint32(20), moving };
}

/** Walks the segments to the frame header, over whatever the camera wrote before it. */
function jpeg(view: DataView): PictureHeader {
  let at = 2;
  for (;;) {
    while (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xff) at += 1;
    const marker = view.getUint8(at + 1);
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5), moving: false };
    at += 2 + view.getUint16(at + 2);
  }
}

function webp(view: DataView, bytes: Uint8Array): PictureHeader | null {
  const three = (at: number): number => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  switch (text(bytes, 12, 4)) {
    case "VP8 ":
      return {
        width: view.getUint16(26, true) & 0x3fff,
        height: view.getUint16(28, true) & 0x3fff,
        moving: false,
      };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, moving: false };
    }
    case "VP8X":
      return { width: three(24) + 1, height: three(27) + 1, moving: (view.getUint8(20) & 2) !== 0 };
    default:
      return null;
  }
}

/** AVIF and HEIC: the largest of the sizes that are named ("ispe"), since parts and thumbnails have some too. */
function heif(view: DataView, bytes: Uint8Array): PictureHeader | null {
  let largest: PictureHeader | null = null;
  for (let at = 8; at + 16 <= bytes.length; at += 1) {
    if (bytes[at] !== 0x69 || text(bytes, at, 4) !== "ispe") continue;
    const [width, height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
    if (!largest || width * height > largest.width * largest.height) {
      largest = { width, height, moving: text(bytes, 8, 4) === "avis" };
    }
  }
  return largest;
}
