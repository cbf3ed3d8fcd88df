/** A private group of four people on six devices: an invitation, a crash, a removal, a revoked link. */
import { type Locator, type Page, expect, test } from "@playwright/test";
import { Resident, openChat, openLink, say, texts } from "../lib/lane.ts";
import { look } from "../lib/look.ts";

interface Account {
  account: string;
  invite: string;
}
interface Group {
  group: string;
  chat: string;
  joined: boolean;
  member_count: number;
}

test.describe.configure({ mode: "serial" });

const GROUP = "Plum tree supper 梅树晚饭";
let mei: Resident;
let laptop: Resident;
let tom: Resident;
let tablet: Resident;
let shop: Resident;
let lan: Resident;
let nora: Resident;
let group = "";
/** What was said, in its order. */
const said: string[] = [];
const everybody = (): Resident[] => [mei, laptop, tom, tablet, shop, lan, nora];
/** Those who are in, with all their devices. */
const inside = (): Resident[] => [mei, laptop, tom, tablet, shop, lan];

/** Founds an account without its screens, which chapter 1 has seen, and logs the browser in. */
async function settle(resident: Resident, name: string): Promise<void> {
  await resident.node.api("POST", "/account", { name });
  await resident.page.goto(await resident.node.link());
  await expect(resident.page.getByText("No chats yet")).toBeVisible();
}

const account = (resident: Resident): Promise<Account> => resident.node.api<Account>("GET", "/account");

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
  const accepted = async (): Promise<string | undefined> => {
    const contacts = await one.node.api<{ account: string; state: string }[]>("GET", "/contacts");
    return contacts.find((contact) => contact.account === to.account)?.state;
  };
  await expect.poll(accepted).toBe("accepted");
}

/** Gives somebody a second device by its code, as chapter 8 does on the screen. */
async function second(first: Resident, other: Resident): Promise<void> {
  const { code } = await other.node.api<{ code: string }>("POST", "/account/code", {});
  await first.node.api("POST", "/devices", { code, history: true });
  const has = async (): Promise<string | null> =>
    (await other.node.api<{ account: string | null }>("GET", "/session")).account;
  await expect.poll(has).toBe((await account(first)).account);
  await other.page.goto(await other.node.link());
  await expect(other.page.getByRole("link", { name: "Contacts" }).first()).toBeVisible();
}

const groupOn = async (resident: Resident): Promise<Group | undefined> =>
  (await resident.node.api<Group[]>("GET", "/groups")).find((one) => one.group === group);
const bubble = (page: Page, text: string): Locator => page.locator("article").filter({ hasText: text });

/** Somebody says something, and so it is said. */
async function tell(resident: Resident, text: string): Promise<void> {
  await say(resident, text);
  said.push(text);
}

/** Each of them shows all that was said, in the same order. */
async function allSee(residents: Resident[]): Promise<void> {
  for (const resident of residents) {
    await expect
      .poll(() => texts(resident, said), { message: `what ${resident.node.name} shows` })
      .toEqual(said);
  }
}

/** Opens the menu of a message. */
async function menuOf(resident: Resident, text: string): Promise<void> {
  await bubble(resident.page, text).getByText(text).first().click({ button: "right" });
  await expect(resident.page.getByRole("menu", { name: "Message options" })).toBeVisible();
}

test.beforeAll(async ({ browser }) => {
  test.setTimeout(240_000);
  const arrive = (name: string): Promise<Resident> => Resident.arrive(browser, name);
  [mei, laptop, tom, tablet, shop, lan, nora] = await Promise.all([
    arrive("mei11"),
    arrive("laptop11"),
    arrive("tom11"),
    arrive("tablet11"),
    arrive("shop11"),
    arrive("lan11"),
    arrive("nora11"),
  ]);
});

test.afterAll(async () => {
  await Promise.all(everybody().map((resident) => resident.leave()));
});

test.afterEach(() => {
  for (const resident of everybody()) expect(resident.complaints).toEqual([]);
});

test("four people with six devices", async () => {
  await settle(mei, "Mei");
  await settle(tom, "Tom");
  await settle(shop, "Corner shop");
  await settle(lan, "Lan");
  await settle(nora, "Nora");
  await befriend(mei, tom);
  await befriend(mei, shop);
  await befriend(tom, shop);
  await second(mei, laptop);
  await second(tom, tablet);
});

test("Mei founds a private group with Tom and the shop", async () => {
  const { page } = mei;
  await mei.lookAt("/groups/new", "11-new", async (one) => {
    await expect(one.getByRole("radio", { name: /^(Private|私密群)/ })).toBeChecked();
  });
  await page.getByRole("button", { name: "Create the group" }).click();
  await expect(page.getByText("Give the group a name.")).toBeVisible();
  await page.getByRole("textbox", { name: "Group name" }).fill(GROUP);
  await page.getByRole("searchbox", { name: "Search contacts" }).fill("tom");
  await expect(page.getByRole("checkbox", { name: "Corner shop" })).toBeHidden();
  await page.getByRole("checkbox", { name: "Tom" }).check();
  await page.getByRole("searchbox", { name: "Search contacts" }).fill("");
  await page.getByRole("checkbox", { name: "Corner shop" }).check();
  await expect(page.getByRole("button", { name: "Do not add Tom" })).toBeVisible();
  await look(page, "11-new-chosen");
  await page.getByRole("button", { name: "Create the group" }).click();
  await expect(page.getByText("End-to-end encrypted, for 3 members")).toBeVisible();
  group = page.url().split("/").at(-1) ?? "";
  await mei.lookAt(`/groups/${group}`, "11-group", async (one) => {
    await expect(one.getByRole("list", { name: /^(Members|成员)$/ }).getByRole("listitem")).toHaveCount(3);
  });

  for (const resident of [laptop, tom, tablet, shop]) {
    await expect.poll(async () => (await groupOn(resident))?.joined).toBe(true);
  }
  await openChat(mei, GROUP);
  await tell(mei, "Supper under the plum tree on Sunday?");
  for (const resident of [laptop, tom, tablet, shop]) await openChat(resident, GROUP);
  await tell(tom, "I bring two chairs");
  await expect(bubble(shop.page, "I bring two chairs")).toBeVisible();
  await tell(shop, "Tomatoes are on the house 番茄我请");
  await allSee([mei, laptop, tom, tablet, shop]);
});

/** Mei's link, by the picture of its code. */
let link = "";

test("Lan comes in by the code of an invitation link", async () => {
  const { page } = mei;
  await mei.lookAt(`/groups/${group}/invite`, "11-invite");
  await page.getByRole("button", { name: "New link" }).click();
  await look(page, "11-new-link");
  await page.getByRole("button", { name: "Make the link" }).click();
  const field = page.getByRole("dialog").getByRole("textbox", { name: "Invite link" });
  await expect(field).toHaveValue(/^hutong:group\/.*[?&]t=/);
  link = await field.inputValue();
  await look(page, "11-link");
  const code = {
    name: "invitation.png",
    mimeType: "image/png",
    buffer: await page.getByRole("img", { name: "QR code" }).screenshot({ scale: "css" }),
  };

  await lan.go("/contacts/add");
  await lan.page.getByRole("tab", { name: "Scan" }).click();
  await lan.page.locator("input[type=file]").setInputFiles(code);
  const dialog = lan.page.getByRole("dialog");
  await expect(dialog.getByText("Private group")).toBeVisible();
  await expect(dialog.getByText("This link lets you in.")).toBeVisible();
  await look(lan.page, "11-join");
  await dialog.getByRole("button", { name: "Join the group" }).click();
  await expect.poll(async () => (await groupOn(lan))?.joined).toBe(true);
  await openChat(lan, GROUP);
  // What was said before is not for newcomers here: so the group is set.
  await expect(lan.page.getByText("End-to-end encrypted, for 4 members")).toBeVisible();
  expect(await texts(lan, said)).toEqual([]);
  said.length = 0;
  await openChat(mei, GROUP);
  await tell(lan, "Here I am, thank you! 谢谢");
  await allSee(inside());
});

test("one node is killed while the others talk, and misses nothing", async () => {
  await tom.node.kill();
  await expect(tom.page.getByText("Your node does not answer.").first()).toBeVisible();
  await tell(mei, "Who has a big pot?");
  await tell(shop, "We do, and a bigger one");
  await tell(lan, "I'll carry it");
  await allSee([mei, laptop, tablet, shop, lan]);
  await tom.node.restart();
  await allSee([tom]);
  await tell(tom, "My node fell over, what pot?");
  await allSee(inside());
});

test("Mei pins a message; a member cannot", async () => {
  const { page } = mei;
  await menuOf(tom, "We do, and a bigger one");
  await expect(tom.page.getByRole("menuitem", { name: "Pin for everybody" })).toBeHidden();
  await tom.page.keyboard.press("Escape");

  await menuOf(mei, "We do, and a bigger one");
  await page.getByRole("menuitem", { name: "Pin for everybody" }).click();
  for (const resident of inside()) {
    await expect(resident.page.getByRole("region", { name: "Pinned messages" })).toContainText("a bigger one");
  }
  await look(lan.page, "11-pinned");
  await lan.page.getByRole("button", { name: /^Pinned/ }).click();
  await expect(bubble(lan.page, "a bigger one")).toBeInViewport();
  await menuOf(mei, "We do, and a bigger one");
  await look(page, "11-menu");
  await page.getByRole("menuitem", { name: "Unpin for everybody" }).click();
  for (const resident of inside()) {
    await expect(resident.page.getByRole("region", { name: "Pinned messages" })).toBeHidden();
  }
});

test("both devices of Mei and of Tom show the same, and speak", async () => {
  await tell(laptop, "From my laptop: seven o'clock");
  await tell(tablet, "From my tablet: eight is better");
  await allSee(inside());
});

test("slow mode holds members, not admins; the muted cannot write", async () => {
  await mei.lookAt(`/groups/${group}/settings`, "11-settings");
  await mei.page.getByRole("radio", { name: /Whoever an admin lets in/ }).check();
  await mei.page.getByRole("button", { name: "Add a question" }).click();
  await mei.page.getByRole("textbox", { name: "Question 1" }).fill("Which courtyard do you live in?");
  await mei.page.getByRole("combobox", { name: "Slow mode" }).selectOption("1 day");
  await look(mei.page, "11-settings-set");
  await mei.page.getByRole("button", { name: "Save" }).click();
  await expect(mei.page.getByText("Saved. It holds for everybody")).toBeVisible();
  const slow = async (): Promise<number> =>
    (await tom.node.api<{ settings: { slow_seconds: number } }>("GET", `/groups/${group}`)).settings.slow_seconds;
  await expect.poll(slow).toBe(86_400);
  await tom.go(`/chats/group-${group}`);
  await expect(tom.page.getByRole("timer")).toContainText("Next message in");
  await tom.page.getByRole("textbox", { name: "Write a message" }).fill("too soon");
  await expect(tom.page.getByRole("button", { name: "Send" })).toBeDisabled();
  await look(tom.page, "11-slow");
  await tom.page.getByRole("textbox", { name: "Write a message" }).fill("");
  await mei.node.api("PATCH", `/groups/${group}`, {
    settings: { door: "open", members_invite: false, history: false, slow_seconds: 0, questions: [] },
  });
  await expect(tom.page.getByRole("timer")).toBeHidden();

  const { page } = mei;
  await mei.go(`/groups/${group}`);
  await page.getByRole("button", { name: "What to do with Corner shop" }).click();
  await look(page, "11-member-menu");
  await page.getByRole("menuitem", { name: "Mute…" }).click();
  await page.getByRole("radio", { name: "1 hour" }).check();
  await look(page, "11-mute");
  await page.getByRole("dialog").getByRole("button", { name: "Mute" }).click();
  await shop.go(`/chats/group-${group}`);
  await expect(shop.page.getByText("An admin muted you")).toBeVisible();
  await look(shop.page, "11-muted");
  await page.getByRole("button", { name: "What to do with Corner shop" }).click();
  await page.getByRole("menuitem", { name: "Let speak again" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Let speak" }).click();
  await expect(shop.page.getByRole("textbox", { name: "Write a message" })).toBeVisible();
});

test("Lan is removed, sees so, and gets nothing more", async () => {
  const { page } = mei;
  await lan.go(`/chats/group-${group}`);
  await expect(lan.page.getByRole("textbox", { name: "Write a message" })).toBeVisible();
  await mei.go(`/groups/${group}`);
  await page.getByRole("button", { name: "What to do with Lan" }).click();
  await page.getByRole("menuitem", { name: "Remove…" }).click();
  await expect(page.getByRole("dialog", { name: "Remove Lan?" })).toBeVisible();
  await look(page, "11-remove");
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(lan.page.getByText("You were removed from this group")).toBeVisible();
  await expect(lan.page.getByRole("textbox", { name: "Write a message" })).toBeHidden();
  await look(lan.page, "11-removed");

  await openChat(mei, GROUP);
  await tell(mei, "Only for the three of us");
  for (const resident of [laptop, tom, tablet, shop]) {
    await resident.go(`/chats/group-${group}`);
    await expect(bubble(resident.page, "Only for the three of us")).toBeVisible();
  }
  const there = await lan.node.api<unknown>("GET", `/chats/group-${group}/messages`);
  expect(JSON.stringify(there)).toContain("Here I am, thank you!");
  expect(JSON.stringify(there)).not.toContain("Only for the three of us");
});

test("the link is revoked, and a newcomer is refused", async () => {
  const { page } = mei;
  await mei.go(`/groups/${group}/invite`);
  await page.getByRole("button", { name: "Revoke" }).click();
  await look(page, "11-revoke");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByText("There is none of yours now.")).toBeVisible();

  await openLink(nora, link);
  await nora.page.getByRole("dialog").getByRole("button", { name: "Join the group" }).click();
  await expect(nora.page.getByText("You were not let in")).toBeVisible();
  await nora.lookAt(`/groups/${group}`, "11-refused", async (one) => {
    await expect(one.getByText(/^(You were not let in|申请未通过)$/)).toBeVisible();
  });
  expect((await groupOn(mei))?.member_count).toBe(3);
});
