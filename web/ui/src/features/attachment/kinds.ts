/** How an attachment is shown. */
import type { Attachment } from "$lib/types";

/** Whether it is shown as a picture; the node says of absurdly large ones that they are files to save. */
export const isPicture = (one: Pick<Attachment, "kind">): boolean =>
  one.kind === "image" || one.kind === "video";
