/** Finds links in what people write, without ever making HTML of it. */

export type Segment =
  | { kind: "text"; text: string }
  | { kind: "web"; text: string; href: string }
  | { kind: "hutong"; text: string; uri: string };

// A web address with a scheme, one that starts with www., or one of ours. Chinese punctuation ends an address,
// since in Chinese no space stands before it.
const CJK_STOP =
  "\\u3001\\u3002\\uff0c\\uff1b\\uff1a\\uff01\\uff1f\\uff08\\uff09\\u3010\\u3011\\u300a\\u300b\\u300c\\u300d\\u201c\\u201d";
const LINK = new RegExp(
  `(?:https?://|www\\.)[^\\s<>"'\`${CJK_STOP}]+|hutong:(?:contact|group|store|listing)/[^\\s<>"'\`${CJK_STOP}]+`,
  "giu",
);
/** What ends a sentence, not an address. */
const TAIL = /[.,;:!?'"*_~]+$/;

/** Drops punctuation after an address, and a closing bracket that was opened before it. */
function trim(text: string): string {
  let link = text;
  for (;;) {
    const shorter = link.replace(TAIL, "");
    const unbalanced =
      shorter.endsWith(")") && (shorter.match(/\)/g)?.length ?? 0) > (shorter.match(/\(/g)?.length ?? 0);
    const next = unbalanced ? shorter.slice(0, -1) : shorter;
    if (next === link) return link;
    link = next;
  }
}

function linkOf(text: string): Segment | null {
  if (/^hutong:/i.test(text)) return { kind: "hutong", text, uri: text };
  const href = /^www\./i.test(text) ? `https://${text}` : text;
  try {
    const parsed = new URL(href);
    // A user name before the host only serves to deceive about where a link leads.
    if (parsed.username || parsed.password || !parsed.hostname.includes(".")) return null;
    return { kind: "web", text, href: parsed.href };
  } catch {
    return null;
  }
}

/** Splits a text into plain parts and links. */
export function segments(text: string): Segment[] {
  const out: Segment[] = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const shown = trim(match[0]);
    const link = linkOf(shown);
    if (!link) continue;
    if (match.index > at) out.push({ kind: "text", text: text.slice(at, match.index) });
    out.push(link);
    at = match.index + shown.length;
  }
  if (at < text.length) out.push({ kind: "text", text: text.slice(at) });
  return out;
}

/** The `hutong:` link in a pasted text, or null. */
export function findHutongLink(text: string): string | null {
  for (const part of segments(text)) if (part.kind === "hutong") return part.uri;
  return null;
}
