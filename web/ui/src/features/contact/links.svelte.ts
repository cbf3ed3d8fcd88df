/** Opening of `hutong:` links, from wherever they come: pasted, scanned, or written in a message. */
class Links {
  /** The link whose preview is shown; empty shows the box to paste one; null shows nothing. */
  uri = $state<string | null>(null);
}

export const links = new Links();

/** Shows what a link is, before anything is done with it. */
export const openLink = (uri: string): void => {
  links.uri = uri.trim();
};

/** Asks for a link. */
export const openLinkBox = (): void => {
  links.uri = "";
};
