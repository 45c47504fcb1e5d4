// Chromium, a page opened as one person, and the few gestures every story uses.
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
/** The packages `setup` installed, which lie outside the source tree. */
export const requireFromCache = createRequire(join(here, "../../.cache/browser/package.json"));
const { chromium } = requireFromCache("playwright-core");

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
const WAIT_MS = 10_000;

const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** A browser with its own empty profile. `open(url, {user, channel, …})` gives a page; `close()` leaves nothing behind. */
export async function browser() {
  const profile = await mkdtemp(join(tmpdir(), "wk-browser-"));
  const running = await chromium.launch({
    executablePath: process.env.WATCHKEEPER_TEST_CHROMIUM ?? "/usr/bin/chromium", headless: true, chromiumSandbox: false,
    args: [...FLAGS, `--disk-cache-dir=${profile}`], env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
  });
  return {
    open: (base, place = {}, options = {}) => open(running, base, place, options),
    async close() {
      await running.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function open(running, base, place, { viewport = DESKTOP, colorScheme = "light", touch = false } = {}) {
  const context = await running.newContext({ viewport, colorScheme, hasTouch: touch, locale: "en-US", timezoneId: "UTC", reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.troubles = [];
  page.on("pageerror", (error) => page.troubles.push(String(error)));
  // A picture that cannot be loaded is a case the page handles; the browser logs it all the same.
  page.on("console", (message) => message.type() === "error" && !/^Failed to load resource/.test(message.text()) && page.troubles.push(message.text()));
  page.on("dialog", (dialog) => {
    page.troubles.push(`a script opened a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(`${base}/?${new URLSearchParams(place)}`);
  await page.locator(".side-row").first().waitFor({ state: "attached" });
  return page;
}

/** Types into the channel's composer and sends. */
export async function say(page, text) {
  const box = page.locator(".channel .compose-text");
  await box.fill(text);
  await box.press("Escape");
  await box.press("Enter");
}

/** The last message on the channel's list that holds this text. */
export const message = (page, text) => page.locator(".channel .message", { hasText: text }).last();

export const scrollsSideways = (page) => page.evaluate(() => document.scrollingElement.scrollWidth > innerWidth || document.body.scrollWidth > innerWidth);
