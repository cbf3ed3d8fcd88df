/** How far a message of mine has come only ever grows. */
import type { Message } from "$lib/types";

const ORDER: readonly Message["state"][] = ["queued", "at_mailbox", "sent", "delivered", "read"];

/**
 * `message`, or as far as `known` had come already: the answer to the request that sent it may be older than an event
 * that overtook it.
 */
export function notBack(known: Message | undefined, message: Message): Message {
  if (!known || ORDER.indexOf(known.state) <= ORDER.indexOf(message.state)) return message;
  return { ...message, state: known.state, waiting_for: known.waiting_for };
}
