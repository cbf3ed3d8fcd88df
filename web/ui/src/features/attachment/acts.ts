/** What can be asked of the node about attachments and places. Events tell what comes of it. */
import { ApiError, api, seg, send } from "$lib/api";
import { toast } from "$lib/toast.svelte";
import type { Attachment, Message } from "$lib/types";
import type { Act } from "./states";
import { t } from "./texts";

/** Fetches, goes on, or pauses. */
export async function act(one: Attachment, what: Act): Promise<void> {
  const path = `${one.url.replace(/^\/api/, "")}/fetch`;
  try {
    if (what === "pause") await api.del(path);
    else if (what) await api.post(path);
  } catch (error) {
    toast.fail(error);
  }
}

/** Why a picture that is here does not show, in words; an `<img>` is not told. */
export async function whyNotShown(one: Attachment): Promise<string> {
  try {
    const answer = await send(one.url.replace(/^\/api/, ""), { headers: { range: "bytes=0-0" } });
    await answer.body?.cancel();
  } catch (error) {
    if (error instanceof ApiError && error.code === "picture_too_large") return t.tooLargeToShow;
  }
  return t.gone;
}

export const downloadUrl = (one: Attachment): string => `${one.url}?download=1`;

const placePath = (message: Pick<Message, "chat" | "id">): string =>
  `/chats/${seg(message.chat)}/messages/${seg(message.id)}/location`;

export const movePlace = (
  message: Pick<Message, "chat" | "id">,
  to: { latitude: number; longitude: number; accuracy_m?: number },
): Promise<Message> => api.put<Message>(placePath(message), to);

export const endPlace = (message: Pick<Message, "chat" | "id">): Promise<Message> =>
  api.del<Message>(placePath(message));
