/** Chapter 4: the shop opens, imports its catalogue with pictures, and posts a card into the group. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, openChat, test } from "../lib/lane.ts";
import { look } from "../lib/look.ts";
import { repository } from "../lib/process.ts";

const FIXTURES = join(repository, "tests/fixtures");
/** A real catalogue, where the data beside the repository is there. */
const REAL = join(repository, "../shared/data/catalogues/shopify-legacy-home-and-garden.csv");

test("the shop opens", async ({ lane: { lan } }) => {
  const { page } = lan;
  await lan.go("/mystore");
  await expect(page.getByRole("heading", { name: "Open your store" })).toBeVisible();
  await page.getByLabel("What you sell, in a sentence or two").fill("Vegetables, noodles and tea. 蔬菜、面条和茶。");
  await page.getByLabel("Currency").selectOption("CNY");
  await page.getByRole("switch", { name: "Bank transfer" }).check();
  await page.getByLabel("Instructions for the buyer").fill("Lan, 6222 0000 1234, Bank of the Lane");
  await look(page, "4-open-store");
  await page.getByRole("button", { name: "Open store" }).click();
  await expect(page.getByText("Your store is open")).toBeVisible();

  await lan.go("/mystore/settings");
  const shipping = page.getByRole("group", { name: "Home delivery" });
  await shipping.getByLabel("Countries").fill("*");
  await shipping.getByLabel("Price (CNY)").fill("6");
  await page.getByRole("button", { name: "Add a pickup place" }).click();
  const place = page.getByRole("group", { name: "Pickup" }).last();
  await place.getByLabel("Name").fill("The stall");
  await page.getByLabel("Address", { exact: true }).last().fill("Lane 7, by the gate");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Saved", { exact: true })).toBeVisible();
});

test("a catalogue is checked first, and a broken one changes nothing", async ({ lane: { lan } }) => {
  const { page } = lan;
  await lan.go("/mystore/import");
  const csv = page.getByLabel("CSV file", { exact: true });
  await csv.setInputFiles({ name: "broken.csv", mimeType: "text/csv", buffer: Buffer.from(BROKEN) });
  await page.getByRole("button", { name: "Check the file" }).click();
  await expect(page.getByText("A file with errors is imported all or nothing")).toBeVisible();
  await expect(page.getByRole("cell", { name: "3", exact: true }).first()).toBeVisible();
  await look(page, "4-import-errors");

  if (existsSync(REAL)) {
    await csv.setInputFiles(REAL);
    await page.getByRole("button", { name: "Check the file" }).click();
    await expect(page.getByText("Shopify, legacy", { exact: true })).toBeVisible();
  }
});

test("the catalogue comes in with its pictures", async ({ lane: { lan } }) => {
  const { page } = lan;
  await lan.go("/mystore/import");
  await page.getByLabel("CSV file", { exact: true }).setInputFiles(join(FIXTURES, "catalogue.csv"));
  await page.getByLabel("Picture folder").setInputFiles(join(FIXTURES, "pictures"));
  await expect(page.getByText("6 pictures chosen")).toBeVisible();
  await page.getByRole("button", { name: "Check the file" }).click();
  await expect(page.getByRole("button", { name: "Import 6 products" })).toBeVisible();
  await look(page, "4-import-checked");
  await page.getByRole("button", { name: "Import 6 products" }).click();
  await expect(page.getByRole("heading", { name: "Import finished" })).toBeVisible();
  await page.getByRole("link", { name: "See the products" }).click();
  await expect(page.getByRole("link", { name: /Cherry tomatoes/ })).toBeVisible();
});

test("the shop posts a card with a line of text, and everybody sees it", async ({ lane: { mei, tom, lan } }) => {
  const { page } = lan;
  await lan.go("/mystore/listings");
  await page.getByRole("button", { name: /^Post Cherry tomatoes/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /Courtyard market/ }).check();
  await dialog.getByLabel("A line of text").fill("Fresh this morning 今早新摘");
  await look(page, "4-post");
  await dialog.getByRole("button", { name: "Post", exact: true }).click();
  await expect(page.getByText(/Posted into Courtyard market/)).toBeVisible();
  for (const one of [mei, tom]) {
    await openChat(one, "Courtyard market");
    const card = one.page.getByRole("log").getByRole("link", { name: /Cherry tomatoes/ });
    await expect(card).toBeVisible();
    await expect(one.page.getByRole("log").getByText("Fresh this morning 今早新摘")).toBeVisible();
    // The picture has come from the shop's node.
    await expect(card.locator("img")).toHaveJSProperty("complete", true);
    await expect.poll(() => card.locator("img").evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(0);
  }
  await look(mei.page, "4-card");
});

const BROKEN = `Title,URL handle,Description,Status,SKU,Price,Inventory quantity,Product image URL
Good apples,apples,Sweet,Active,A-1,3.50,5,
Bad pears,pears,Sour,Active,P-1,three,5,
Worse plums,plums,Stolen,Active,L-1,2.00,5,../../secret.jpg
`;
