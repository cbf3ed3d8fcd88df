/** Reads QR codes: with the browser's own detector where there is one, else in script. */

interface Detector {
  detect(source: ImageBitmapSource): Promise<{ rawValue: string }[]>;
}
type DetectorClass = new (options: { formats: string[] }) => Detector;

let native: Detector | null | undefined;

function detector(): Detector | null {
  if (native !== undefined) return native;
  const found = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  try {
    native = found ? new found({ formats: ["qr_code"] }) : null;
  } catch {
    native = null;
  }
  return native;
}

/** A longer edge brings no more codes, only more work; in px. */
const EDGE_MAX = 800;

/** The text of a QR code in a picture or video frame, or null when there is none. */
export async function readQr(source: HTMLVideoElement | ImageBitmap): Promise<string | null> {
  const own = detector();
  if (own) {
    try {
      const [first] = await own.detect(source);
      return first?.rawValue ?? null;
    } catch {
      native = null; // present but without its service, as on some desktops
    }
  }
  const width = "videoWidth" in source ? source.videoWidth : source.width;
  const height = "videoHeight" in source ? source.videoHeight : source.height;
  if (!width || !height) return null;
  const scale = Math.min(1, EDGE_MAX / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return null;
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const { default: decode } = await import("qr/decode.js");
  try {
    return decode(context.getImageData(0, 0, canvas.width, canvas.height));
  } catch {
    return null; // the decoder throws when it finds no code
  }
}
