/** What a group's link needs before one is in. */
import type { GroupDoor, Id, LinkPreview, Party } from "$lib/types";
import { isPrivateGroup } from "./rules";

/** What a link says of a group. */
export interface GroupLink {
  id: Id;
  known: boolean;
  private: boolean;
  host: Party | null;
  /** Whether it carries an invitation. */
  ticket: boolean;
  door: GroupDoor | null;
  questions: string[];
}

/**
 * `open`: one is in already. `join`: at once. `ask`: somebody has to say yes. `nobody`: there is no one to ask.
 *
 * Whether a public group asks is known only where its log is; there the node turns a join into a request by itself.
 */
export type JoinNeeds = "open" | "join" | "ask" | "nobody";

export function joinNeeds(
  link: Pick<GroupLink, "known" | "private" | "ticket" | "door" | "host">,
): JoinNeeds {
  if (link.known) return "open";
  if (link.ticket) return "join";
  if (!link.private && link.door !== "ask") return "join";
  return link.host === null ? "nobody" : "ask";
}

/** What a preview says of a group's link. */
export function groupLink(link: LinkPreview): GroupLink {
  const more = link.group;
  return {
    id: link.id,
    known: link.known,
    private: isPrivateGroup(link.id),
    host: more?.host ?? null,
    ticket: more?.invitation ?? false,
    door: more?.door ?? null,
    questions: more?.questions ?? [],
  };
}
