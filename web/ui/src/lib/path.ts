/** Matching of paths to patterns, apart from the router so that it can be tested without a browser. */

export type Params = Record<string, string>;

/** Matches `/store/:account` against a path; null when it does not fit. A trailing slash is ignored. */
export function matchPath(pattern: string, path: string): Params | null {
  const want = split(pattern);
  const have = split(path);
  if (want.length !== have.length) return null;
  const params: Params = {};
  for (const [index, part] of want.entries()) {
    const given = have[index] ?? "";
    if (part.startsWith(":")) {
      try {
        params[part.slice(1)] = decodeURIComponent(given);
      } catch {
        return null; // a stray % in a typed address
      }
    } else if (part !== given) return null;
  }
  return params;
}

function split(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}
