/** Chapter 3, later: what can be done with a message, between two nodes and with the keyboard alone. */
import type { Locator, Page } from "@playwright/test";
import { type Resident, expect, openChat, say, test } from "../lib/lane.ts";
import { look } from "../lib/look.ts";

const message = (one: Resident, text: string | RegExp): Locator => one.page.locator("article").filter({ hasText: text });

/** Opens the menu of a message with the right button. */
async function menuOf(one: Resident, text: string): Promise<Locator> {
  await message(one, text).getByText(text).first().click({ button: "right" });
  const menu = one.page.getByRole("menu", { name: "Message options" });
  await expect(menu).toBeVisible();
  return menu;
}

async function choose(one: Resident, text: string, item: string): Promise<void> {
  await (await menuOf(one, text)).getByRole("menuitem", { name: item, exact: true }).click();
}

/** What has the focus, in words. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");

test("a reaction is put, seen by the other, and taken away", async ({ lane: { mei, tom } }) => {
  await openChat(mei, "Tom");
  await openChat(tom, "Mei");
  await say(mei, "Dumplings tonight? 今晚吃饺子吗");
  await expect(tom.page.getByRole("log").getByText("Dumplings tonight?")).toBeVisible();

  await (await menuOf(tom, "Dumplings tonight?")).getByRole("menuitemcheckbox", { name: "👍" }).click();
  await expect(message(tom, "Dumplings tonight?").getByRole("button", { name: "👍 You" })).toBeVisible();
  const chip = message(mei, "Dumplings tonight?").getByRole("button", { name: /👍/ });
  await expect(chip).toHaveAccessibleName("👍 Tom");
  await chip.click();
  await expect(chip).toHaveAccessibleName("👍 You and Tom");
  await expect(message(tom, "Dumplings tonight?").getByRole("button", { name: "👍 You and Mei" })).toBeVisible();

  await choose(tom, "Dumplings tonight?", "More emoji");
  await tom.page.getByRole("dialog").getByRole("button", { name: "🥟" }).click();
  await expect(message(mei, "Dumplings tonight?").getByRole("button", { name: "🥟 Tom" })).toBeVisible();
  await look(mei.page, "3-reactions");
  await menuOf(mei, "Dumplings tonight?");
  await look(mei.page, "3-message-menu");
  await mei.page.keyboard.press("Escape");

  await chip.click();
  await expect(chip).toHaveAccessibleName("👍 Tom");
  await message(tom, "Dumplings tonight?").getByRole("button", { name: "👍 You" }).click();
  await expect(chip).toBeHidden();
});

test("words are mended, and both read the new ones", async ({ lane: { mei, tom } }) => {
  await say(mei, "I come at seven");
  await expect(tom.page.getByRole("log").getByText("I come at seven")).toBeVisible();
  await choose(mei, "I come at seven", "Edit");
  const box = mei.page.getByRole("textbox", { name: "Write a message" });
  await expect(box).toHaveValue("I come at seven");
  await box.fill("I come at eight");
  await look(mei.page, "3-editing");
  await box.press("Enter");
  await expect(box).toHaveValue("");
  for (const one of [mei, tom]) {
    await expect(message(one, "I come at eight")).toContainText("edited");
    await expect(one.page.getByRole("log").getByText("I come at seven")).toBeHidden();
  }
  // Nobody changes another's words.
  await expect((await menuOf(tom, "I come at eight")).getByRole("menuitem", { name: "Edit" })).toHaveCount(0);
  await tom.page.keyboard.press("Escape");
});

test("a recalled sentence is gone from both, and a line says so", async ({ lane: { mei, tom } }) => {
  await say(mei, "The key is under the mat");
  await expect(tom.page.getByRole("log").getByText("The key is under the mat")).toBeVisible();
  await message(tom, "The key is under the mat").hover();
  await tom.page.getByRole("button", { name: "Reply to Mei" }).last().click();
  await say(tom, "Thank you!");
  await expect(mei.page.getByRole("log").getByText("Thank you!")).toBeVisible();

  await choose(mei, "The key is under the mat", "Recall");
  await expect(mei.page.getByRole("log").getByText("You recalled a message")).toBeVisible();
  await expect(tom.page.getByRole("log").getByText("Mei recalled a message")).toBeVisible();
  for (const one of [mei, tom]) {
    await expect(one.page.getByRole("main").getByText("The key is under the mat")).toHaveCount(0);
    await expect(message(one, "Thank you!")).toContainText("This message was taken back");
    const found = await one.node.api<{ sections: unknown[] }>("GET", "/search?q=mat&kinds=message");
    expect(found.sections).toEqual([]);
  }
  await look(tom.page, "3-recalled");
});

test("a message is deleted for everyone, with the keyboard alone", async ({ lane: { mei, tom } }) => {
  await say(tom, "Wrong window, sorry");
  await expect(mei.page.getByRole("log").getByText("Wrong window, sorry")).toBeVisible();
  const options = message(tom, "Wrong window, sorry").getByRole("button", { name: "Options for the message of You" });
  await options.focus();
  await tom.page.keyboard.press("Enter");
  await expect(tom.page.getByRole("menu", { name: "Message options" })).toBeVisible();
  await tom.page.keyboard.press("End");
  expect(await focused(tom.page)).toContain("Delete for everyone");
  await tom.page.keyboard.press("Enter");
  const dialog = tom.page.getByRole("dialog", { name: "Delete this message?" });
  await look(tom.page, "3-delete");
  await dialog.getByRole("button", { name: "Delete for everyone" }).press("Enter");
  await expect(tom.page.getByRole("log").getByText("You deleted a message")).toBeVisible();
  await expect(mei.page.getByRole("log").getByText("Tom deleted a message")).toBeVisible();
  await mei.go("/chats");
  await expect(mei.page.getByRole("link", { name: "Tom" }).first()).toContainText("Tom deleted a message");
});
