/** A second device by its code, mailboxes while somebody is away, safety numbers, and a device that is lost. */
import { type Page, expect, test } from "@playwright/test";
import { Resident, openChat, say } from "../lib/lane.ts";
import { look } from "../lib/look.ts";

interface Account {
  account: string;
  invite: string;
}
interface Device {
  device: string;
  this_device: boolean;
  revoked: boolean;
  online: boolean;
}

test.describe.configure({ mode: "serial" });

let phone: Resident;
let laptop: Resident;
let tom: Resident;
let shop: Resident;
let words: string[] = [];
const everybody = (): Resident[] => [phone, laptop, tom, shop];

/** Founds an account without its screens, which chapter 1 has seen, and logs the browser in. */
async function settle(resident: Resident, name: string): Promise<string[]> {
  const created = await resident.node.api<{ words: string[] }>("POST", "/account", { name });
  await resident.page.goto(await resident.node.link());
  await expect(resident.page.getByText("No chats yet")).toBeVisible();
  return created.words;
}

async function account(resident: Resident): Promise<Account> {
  return resident.node.api<Account>("GET", "/account");
}

/** Makes two people contacts. */
async function befriend(one: Resident, other: Resident): Promise<void> {
  const [from, to] = await Promise.all([account(one), account(other)]);
  await one.node.api("POST", "/contacts", { uri: to.invite });
  const asks = async (): Promise<string | undefined> => {
    const contacts = await other.node.api<{ account: string; state: string }[]>("GET", "/contacts");
    return contacts.find((contact) => contact.account === from.account)?.state;
  };
  await expect.poll(asks).toBe("incoming");
  await other.node.api("POST", `/contacts/${from.account}/accept`, {});
}

const bubble = (page: Page, text: string) => page.locator("article").filter({ hasText: text });

test.beforeAll(async ({ browser }) => {
  test.setTimeout(180_000);
  const arrive = (name: string): Promise<Resident> => Resident.arrive(browser, name);
  [phone, laptop, tom, shop] = await Promise.all([arrive("mei8"), arrive("laptop8"), arrive("tom8"), arrive("lan8")]);
});

test.afterAll(async () => {
  await Promise.all(everybody().map((resident) => resident.leave()));
});

test.afterEach(() => {
  for (const resident of everybody()) expect(resident.complaints).toEqual([]);
});

test("three neighbours; whoever is alone has no mailbox yet", async () => {
  words = await settle(phone, "Mei");
  await settle(tom, "Tom");
  await settle(shop, "Lan");
  await phone.lookAt("/me/mailboxes", "8-no-mailbox", async (page) => {
    await expect(page.getByText(/^(No mailbox yet|还没有信箱)$/)).toBeVisible();
  });
  await befriend(phone, tom);
  await befriend(phone, shop);
  await befriend(tom, shop);
});

test("the laptop shows its code, the phone takes it in", async () => {
  const { page } = laptop;
  const chinese = await laptop.chinese();
  await chinese.getByRole("button", { name: "这是我的第二台设备" }).click();
  await expect(chinese.getByRole("img", { name: "本设备的码" })).toBeVisible();
  await look(chinese, "8-code", "zh");
  await chinese.getByRole("button", { name: "返回" }).click();

  await page.goto(await laptop.node.link());
  await page.getByRole("button", { name: "This is my second device" }).click();
  const field = page.getByRole("textbox", { name: "Code of this device" });
  await expect(field).toHaveValue(/^hutong:device\//);
  await look(page, "8-code");
  const code = await field.inputValue();

  await phone.lookAt("/me/devices", "8-one-device");
  await phone.page.getByRole("link", { name: "Add a device" }).click();
  await phone.page.getByRole("tab", { name: "Paste" }).click();
  const pasted = phone.page.getByRole("textbox", { name: "Code of the new device" });
  await pasted.fill("hutong:contact/abc");
  await phone.page.getByRole("button", { name: "Next" }).click();
  await expect(phone.page.getByText("This is not the code of a new device.")).toBeVisible();
  await look(phone.page, "8-paste");
  await pasted.fill(`My laptop: ${code}\n`);
  await phone.page.getByRole("button", { name: "Next" }).click();
  await expect(phone.page.getByRole("switch", { name: "Give it my messages and orders from before" })).toBeChecked();
  await look(phone.page, "8-add");
  await phone.page.getByRole("button", { name: "Add this device" }).click();
  await expect(phone.page.getByText("The new device is on its way")).toBeVisible();
  await look(phone.page, "8-added");

  await expect(page.getByRole("heading", { name: "Welcome back, Mei" })).toBeVisible();
  await look(page, "8-welcome-back");
  await page.getByRole("button", { name: "Go to my chats" }).click();
  // It has what the phone has: the people.
  await page.goto(`${laptop.node.origin}/contacts`);
  await expect(page.getByRole("link", { name: "Tom" }).first()).toBeVisible();

  await phone.page.getByRole("link", { name: "See my devices" }).click();
  await expect(phone.page.getByText("Each of these devices holds your messages")).toBeVisible();
  await expect(phone.page.getByRole("listitem").filter({ hasText: "Revoke" }).getByText("Online", { exact: true })).toBeVisible();
  await phone.lookAt("/me/devices", "8-devices");
});

test("the laptop does not keep the words, and asks for them", async () => {
  await laptop.lookAt("/me/phrase", "8-no-phrase", async (page) => {
    await expect(page.getByText(/^(The words are not on this device|单词不在这台设备上)$/)).toBeVisible();
  });
  await laptop.go("/me/devices");
  await laptop.page.getByRole("button", { name: /^Revoke/ }).click();
  const dialog = laptop.page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Revoke" }).click();
  const field = dialog.getByRole("textbox", { name: "Recovery phrase" });
  await field.fill(words.with(0, words[1] ?? "").join(" "));
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await expect(dialog.getByText(/These are not 12 words|belong to another account/)).toBeVisible();
  await look(laptop.page, "8-words-asked");
  await dialog.getByRole("button", { name: "Cancel" }).click();
});

test("both devices get what Tom writes, and what is read on one is read on the other", async () => {
  // Tom seals for the laptop as soon as he knows of it.
  const mei = await account(phone);
  const known = async (): Promise<number> =>
    (await tom.node.api<{ devices: Device[] }>("GET", `/contacts/${mei.account}/safety`)).devices.length;
  await expect.poll(known).toBe(2);

  await phone.go("/contacts");
  await laptop.go("/chats");
  await openChat(tom, "Mei");
  await say(tom, "The plum tree is in blossom");
  const row = laptop.page.getByRole("link", { name: /Tom/ }).first();
  await expect(row).toContainText("The plum tree is in blossom");
  await expect(row).toContainText("1 unread");
  await openChat(phone, "Tom");
  await expect(bubble(phone.page, "The plum tree is in blossom")).toBeVisible();
  await expect(row).not.toContainText("unread");
  await expect(bubble(tom.page, "The plum tree is in blossom")).toContainText("Read");
});

test("what is written while Tom is away waits in a mailbox, and no device of Mei's need be on when he comes", async () => {
  const at = (await account(shop)).account;
  const usesTheShop = async (): Promise<boolean> => {
    const { nodes } = await tom.node.api<{ nodes: { account: string; chosen: boolean }[] }>("GET", "/mailboxes");
    return nodes.some((node) => node.account === at && node.chosen);
  };
  await expect.poll(usesTheShop).toBe(true);
  await tom.lookAt("/me/mailboxes", "8-mailboxes", async (page) => {
    await expect(page.getByRole("checkbox", { name: /Lan/ })).toBeChecked();
  });
  await openChat(tom, "Mei");
  await tom.node.stop();
  await expect(tom.page.getByText("Your node does not answer.").first()).toBeVisible();

  await openChat(phone, "Tom");
  await say(phone, "Dumplings at seven?");
  await expect(bubble(phone.page, "Dumplings at seven?")).toContainText("Waits in a mailbox");
  await expect(phone.page.getByRole("link", { name: /Tom/ }).first()).toContainText("Waits in a mailbox");
  await look(phone.page, "8-waits");
  const kept = async (): Promise<number> =>
    (await shop.node.api<{ kept: { items: number } }>("GET", "/mailboxes")).kept.items;
  await expect.poll(kept).toBeGreaterThan(0);
  await shop.lookAt("/me/mailboxes", "8-kept", async (page) => {
    await expect(page.getByText(/^(Sealed messages|密封消息)$/)).toBeVisible();
  });

  await Promise.all([phone.node.kill(), laptop.node.kill()]);
  await tom.node.restart();
  await expect(bubble(tom.page, "Dumplings at seven?")).toBeVisible();
  await Promise.all([phone.node.restart(), laptop.node.restart()]);
  await expect(bubble(phone.page, "Dumplings at seven?")).toContainText("Read");
});

test("the safety number is the same on both sides", async () => {
  const [mei, other] = await Promise.all([account(phone), account(tom)]);
  const ready = async (page: Page): Promise<void> => {
    await expect(page.getByRole("list", { name: /^(Safety number|安全码)$/ }).getByRole("listitem")).toHaveCount(12);
  };
  await tom.lookAt(`/contacts/${mei.account}`, "8-contact");
  await expect(tom.page.getByText("Mei's account has a new device")).toBeVisible();
  await tom.lookAt(`/contacts/${mei.account}/safety`, "8-safety", ready);
  await phone.go(`/contacts/${other.account}/safety`);
  await ready(phone.page);
  const shown = (page: Page): Promise<string[]> =>
    page.getByRole("list", { name: "Safety number" }).getByRole("listitem").allInnerTexts();
  expect(await shown(phone.page)).toEqual(await shown(tom.page));

  // By its picture, as a camera would see it.
  const picture = async (page: Page): Promise<{ name: string; mimeType: string; buffer: Buffer }> => ({
    name: "number.png",
    mimeType: "image/png",
    buffer: await page.getByRole("img", { name: "Safety number as a QR code" }).screenshot({ scale: "css" }),
  });
  const theirs = await picture(tom.page);
  await phone.page.getByRole("button", { name: "Scan theirs" }).click();
  await phone.page.locator("input[type=file]").setInputFiles(theirs);
  await expect(phone.page.getByText("The numbers match")).toBeVisible();
  await look(phone.page, "8-match");
  await shop.go(`/contacts/${mei.account}/safety`);
  await ready(shop.page);
  await shop.page.getByRole("button", { name: "Scan theirs" }).click();
  await shop.page.locator("input[type=file]").setInputFiles(theirs);
  await expect(shop.page.getByText("The numbers do not match")).toBeVisible();
  await look(shop.page, "8-differs");
});

test("a lost laptop is revoked from the phone and gets nothing more", async () => {
  const mei = await account(phone);
  const device = (await laptop.node.api<Device[]>("GET", "/devices")).find((one) => one.this_device)?.device ?? "";
  await phone.go("/me/devices");
  await phone.page.getByRole("button", { name: /^Revoke/ }).click();
  await look(phone.page, "8-revoke");
  await phone.page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(phone.page.getByText("Revoked", { exact: true })).toBeVisible();
  await phone.lookAt("/me/devices", "8-revoked");
  const isRevoked = async (): Promise<boolean | undefined> => {
    const { devices } = await tom.node.api<{ devices: Device[] }>("GET", `/contacts/${mei.account}/safety`);
    return devices.find((one) => one.device === device)?.revoked;
  };
  await expect.poll(isRevoked).toBe(true);

  await laptop.lookAt("/me/devices", "8-revoked-here", async (page) => {
    await expect(page.getByText(/^(This device was revoked|这台设备已被撤销)$/)).toBeVisible();
  });
  await tom.lookAt(`/chats/direct-${mei.account}`, "8-notice", async (page) => {
    await expect(page.getByText(/Mei revoked a device|Mei撤销了设备/)).toBeVisible();
  });
  await openChat(tom, "Mei");
  await say(tom, "Only for your phone");
  await expect(bubble(tom.page, "Only for your phone")).toContainText("Delivered");
  await openChat(phone, "Tom");
  await expect(bubble(phone.page, "Only for your phone")).toBeVisible();
  await expect(bubble(tom.page, "Only for your phone")).toContainText("Read");
  const other = (await account(tom)).account;
  const page = await laptop.node.api<unknown>("GET", `/chats/direct-${other}/messages`);
  expect(JSON.stringify(page)).toContain("The plum tree is in blossom");
  expect(JSON.stringify(page)).not.toContain("Only for your phone");

  await tom.page.getByRole("button", { name: "Put this notice away" }).click();
  await expect(tom.page.getByText("Mei revoked a device")).toBeHidden();
  await tom.page.reload();
  await expect(bubble(tom.page, "Only for your phone")).toBeVisible();
  await expect(tom.page.getByText("Mei revoked a device")).toBeHidden();
});
