/** What a message holds beside its words, in one line. */
import { length } from "./duration";
import { t } from "./texts";
import type { Attachment, Location } from "$lib/types";

/** "3 photos", "Voice note 0:12", "File: menu.pdf", "Location: North gate"; nothing where there is nothing. */
export function holdsLine(
  attachments: readonly Pick<Attachment, "kind" | "name" | "duration_ms">[],
  place: Pick<Location, "label" | "live_until"> | null,
): string {
  const [first] = attachments;
  if (!first) {
    if (!place) return "";
    if (place.label) return t.locationOf(place.label);
    return place.live_until === null ? t.location : t.liveLocation;
  }
  const count = attachments.length;
  const kinds = new Set(attachments.map((one) => one.kind));
  if (kinds.size === 1 && kinds.has("image")) return count === 1 ? t.photo : t.photos(count);
  if (kinds.size === 1 && kinds.has("video")) {
    if (count > 1) return t.videos(count);
    return first.duration_ms === null ? t.video : t.videoOf(length(first.duration_ms));
  }
  if ([...kinds].every((kind) => kind === "image" || kind === "video")) return t.picturesAndVideos(count);
  if (count > 1) return t.files(count);
  if (first.kind === "voice") {
    return first.duration_ms === null ? t.voice : t.voiceOf(length(first.duration_ms));
  }
  return first.name ? t.fileOf(first.name) : t.file;
}
