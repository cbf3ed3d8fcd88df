/** Chapter 5: from the card to the review that the neighbour sees as "from your contact". */
import type { Page } from "@playwright/test";
import { type Resident, expect, openChat, test } from "../lib/lane.ts";
import { look } from "../lib/look.ts";

/** Presses what an order offers; where a dialog asks, `fill` answers it. */
async function act(page: Page, action: string | RegExp, fill?: Record<string, string>): Promise<void> {
  await page.getByRole("group", { name: "What you can do" }).getByRole("button", { name: action }).click();
  if (fill === undefined) return;
  const dialog = page.getByRole("dialog");
  for (const [label, value] of Object.entries(fill)) await dialog.getByLabel(label).fill(value);
  await dialog.getByRole("button", { name: action }).click();
  await expect(dialog).toBeHidden();
}

/** The shop opens the newest order that waits. */
async function openSale(shop: Resident): Promise<void> {
  await shop.go("/mystore/orders");
  await shop.page.getByRole("link", { name: /Mei/ }).first().click();
  await expect(shop.page.getByRole("heading", { name: "Order from Mei" })).toBeVisible();
}

test("the card leads to the listing and into the cart", async ({ lane: { mei } }) => {
  const { page } = mei;
  await openChat(mei, "Courtyard market");
  await page.getByRole("log").getByRole("link", { name: /Cherry tomatoes/ }).click();
  await expect(page.getByRole("heading", { name: /Cherry tomatoes/ })).toBeVisible();
  await expect(page.getByText("In stock").first()).toBeVisible();
  for (const heading of ["Shipping", "Pickup", "Returns", "Payment"]) {
    await expect(page.getByText(heading, { exact: true }).first()).toBeVisible();
  }
  await expect(page.getByText("12.80").first()).toBeVisible();
  // The other variant is sold out, and says so.
  await page.getByRole("radio", { name: /1 kg/ }).check();
  await expect(page.getByText("Sold out", { exact: true }).first()).toBeVisible();
  await page.getByRole("radio", { name: /500 g/ }).check();
  await page.getByRole("button", { name: "One more" }).click();
  await look(page, "5-listing");
  await page.getByRole("button", { name: "Add to cart" }).first().click();
  await page.getByRole("link", { name: "View cart" }).first().click();
  await expect(page.getByRole("heading", { name: "Cart" })).toBeVisible();
  await expect(page.getByText("25.60").first()).toBeVisible();
  await look(page, "5-cart");
});

test("an order with bank transfer goes all the way to the review", async ({ lane: { mei, lan } }) => {
  const { page } = mei;
  await mei.go("/cart");
  await page.getByRole("link", { name: /^Check out at/ }).click();
  await page.getByRole("radio", { name: "Bank transfer" }).check();
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page.getByText("Some fields need your attention.")).toBeVisible();
  await look(page, "5-checkout-problems");
  await page.getByLabel("Country or region").selectOption("CN");
  await page.getByLabel("Name", { exact: true }).fill("Mei Chen");
  await page.getByLabel("Phone").fill("+86 138 0013 8000");
  await page.getByLabel("State or province").fill("上海");
  await page.getByLabel("City").fill("上海市");
  await page.getByLabel("District, street and number").fill("黄浦区福州路 12 号");
  await look(page, "5-checkout");
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page.getByRole("heading", { name: /^Order at/ })).toBeVisible();

  // The shop's node has quoted by itself.
  await expect(page.getByRole("button", { name: /^Accept quote: .*31\.60/ })).toBeVisible();
  await look(page, "5-quoted");
  await act(page, /^Accept quote/);
  await expect(page.getByText("Lan, 6222 0000 1234, Bank of the Lane").first()).toBeVisible();
  await act(page, "I have paid", { Reference: "MEI-1" });
  await look(page, "5-claimed");

  await openSale(lan);
  await expect(lan.page.getByText("MEI-1").first()).toBeVisible();
  await look(lan.page, "5-sale");
  await act(lan.page, "Confirm payment", {});
  await act(lan.page, "Start preparing");
  await act(lan.page, "Ship", { Carrier: "Lane Express", "Tracking number": "LX 42" });
  await expect(page.getByText("Lane Express LX 42").first()).toBeVisible();
  await look(page, "5-on-the-way");
  await act(page, "I have received it", {});
  // Everything is there and paid: the buyer's node closes the order by itself.
  await expect(page.getByText("Everything is done.").first()).toBeVisible();
  await expect(lan.page.getByText("Everything is done.").first()).toBeVisible();
  await act(page, "Write a review");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /^5 stars/ }).check();
  await dialog.getByLabel("What should others know?").fill("Sweet as summer 甜得像夏天");
  await look(page, "5-review");
  await dialog.getByRole("button", { name: "Publish review" }).click();
  await expect(page.getByText("Thank you. Your review is published.")).toBeVisible();
  await look(page, "5-completed");
});

test("the neighbour sees the review as from a contact", async ({ lane: { tom } }) => {
  await openChat(tom, "Courtyard market");
  await tom.page.getByRole("log").getByRole("link", { name: /Cherry tomatoes/ }).click();
  const review = tom.page.getByRole("listitem").filter({ hasText: "Sweet as summer 甜得像夏天" });
  await expect(review).toBeVisible();
  await expect(review).toContainText("From your contact");
  await expect(review).toContainText("Verified purchase");
  await expect(review).toContainText("Mei");
  await review.scrollIntoViewIfNeeded();
  await look(tom.page, "5-review-at-the-neighbour");
});

test("goods are picked up with a PIN and paid there", async ({ lane: { mei, lan } }) => {
  const { page } = mei;
  await openChat(mei, "Courtyard market");
  await page.getByRole("log").getByRole("link", { name: /Cherry tomatoes/ }).click();
  await page.getByRole("button", { name: "Buy now" }).first().click();
  await page.getByRole("radio", { name: "Pick it up" }).check();
  await page.getByRole("radio", { name: "Pay on delivery" }).check();
  await page.getByRole("checkbox", { name: /Accept the quote automatically/ }).check();
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page.getByRole("heading", { name: /^Order at/ })).toBeVisible();
  await openSale(lan);
  await act(lan.page, "Start preparing");
  await act(lan.page, "Mark ready");
  const digits = page.getByRole("region", { name: "Your pickup PIN" }).getByText(/^[\d\s]{4,}$/);
  await expect(digits).toBeVisible();
  const pin = (await digits.innerText()).replace(/\s/g, "");
  await look(page, "5-pin");
  const wrong = pin.replace(/\d/g, (digit) => (digit === "9" ? "0" : "9"));
  await act(lan.page, "Enter pickup PIN", { PIN: wrong });
  await act(lan.page, "Enter pickup PIN", { PIN: pin });
  await expect(page.getByText("Delivery confirmed").or(page.getByText("Collected")).first()).toBeVisible();
  await act(lan.page, "Confirm payment", {});
  // Everything is there and paid: the buyer's node closes the order by itself.
  await expect(page.getByText("Everything is done.").first()).toBeVisible();
});
