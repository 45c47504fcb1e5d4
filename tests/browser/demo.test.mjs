// The whole bot in the browser: what a newcomer does first. Runs against the URL that `watchkeeper demo` prints.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { PHONE, browser, message, say, scrollsSideways } from "./support.mjs";

const url = process.env.WATCHKEEPER_DEMO_URL;
const skip = url ? false : "WATCHKEEPER_DEMO_URL names no running demo";
/** The scripted incident comes after some seconds, and its rule waits a while before it fires. */
const INCIDENT_MS = 180_000;
/** Alice comes in three minutes after the start, by the demo's clock. */
const SHIFT_CHANGE_MS = 200_000;

let chromium;
const pages = [];

before(async () => !skip && (chromium = await browser()));
after(() => chromium?.close());
afterEach(async () => {
  const opened = pages.splice(0);
  for (const page of opened) await page.context().close();
  assert.deepEqual(opened.flatMap((page) => page.troubles), [], "the page's console stays quiet");
});

async function open(place, options) {
  const page = await chromium.open(url, place, options);
  pages.push(page);
  return page;
}

/** The newest alert that nobody has taken yet, as this page shows it. */
async function alert(page) {
  const button = page.locator(".channel .message").getByRole("button", { name: "Acknowledge" }).last();
  await button.waitFor({ timeout: INCIDENT_MS });
  const ts = await button.evaluate((node) => node.closest(".message").dataset.ts);
  return page.locator(`.channel .message[data-ts="${ts}"]`);
}

test("a visitor is somebody, lands where alerts come in, and /wk help answers", { skip }, async () => {
  const page = await open({});
  await page.locator(".channel h1", { hasText: "feeds-alerts" }).waitFor();
  const box = page.locator(".channel .compose-text");
  await box.pressSequentially("/wk sta");
  await page.getByRole("option", { name: /\/wk status/ }).waitFor();
  await box.fill("");
  await say(page, "/wk help");
  await page.locator(".message.ephemeral", { hasText: "/wk silence" }).getByText("Only visible to you").waitFor();
});

test("a word the bot does not know gets the nearest suggestion", { skip }, async () => {
  const page = await open({ user: "bob", channel: "C0OPS" });
  await say(page, "/wk staus");
  await page.locator(".message.ephemeral", { hasText: "status" }).waitFor();
});

test("an alert comes by itself, is acknowledged by one and seen so by another", { skip, timeout: INCIDENT_MS + 60_000 }, async () => {
  const [alice, bob] = [await open({ user: "alice", channel: "C0ALERTS" }), await open({ user: "bob", channel: "C0ALERTS" })];
  const card = await alert(alice);
  const ts = await card.getAttribute("data-ts");
  await card.getByRole("button", { name: "Acknowledge" }).click();
  for (const page of [alice, bob]) {
    const same = page.locator(`.channel .message[data-ts="${ts}"]`);
    await same.getByText(/Acknowledged/).first().waitFor();
    await same.getByText("(edited)").waitFor();
    assert.equal(await same.getByRole("button", { name: "Acknowledge", exact: true }).count(), 0);
  }
  await card.locator(".replies").click();
  await alice.locator(".thread .message", { hasText: /acknowledged/i }).last().waitFor();
});

test("an alert's form opens as a modal, checks, and closes without a trace", { skip, timeout: INCIDENT_MS + 60_000 }, async () => {
  const page = await open({ user: "alice", channel: "C0ALERTS" });
  const more = page.locator(".channel .message").getByRole("button", { name: "More actions" }).last();
  await more.waitFor({ timeout: INCIDENT_MS });
  await more.click();
  await page.getByRole("option", { name: /Silence with a comment/ }).click();
  const modal = page.locator("dialog.modal");
  await modal.getByRole("button", { name: /^Silence/ }).waitFor();
  await page.keyboard.press("Escape");
  await modal.waitFor({ state: "detached" });
});

test("the watch changes hands, and who comes in accepts it", { skip, timeout: SHIFT_CHANGE_MS + 60_000 }, async () => {
  const [alice, bob] = [await open({ user: "alice", channel: "C0OPS" }), await open({ user: "bob", channel: "C0OPS" })];
  const first = (page) => page.locator(".channel .message", { hasText: "Handoff #1" }).first();
  await first(alice).waitFor({ timeout: SHIFT_CHANGE_MS });
  await first(alice).getByText("keeps the watch").first().waitFor();
  await first(alice).getByRole("button", { name: "Accept", exact: true }).click();
  for (const page of [alice, bob]) {
    await first(page).getByText(/accepted it/).first().waitFor();
    assert.equal(await first(page).getByRole("button", { name: "Accept", exact: true }).count(), 0);
  }
  await first(bob).locator(".replies").click();
  await bob.locator(".thread .message", { hasText: "you are released" }).first().waitFor();
});

test("the Home tab shows what needs the reader", { skip }, async () => {
  const page = await open({ user: "carol" });
  await page.getByRole("link", { name: /^watchkeeper/ }).click();
  await page.getByRole("tab", { name: "Home" }).click();
  await page.locator(".home .block-header").first().waitFor();
});

test("on a phone an alert fits the screen", { skip, timeout: INCIDENT_MS + 60_000 }, async () => {
  const page = await open({ user: "bob", channel: "C0ALERTS" }, { viewport: PHONE, touch: true, colorScheme: "dark" });
  await page.locator(".channel .message .attachment").last().waitFor({ timeout: INCIDENT_MS });
  assert.equal(await scrollsSideways(page), false);
});

test("what looks like HTML stays text, whoever says it", { skip }, async () => {
  const page = await open({ user: "dave", channel: "C0RANDOM" });
  await say(page, `<img src=x onerror=alert(1)> <script>alert(2)</script> ${Date.now()}`);
  const said = message(page, "onerror=alert(1)");
  await said.waitFor();
  assert.equal(await said.locator(".text img, script").count(), 0);
});
