/** What is said about an attachment that is not wholly here. */
import { formatBytes } from "$lib/bytes";
import { t } from "./texts";
import type { Attachment } from "$lib/types";

export type Act = "fetch" | "pause" | "resume" | null;

/** Who could have it: the author, or in a group anybody who was there. */
export interface Holder {
  name: string;
  mine: boolean;
  group: boolean;
}

/** The state in words, and what can be done about it. Nothing is said about what is here. */
export function standing(one: Attachment, holder: Holder, tag: string): { text: string; act: Act } {
  const [received, size] = [formatBytes(one.received, tag), formatBytes(one.size, tag)];
  switch (one.state) {
    case "here":
      return { text: "", act: null };
    case "fetching":
      return { text: t.progress(received, size), act: "pause" };
    case "absent":
      return one.received > 0
        ? { text: t.pausedAt(received, size), act: "resume" }
        : { text: t.notFetched, act: "fetch" };
    case "waiting": {
      const who = holder.group ? t.waitsForGroup(holder.name) : t.waitsFor(holder.name);
      return { text: holder.mine ? t.waitsForMine : who, act: "pause" };
    }
    case "too_large":
      return { text: t.tooLargeToShow, act: null };
    case "full":
      return { text: t.noRoom, act: "fetch" };
    case "lying":
      return { text: t.lying, act: "fetch" };
  }
}

/** Whether all of it is here, to be shown or only saved. */
export const whole = (one: Pick<Attachment, "state">): boolean =>
  one.state === "here" || one.state === "too_large";

/** How much is here, 0 to 1. */
export const share = (one: Pick<Attachment, "received" | "size" | "state">): number =>
  whole(one) || one.size === 0 ? 1 : Math.min(1, one.received / one.size);

/** What grows only: an event may overtake the answer to a request, and the other way round. */
export function laterState<T extends Pick<Attachment, "state" | "received">>(
  known: T | undefined,
  heard: T,
): T {
  if (known?.state === "here" && heard.state !== "here")
    return { ...heard, state: "here", received: known.received };
  return heard;
}
