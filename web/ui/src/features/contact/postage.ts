/** How long the work for a request's postage takes, in words: a core tries two to twelve million times a second. */
export type PostageTime = "moment" | "seconds" | "tens" | "minute";

export function postageTime(bits: number): PostageTime {
  if (bits <= 20) return "moment";
  if (bits <= 24) return "seconds";
  return bits <= 26 ? "tens" : "minute";
}
