import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

/** The browser of the system: Playwright's own is not downloaded. */
const chromium = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== undefined && existsSync(path));
if (chromium === undefined) {
  throw new Error("No Chromium was found: install it, or name it in the environment variable CHROMIUM.");
}

export default defineConfig({
  outputDir: "results/traces",
  // The story is one: its chapters share three nodes and go on where the one before ended.
  workers: 1,
  fullyParallel: false,
  maxFailures: 1,
  forbidOnly: true,
  retries: 0,
  timeout: 300_000,
  expect: { timeout: 45_000 },
  reporter: [["list"]],
  use: {
    actionTimeout: 30_000,
    navigationTimeout: 30_000,
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: chromium,
      args: [
        "--disable-gpu",
        // A microphone that beeps once a second. Whether a page may use it is asked as ever.
        "--use-fake-device-for-media-stream",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // Nothing outside of this machine is looked up.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost",
        // Chromium's sandbox does not work for root.
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      ],
    },
  },
  projects: [
    { name: "story", testDir: "story" },
    { name: "demo", testDir: "demo" },
  ],
});
