/** Chapter 6: one search box finds what the node knows, in English and Chinese, as one types. */
import { expect, test } from "../lib/lane.ts";
import { look } from "../lib/look.ts";

const WANTED: [typed: string, section: string, found: RegExp][] = [
  ["tomat", "Goods", /Cherry tomatoes/],
  ["番茄", "Goods", /樱桃番茄/],
  ["garden", "Stores", /Lan's Garden/],
  ["兰姐", "Stores", /兰姐菜园/],
  ["tom", "People", /^Tom/],
  ["courtyard", "Groups", /Courtyard market/],
  ["院子", "Groups", /院子市场/],
  ["eggs", "Messages", /Who has eggs\?/],
  ["鸡蛋", "Messages", /谁家有鸡蛋/],
];

test("goods, stores, people, groups and messages are found while one types", async ({ lane: { mei } }) => {
  const { page } = mei;
  await mei.go("/chats");
  const box = page.getByRole("searchbox", { name: "Search goods, people, messages" });
  const found = page.getByRole("region", { name: "Search results" });
  for (const [typed, section, wanted] of WANTED) {
    await box.fill("");
    await box.pressSequentially(typed);
    const here = found.locator("section").filter({ has: page.getByRole("heading", { name: section, exact: true }) });
    await expect(here.getByText(wanted).first(), `${typed} finds ${section}`).toBeVisible();
  }
  await look(page, "6-search");
  await box.fill("鸡蛋");
  await found.getByRole("link", { name: /谁家有鸡蛋/ }).first().click();
  await expect(page.getByRole("log").getByText("谁家有鸡蛋？")).toBeVisible();

  // From anywhere, by keys alone.
  await mei.go("/discover");
  await expect(page.getByRole("heading", { name: "Discover" })).toBeVisible();
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog").getByRole("searchbox")).toBeFocused();
  await page.keyboard.type("茉莉");
  await expect(page.getByRole("dialog").getByText("Jasmine tea 茉莉花茶")).toBeVisible();
  await look(page, "6-search-anywhere");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: /Jasmine tea/ })).toBeVisible();
  await mei.go("/chats");
  await box.fill("zzqqxx");
  await expect(found.getByText("Nothing found for “zzqqxx”")).toBeVisible();
});
