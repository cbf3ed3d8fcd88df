/** Places on the earth as people write them. Nothing here asks anybody for a map. */

export interface Point {
  latitude: number;
  longitude: number;
}

/** Decimals that are shown and shared: five are about a metre. */
const DECIMALS = 5;

/** "31.23041, 121.47370" */
export const coordinates = ({ latitude, longitude }: Point): string =>
  `${latitude.toFixed(DECIMALS)}, ${longitude.toFixed(DECIMALS)}`;

/** A link that the device's own map opens (RFC 5870). */
export function geoUri({ latitude, longitude }: Point, accuracy: number | null = null): string {
  const uncertain = accuracy === null ? "" : `;u=${Math.round(accuracy)}`;
  return `geo:${latitude.toFixed(DECIMALS + 1)},${longitude.toFixed(DECIMALS + 1)}${uncertain}`;
}

/** Reads "31.23, 121.47", also "31.23° N 121.47° E" and a `geo:` link; null if it is no place. */
export function readPoint(text: string): Point | null {
  const bare = text.trim().replace(/^geo:/i, "").split(/[;?]/)[0] ?? "";
  const one = String.raw`([+-]?\d{1,3}(?:\.\d+)?)\s*°?\s*`;
  const found = new RegExp(String.raw`^${one}([NS]?)\s*[,，\s]\s*${one}([EW]?)$`, "i").exec(bare);
  if (!found) return null;
  const [, north = "", pole = "", east = "", side = ""] = found;
  const latitude = Number(north) * (/s/i.test(pole) ? -1 : 1);
  const longitude = Number(east) * (/w/i.test(side) ? -1 : 1);
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : null;
}

/** Metres between two places, on a ball; near enough to tell whether somebody has moved. */
export function metres(a: Point, b: Point): number {
  const radians = Math.PI / 180;
  const haversine = (angle: number): number => Math.sin((angle * radians) / 2) ** 2;
  const h =
    haversine(b.latitude - a.latitude) +
    Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians) * haversine(b.longitude - a.longitude);
  return 2 * 6_371_000 * Math.asin(Math.min(1, Math.sqrt(h)));
}
