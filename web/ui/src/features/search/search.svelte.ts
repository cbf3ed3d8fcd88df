/** Opening of the search box from anywhere. */
class SearchBox {
  open = $state(false);
}

export const searchBox = new SearchBox();

/** Puts the cursor into the search box: the one on the screen, else one over it. */
export function openSearch(): void {
  const inline = [...document.querySelectorAll<HTMLInputElement>('[data-search="inline"] input')].find(
    (input) => input.checkVisibility?.() ?? input.offsetParent !== null,
  );
  if (inline) {
    inline.focus();
    inline.select();
  } else searchBox.open = true;
}
