/** Chapter 9: photos, files, voice notes and places, between two nodes; nothing says where a photo was taken. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Locator, Page } from "@playwright/test";
import { type Resident, expect, openChat, say, test } from "../lib/lane.ts";
import { look } from "../lib/look.ts";
import { film, jpeg, saysWhere, withExif } from "../lib/photo.ts";

const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const composer = (page: Page): Locator => page.getByRole("textbox", { name: "Write a message" });
const tray = (page: Page): Locator => page.getByRole("region", { name: "To be sent" });
const last = (page: Page): Locator => page.getByRole("log").locator("article").last();
const fileOf = (page: Page, name: string): Locator => page.getByRole("log").locator("article").filter({ hasText: name });

/** Chooses files by the menu, as a person does. */
async function choose(page: Page, item: "Photo or video" | "File", files: { name: string; mimeType: string; buffer: Buffer }[]): Promise<void> {
  await page.getByRole("button", { name: "Attach", exact: true }).click();
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("menuitem", { name: item, exact: true }).click();
  await (await chooser).setFiles(files);
}

/** Sends what stands in the tray, and waits until it has gone. */
async function sendTray(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(tray(page)).toBeHidden();
}

interface Held {
  url: string;
  name: string;
  media_type: string;
  size: number;
  state: string;
  waveform: number[] | null;
}

/** The newest message of a resident's open chat that holds something, from its own node. */
async function held(one: Resident): Promise<Held[]> {
  const chat = decodeURIComponent(new URL(one.page.url()).pathname.split("/")[2] ?? "");
  const { messages } = await one.node.api<{ messages: { attachments: Held[] }[] }>("GET", `/chats/${chat}/messages`);
  return messages.findLast((message) => message.attachments.length > 0)?.attachments ?? [];
}

/** Opens the chat of two by its address: in the list the other's name also stands in a group's row. */
async function openDirect(one: Resident, other: Resident): Promise<void> {
  const { account } = await other.node.api<{ account: string }>("GET", "/account");
  await one.go(`/chats/direct-${account}`);
  await expect(one.page.getByRole("log")).toBeVisible();
}

/** What the page may use, beside the clipboard. */
async function allow(one: Resident, ...more: string[]): Promise<void> {
  const all = ["clipboard-read", "clipboard-write", ...more];
  await one.page.context().grantPermissions(all, { origin: one.node.origin });
}

test("a photo arrives small, upright, and does not say where it was taken", async ({ lane: { mei, tom } }) => {
  await openChat(mei, "Tom");
  await openChat(tom, "Mei");
  const photo = withExif(await jpeg(mei.page, 3000, 2000));
  expect(saysWhere(photo)).toBe(true);
  await choose(mei.page, "Photo or video", [{ name: "IMG_2041.jpg", mimeType: "image/jpeg", buffer: photo }]);
  await expect(tray(mei.page).getByText("Send as a file")).toBeVisible();
  await composer(mei.page).fill("The lanterns are up 灯笼挂好了");
  await look(mei.page, "9-tray");
  await sendTray(mei.page);

  const picture = fileOf(tom.page, "The lanterns are up").locator(".tile img.loaded");
  await expect(picture).toBeVisible();
  // It lay on its side: 3000 × 2000 has become 2000 × 3000, and that 1365 × 2048.
  const size = await picture.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight]);
  expect(size).toEqual([1365, 2048]);
  const [[sent], [arrived]] = await Promise.all([held(mei), held(tom)]);
  const [here, there] = await Promise.all([mei.node.bytes(sent?.url ?? ""), tom.node.bytes(arrived?.url ?? "")]);
  expect(digest(there)).toBe(digest(here));
  expect(there.length).toBeLessThan(photo.length);
  expect(saysWhere(there)).toBe(false);
  expect(arrived?.name).toBe("IMG_2041.webp");
  await look(tom.page, "9-photo");
});

test("an original that says where it was taken goes only when somebody says so", async ({ lane: { mei, tom } }) => {
  const photo = withExif(await jpeg(mei.page, 400, 300));
  await choose(mei.page, "File", [{ name: "original.jpg", mimeType: "image/jpeg", buffer: photo }]);
  await expect(tray(mei.page).getByRole("alert")).toContainText("says where it was taken");
  await look(mei.page, "9-says-where");
  await tray(mei.page).getByRole("button", { name: "Send as a photo" }).click();
  await expect(tray(mei.page).getByRole("alert")).toBeHidden();
  await expect(tray(mei.page).getByRole("button", { name: "Send as a file" })).toBeVisible();
  await sendTray(mei.page);
  await expect(last(tom.page).locator(".tile img.loaded")).toBeVisible();
  const [arrived] = await held(tom);
  expect(saysWhere(await tom.node.bytes(arrived?.url ?? ""))).toBe(false);
});

test("several photos make an album, which is leafed through with the keyboard", async ({ lane: { mei, tom } }) => {
  const files = await Promise.all(
    [[1600, 1200], [1200, 1600], [900, 900], [1600, 900], [800, 1400]].map(async ([width = 0, height = 0], at) => ({
      name: `lane-${at}.jpg`,
      mimeType: "image/jpeg",
      buffer: await jpeg(mei.page, width, height),
    })),
  );
  await choose(mei.page, "Photo or video", files);
  await expect(tray(mei.page).getByRole("listitem")).toHaveCount(5);
  await tray(mei.page).getByRole("button", { name: "Remove lane-4.jpg" }).click();
  await expect(tray(mei.page).getByRole("listitem")).toHaveCount(4);
  await sendTray(mei.page);
  const album = last(tom.page);
  await expect(album.locator(".tile img.loaded")).toHaveCount(4);
  await look(tom.page, "9-album");

  const first = album.getByRole("button", { name: "Open lane-0.webp from Mei" });
  await first.focus();
  await tom.page.keyboard.press("Enter");
  const viewer = tom.page.getByRole("dialog", { name: "Pictures" });
  await expect(viewer.getByRole("img", { name: "lane-0.webp" })).toBeVisible();
  await tom.page.keyboard.press("ArrowRight");
  await expect(viewer.getByRole("img", { name: "lane-1.webp" })).toBeVisible();
  await tom.page.keyboard.press("+");
  await expect(viewer.getByRole("button", { name: "Zoom out" })).toBeEnabled();
  await look(tom.page, "9-viewer");
  await tom.page.keyboard.press("Escape");
  await expect(viewer).toBeHidden();
  await expect(first).toBeFocused();
});

test("a film has a picture and a length, and plays over the window", async ({ lane: { mei, tom } }) => {
  const bytes = await film(mei.page);
  await choose(mei.page, "Photo or video", [{ name: "lion dance.webm", mimeType: "video/webm", buffer: bytes }]);
  await sendTray(mei.page);
  const open = last(tom.page).getByRole("button", { name: "Open lion dance.webm from Mei" });
  await expect(open).toBeVisible();
  await expect(last(tom.page).locator(".length")).toHaveText(/^0:0\d$/);
  const [arrived] = await held(tom);
  expect(digest(await tom.node.bytes(arrived?.url ?? ""))).toBe(digest(bytes));
  await look(tom.page, "9-film");
  await open.click();
  const video = tom.page.getByRole("dialog", { name: "Pictures" }).locator("video");
  await expect.poll(() => video.evaluate((one: HTMLVideoElement) => one.currentTime)).toBeGreaterThan(0.2);
  expect(await video.evaluate((one: HTMLVideoElement) => [one.videoWidth, one.videoHeight])).toEqual([640, 360]);
  await tom.page.keyboard.press("Escape");
  await expect(open).toBeFocused();
});

test("what cannot go says why", async ({ lane: { mei } }) => {
  // A picture that claims to be 60,000 px wide and high is never decoded.
  const bomb = Buffer.from("89504e470d0a1a0a0000000d494844520000ea600000ea600806000000", "hex");
  await choose(mei.page, "Photo or video", [
    { name: "bomb.png", mimeType: "image/png", buffer: bomb },
    { name: "words.png", mimeType: "image/png", buffer: Buffer.from("no picture at all") },
  ]);
  await expect(tray(mei.page).getByRole("alert").nth(0)).toContainText("more than 50 million pixels");
  await expect(tray(mei.page).getByRole("alert").nth(1)).toContainText("cannot read this picture");
  await expect(tray(mei.page).getByRole("button", { name: "Send as a file" })).toHaveCount(2);
  await look(mei.page, "9-refused");
  for (const name of ["bomb.png", "words.png"]) await tray(mei.page).getByRole("button", { name: `Remove ${name}` }).click();
  await expect(tray(mei.page)).toBeHidden();
});

test("files are dropped and pasted, and arrive byte for byte", async ({ lane: { mei, tom } }) => {
  const bytes = randomBytes(3 * 1024 * 1024);
  const transfer = await mei.page.evaluateHandle((base64) => {
    const transfer = new DataTransfer();
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    transfer.items.add(new File([bytes], "Lease 租约.pdf", { type: "application/pdf" }));
    return transfer;
  }, bytes.toString("base64"));
  await mei.page.getByRole("log").dispatchEvent("dragenter", { dataTransfer: transfer });
  await expect(mei.page.getByText("Drop files to attach them")).toBeVisible();
  await mei.page.getByRole("log").dispatchEvent("drop", { dataTransfer: transfer });
  await composer(mei.page).evaluate((field) => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File(["to do: buy eggs"], "notes.txt", { type: "text/plain" }));
    field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  });
  await expect(tray(mei.page).getByRole("listitem")).toHaveCount(2);
  await sendTray(mei.page);

  const row = fileOf(tom.page, "Lease 租约.pdf");
  const save = row.getByRole("link", { name: "Download Lease 租约.pdf" });
  await expect(save).toBeVisible();
  const saved = tom.page.waitForEvent("download");
  await save.click();
  const download = await saved;
  expect(download.suggestedFilename()).toBe("Lease 租约.pdf");
  expect(digest(readFileSync(await download.path()))).toBe(digest(bytes));
  await look(tom.page, "9-files");
});

test("a large file waits to be asked for, and for its sender's node", async ({ lane: { mei, tom } }) => {
  const bytes = randomBytes(9 * 1024 * 1024);
  await choose(mei.page, "File", [{ name: "holiday.zip", mimeType: "application/zip", buffer: bytes }]);
  await sendTray(mei.page);
  const row = fileOf(tom.page, "holiday.zip");
  await expect(row).toContainText("Not fetched yet");
  await mei.node.stop();
  await row.getByRole("button", { name: /^Fetch holiday.zip/ }).click();
  await expect(row).toContainText("Comes when Mei's node is online");
  await look(tom.page, "9-waits");
  await mei.node.restart();
  await expect(row.getByRole("link", { name: "Download holiday.zip" })).toBeVisible();
  const [arrived] = await held(tom);
  expect(digest(await tom.node.bytes(arrived?.url ?? ""))).toBe(digest(bytes));
  await expect(mei.page.getByText("Your node does not answer.")).toBeHidden();
});

test("a voice note is recorded, and played by the other", async ({ lane: { mei, tom } }) => {
  const record = mei.page.getByRole("button", { name: "Record a voice note" });
  // Not allowed: a sentence says what to do.
  await record.click();
  await expect(mei.page.getByText("The microphone is not allowed here.")).toBeVisible();
  await allow(mei, "microphone");

  // A tap goes on recording; it can be thrown away.
  await record.click();
  await expect(mei.page.getByRole("timer")).toContainText("0:01");
  await mei.page.getByRole("button", { name: "Throw the recording away" }).click();
  await expect(composer(mei.page)).toBeVisible();

  await record.click();
  await expect(mei.page.getByRole("timer")).toContainText("0:01");
  await look(mei.page, "9-recording");
  await expect(mei.page.getByRole("timer")).toContainText(/0:0[3-9]|0:[1-5]/);
  await mei.page.getByRole("button", { name: "Send the voice note" }).click();

  const note = last(tom.page);
  await expect(note.getByRole("button", { name: "Play" })).toBeVisible();
  const [[sent], [arrived]] = await Promise.all([held(mei), held(tom)]);
  expect(digest(await tom.node.bytes(arrived?.url ?? ""))).toBe(digest(await mei.node.bytes(sent?.url ?? "")));
  // Chromium's pretended microphone beeps once a second.
  expect(arrived?.waveform?.length).toBeLessThanOrEqual(64);
  expect(Math.max(...(arrived?.waveform ?? []))).toBe(255);
  await note.getByRole("button", { name: "Play" }).click();
  const at = (): Promise<number> => note.locator("audio").evaluate((audio: HTMLAudioElement) => audio.currentTime);
  await expect.poll(at).toBeGreaterThan(0.5);
  await note.getByRole("button", { name: "Pause" }).click();
  // Seeking with the keys, and faster.
  const seek = note.getByRole("slider", { name: "Position" });
  await seek.focus();
  await tom.page.keyboard.press("Home");
  await expect.poll(at).toBe(0);
  for (let one = 0; one < 10; one += 1) await tom.page.keyboard.press("ArrowRight");
  await expect.poll(at).toBeCloseTo(1, 1);
  await note.getByRole("button", { name: "Speed 1×" }).click();
  await expect(note.getByRole("button", { name: "Speed 1.5×" })).toBeVisible();
  await look(tom.page, "9-voice");
});

test("a voice note is held down, and let go", async ({ lane: { mei, tom } }) => {
  await allow(mei, "microphone");
  const before = await tom.page.getByRole("log").locator("article").count();
  const box = await mei.page.getByRole("button", { name: "Record a voice note" }).boundingBox();
  if (!box) throw new Error("no button");
  const middle = [box.x + box.width / 2, box.y + box.height / 2] as const;
  // Slid away: nothing is sent.
  await mei.page.mouse.move(...middle);
  await mei.page.mouse.down();
  await expect(mei.page.getByText("Let go to send, slide away to cancel")).toBeVisible();
  await mei.page.mouse.move(middle[0] - 200, middle[1], { steps: 5 });
  await mei.page.mouse.up();
  await expect(composer(mei.page)).toBeVisible();

  await mei.page.mouse.move(...middle);
  await mei.page.mouse.down();
  await expect(mei.page.getByRole("timer")).toContainText("0:01");
  await mei.page.mouse.up();
  await expect(tom.page.getByRole("log").locator("article")).toHaveCount(before + 1);
  await expect(last(tom.page).getByRole("button", { name: "Play" })).toBeVisible();
});

test("a place is sent once, and live", async ({ lane: { mei, tom } }) => {
  const context = mei.page.context();
  await allow(mei, "microphone", "geolocation");
  await context.setGeolocation({ latitude: 31.23968, longitude: 121.49976, accuracy: 12 });
  const open = async (): Promise<Locator> => {
    await mei.page.getByRole("button", { name: "Attach", exact: true }).click();
    await mei.page.getByRole("menuitem", { name: "Location" }).click();
    const dialog = mei.page.getByRole("dialog", { name: "Send a location" });
    await expect(dialog.getByRole("textbox", { name: "Coordinates" })).toHaveValue("31.23968, 121.49976");
    return dialog;
  };
  const dialog = await open();
  await dialog.getByRole("textbox", { name: /What is there/ }).fill("North gate 北门");
  await look(mei.page, "9-place");
  await dialog.getByRole("button", { name: "Send" }).click();
  const card = last(tom.page);
  await expect(card).toContainText("North gate 北门");
  await expect(card).toContainText("31.23968, 121.49976");
  await expect(card.getByRole("link", { name: "Open in maps" })).toHaveAttribute("href", "geo:31.239680,121.499760;u=12");
  await tom.go("/chats");
  await expect(tom.page.getByRole("link", { name: "Mei" }).first()).toContainText("Location: North gate");
  await openChat(tom, "Mei");

  const again = await open();
  await again.getByRole("radio", { name: "Live for 15 minutes" }).click();
  await again.getByRole("button", { name: "Send" }).click();
  await expect(last(tom.page)).toContainText(/Live, 1[45] minutes left/);
  await expect(last(mei.page)).toContainText("This page tells the chat where you are.");
  await look(mei.page, "9-live");
  await context.setGeolocation({ latitude: 31.24555, longitude: 121.50001, accuracy: 8 });
  await expect(last(tom.page)).toContainText("31.24555, 121.50001");
  await last(mei.page).getByRole("button", { name: "Stop sharing" }).click();
  await expect(last(tom.page)).toContainText("Live location ended");
  await look(tom.page, "9-places");
});

test("a photo is answered and passed on, and the list says what was sent", async ({ lane: { mei, tom } }) => {
  const album = tom.page.getByRole("log").locator("article").filter({ has: tom.page.getByRole("button", { name: "Open lane-0.webp from Mei" }) });
  await album.hover();
  await album.getByRole("button", { name: "Reply to Mei" }).click();
  await say(tom, "Which lane is this?");
  await expect(last(mei.page)).toContainText("4 photos");
  await expect(last(mei.page)).toContainText("Which lane is this?");

  const own = mei.page.getByRole("log").locator("article").filter({ has: mei.page.getByRole("link", { name: "Download Lease 租约.pdf" }) });
  await own.getByRole("button", { name: "Options for the message of You" }).click();
  await mei.page.getByRole("menuitem", { name: "Forward" }).click();
  const dialog = mei.page.getByRole("dialog", { name: "Forward to…" });
  await dialog.getByRole("checkbox", { name: "Tom" }).check();
  await dialog.getByRole("button", { name: "Send to 1 chat" }).click();
  await expect(last(tom.page)).toContainText("Forwarded");
  await expect(last(tom.page).getByRole("link", { name: "Download Lease 租约.pdf" })).toBeVisible();
  await mei.go("/chats");
  await expect(mei.page.getByRole("link", { name: "Tom" }).first()).toContainText("2 files");
});

test("in a public group anybody who is in it gets a file", async ({ lane: { mei, tom } }) => {
  await openChat(mei, "Courtyard market");
  await openChat(tom, "Courtyard market");
  const bytes = randomBytes(200_000);
  await choose(mei.page, "File", [{ name: "stalls.csv", mimeType: "text/csv", buffer: bytes }]);
  await sendTray(mei.page);
  await expect(last(tom.page).getByRole("link", { name: "Download stalls.csv" })).toBeVisible();
  const [arrived] = await held(tom);
  expect(digest(await tom.node.bytes(arrived?.url ?? ""))).toBe(digest(bytes));
});

test("who writes is seen only when both share it", async ({ lane: { mei, tom } }) => {
  await openDirect(mei, tom);
  await openDirect(tom, mei);
  const header = mei.page.locator("header").filter({ has: mei.page.getByRole("heading", { name: "Tom" }) });
  const told: string[] = [];
  tom.page.on("request", (request) => {
    if (request.url().endsWith("/typing")) told.push(request.url());
  });
  await composer(tom.page).pressSequentially("Hm", { delay: 50 });
  await say(tom, "Hm");
  await expect(last(mei.page)).toContainText("Hm");
  expect(told).toEqual([]);
  const share = async (one: Resident): Promise<void> => {
    const settings = await one.node.api<Record<string, unknown>>("GET", "/settings");
    expect(settings["share_presence"]).toBe(false);
    await one.go("/me/settings");
    await one.page.getByRole("switch", { name: "Show when I am here and writing" }).check();
  };
  await share(mei);
  await look(mei.page, "9-settings");
  await share(tom);
  await openDirect(mei, tom);
  await openDirect(tom, mei);
  await composer(tom.page).pressSequentially("Hm, I think", { delay: 50 });
  await expect(header).toContainText("writing…");
  expect(told).toHaveLength(1);
  await look(mei.page, "9-writing");
  // It passes by itself.
  await expect(header).not.toContainText("writing…");
  await composer(tom.page).fill("");
});

test("all of it in Chinese", async ({ lane: { tom } }) => {
  const chinese = await tom.chinese();
  await chinese.goto(tom.page.url());
  await expect(chinese.getByRole("log").locator("article").last()).toBeVisible();
  await look(chinese, "9-chat", "zh");
  await chinese.getByRole("button", { name: "附加", exact: true }).click();
  await chinese.getByRole("menuitem", { name: "位置" }).click();
  await look(chinese, "9-place", "zh");
  await chinese.keyboard.press("Escape");
});
