// The page against the mock: what somebody sees and can do, one claim a test.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { mock } from "./mock/server.mjs";
import { PHONE, browser, message, say, scrollsSideways } from "./support.mjs";

let chromium;
let world;
const pages = [];

before(async () => (chromium = await browser()));
after(() => chromium.close());
beforeEach(async () => (world = await mock()));
afterEach(async () => {
  const opened = pages.splice(0);
  for (const page of opened) await page.context().close();
  await world.close();
  assert.deepEqual(opened.flatMap((page) => page.troubles), [], "the page's console stays quiet");
});

async function open(place, options) {
  const page = await chromium.open(world.url, { user: "U0ALICE", channel: "C0ALERTS", ...place }, options);
  pages.push(page);
  return page;
}
const lastCall = (path) => world.app.calls.filter((c) => c.path === path).at(-1);

test("a slash command is answered where only its author sees it", async () => {
  const [alice, bob] = [await open(), await open({ user: "U0BOB" })];
  await say(alice, "/wk help");
  await message(alice, "Commands").getByText("Only visible to you").waitFor();
  await say(bob, "and bob writes after it");
  await message(bob, "and bob writes after it").waitFor();
  assert.equal(await message(bob, "Only visible to you").count(), 0);
});

test("a click edits the message in place and keeps the keyboard's place", async () => {
  const [alice, bob] = [await open(), await open({ user: "U0BOB" })];
  await message(alice, "SOL/USD is stale").getByRole("button", { name: "Acknowledge" }).click();
  for (const page of [alice, bob]) {
    await message(page, "SOL/USD is stale").getByText("Acknowledged by @alice").waitFor();
    assert.equal(await message(page, "SOL/USD is stale").getByRole("button", { name: "Acknowledge" }).count(), 0);
    assert.equal(await message(page, "SOL/USD is stale").getByText("(edited)").count(), 1);
  }
  assert.equal(await alice.evaluate(() => document.activeElement.closest(".message") !== null), true);
});

test("a message that changes while a button on it is pressed takes the click, and then shows its change", async () => {
  const [page, bob] = [await open(), await open({ user: "U0BOB" })];
  const card = message(page, "SOL/USD is stale");
  await card.getByRole("button", { name: "Acknowledge" }).hover();
  await page.mouse.down();
  const there = world.app.state.messages.C0ALERTS.find((m) => JSON.stringify(m).includes("SOL/USD is stale"));
  world.app.push({ type: "changed", channel: "C0ALERTS", message: { ...there, text: "changed", edited: { user: "U0BOT", ts: world.app.ts() } } });
  world.app.post("C0ALERTS", { user: "U0BOB", text: "said after the change" });
  await message(bob, "said after the change").waitFor();
  assert.equal(await card.getByText("(edited)").count(), 0);
  await page.mouse.up();
  await card.getByText("Acknowledged by @alice").waitFor();
  assert.equal(lastCall("action").action.action_id, "ack");
});

test("typing completes commands, then what follows them", async () => {
  const page = await open();
  const box = page.locator(".channel .compose-text");
  await box.pressSequentially("/w");
  await page.locator(".complete li", { hasText: "/wk" }).waitFor();
  await box.press("Tab");
  assert.equal(await box.inputValue(), "/wk ");
  await box.pressSequentially("feed b");
  await box.press("Enter");
  assert.equal(await box.inputValue(), "/wk feed BTC/USD");
  await box.press("Enter");
  await message(page, "Commands").waitFor();
  assert.equal(lastCall("say").text, "/wk feed BTC/USD");
});

test("usage stays in sight while its arguments are typed, and Enter then sends", async () => {
  const page = await open();
  const box = page.locator(".channel .compose-text");
  await box.pressSequentially("/wk silence 17 2h");
  await page.locator(".complete .hint", { hasText: "<n|symbol> <duration> [comment]" }).waitFor();
  await box.press("Enter");
  await message(page, "Commands").waitFor();
  assert.equal(lastCall("say").text, "/wk silence 17 2h");
});

test("people are completed by any of their names", async () => {
  const page = await open();
  const box = page.locator(".channel .compose-text");
  await box.pressSequentially("ask @naka");
  await box.press("Tab");
  assert.equal(await box.inputValue(), "ask @bob ");
  await box.pressSequentially("& me <3");
  await box.press("Enter");
  await message(page, "ask @bob & me <3").locator(".mention").waitFor();
});

test("Shift+Enter makes a line, and what could not be sent comes back with the reason", async () => {
  const page = await open();
  const box = page.locator(".channel .compose-text");
  await box.pressSequentially("one");
  await box.press("Shift+Enter");
  await box.pressSequentially("two");
  await box.press("Enter");
  await message(page, "one").waitFor();
  assert.equal(lastCall("say").text, "one\ntwo");
  world.app.override.say = { ok: false, error: "the channel is gone" };
  await say(page, "precious words");
  await page.locator(".toast", { hasText: "the channel is gone" }).waitFor();
  assert.equal(await box.inputValue(), "precious words");
});

test("a modal checks required fields, shows the app's errors, and closes when it is accepted", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Add note…" }).click();
  const modal = page.locator("dialog.modal");
  await modal.getByRole("button", { name: "Save" }).click();
  await modal.getByText("Please complete this required field.").waitFor();
  assert.equal(lastCall("view/submit"), undefined);
  await modal.getByLabel("Note").fill("hm");
  await modal.getByRole("button", { name: "Save" }).click();
  await modal.getByText("Say a little more").waitFor();
  await modal.getByLabel("Severity").click();
  await modal.getByRole("option", { name: "warning" }).click();
  await modal.getByLabel("On call").check();
  await modal.getByLabel("Note").fill("publisher restarted");
  await modal.getByRole("button", { name: "Save" }).click();
  await message(page, "@alice noted: publisher restarted").waitFor();
  assert.equal(await modal.count(), 0);
  const { values } = lastCall("view/submit");
  assert.equal(values.sev.sev.selected_option.value, "warning");
  assert.deepEqual(values.who.who.selected_options.map((o) => o.value), ["oncall"]);
});

test("a pushed view goes back to the one below, which kept what was typed", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Add note…" }).click();
  const modal = page.locator("dialog.modal");
  await modal.getByLabel("Note").fill("half a thought");
  await modal.getByRole("button", { name: "More…" }).click();
  await modal.getByText("A second view on top.").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await modal.getByLabel("Note").inputValue(), "half a thought");
  await modal.getByRole("button", { name: "Close" }).click();
  await modal.waitFor({ state: "detached" });
});

test("a dangerous button asks first, and a no sends nothing", async () => {
  const page = await open();
  const press = (answer) => page.getByRole("button", { name: "Restart publisher" }).click().then(() => page.locator("dialog").getByRole("button", { name: answer }).click());
  await press("Not now");
  assert.equal(lastCall("action"), undefined);
  await press("Restart");
  await page.locator("dialog").waitFor({ state: "detached" });
  assert.equal(lastCall("action").action.action_id, "restart");
});

test("selects send Slack's option, and the app's failure is shown as a note", async () => {
  const page = await open();
  world.app.override.action = { ok: false, error: "app did not respond in time" };
  await page.locator("[data-action='do/silence']").click();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator(".toast", { hasText: "app did not respond in time" }).waitFor();
  const { action, state } = lastCall("action");
  assert.equal(action.selected_option.value, "1 hour");
  assert.equal(state.values.do.silence.selected_option.value, "1 hour");
});

test("an external select asks the app while one types", async () => {
  const page = await open({ channel: "C0GALLERY" });
  await page.locator("[data-action='a1/ext']").click();
  await page.locator(".menu-search").pressSequentially("eth");
  await page.getByRole("option", { name: "ETH/USD" }).click();
  assert.equal(await page.locator("[data-action='a1/ext']").innerText(), "ETH/USD");
});

test("a thread opens beside the channel and its replies count in the channel", async () => {
  const page = await open();
  await page.getByRole("button", { name: "2 replies" }).click();
  await page.locator(".thread .message", { hasText: "Kraken was lagging" }).waitFor();
  await page.locator(".thread .compose-text").fill("thanks");
  await page.locator(".thread .compose-text").press("Enter");
  await page.locator(".thread .message", { hasText: "thanks" }).waitFor();
  await page.locator(".channel").getByRole("button", { name: "3 replies" }).waitFor();
  assert.equal(await page.locator(".channel .message", { hasText: "thanks" }).count(), 0);
  await page.locator(".thread .compose-text").press("Escape");
  assert.equal(await page.locator(".thread").count(), 0);
});

test("ages go by the workspace's clock, which may run ahead", async () => {
  world.app.ahead = 7200;
  world.app.state.messages.C0ALERTS[0].latest_reply = String(Date.now() / 1000 + 7200 - 600);
  const page = await open();
  await page.getByText(/^Last reply (9|10) minutes ago$/).waitFor();
});

test("a reaction is added and taken back", async () => {
  const page = await open();
  const pill = message(page, "BTC/USD").locator(".reaction");
  assert.equal(await pill.getAttribute("aria-pressed"), "true");
  await pill.click();
  await page.locator(".reaction[aria-pressed='false']").waitFor();
  await message(page, "On it").hover();
  await page.getByRole("button", { name: "Add reaction" }).click();
  await page.getByRole("option", { name: ":eyes:" }).click();
  await message(page, "On it").locator(".reaction.mine").waitFor();
});

test("unread messages are counted until their channel is opened", async () => {
  const [alice, bob] = [await open(), await open({ user: "U0BOB", channel: "C0RANDOM" })];
  const row = alice.getByRole("link", { name: "random, 1 unread" });
  await say(bob, "anybody here?");
  await row.waitFor();
  assert.match(await alice.title(), /^\(\d+\) #feeds-alerts/);
  await row.click();
  await message(alice, "anybody here?").waitFor();
  await alice.getByRole("link", { name: "random", exact: true }).waitFor();
});

test("switching person changes who writes, and the address keeps it", async () => {
  const page = await open();
  await page.getByRole("button", { name: "You are Alice Moreau. Switch person" }).click();
  await page.getByRole("option", { name: /Carol Adeyemi/ }).click();
  await page.getByRole("button", { name: /You are Carol Adeyemi/ }).waitFor();
  assert.match(page.url(), /user=U0CAROL&channel=C0ALERTS/);
  await say(page, "carol was here");
  await message(page, "carol was here").waitFor();
  assert.equal(lastCall("say").user, "U0CAROL");
});

test("the Home tab opens with the app and its buttons act on the view", async () => {
  const page = await open({ channel: "D0APP" });
  await page.locator(".home").getByRole("button", { name: "Acknowledge" }).click();
  await page.getByRole("tab", { name: "Messages" }).click();
  await say(page, "status");
  await message(page, "status").waitFor();
  assert.deepEqual(lastCall("action").container, { type: "view", view_id: "V0HOME" });
});

test("after a lost connection the page catches up by itself", async () => {
  const page = await open();
  world.dropSockets();
  world.app.state.messages.C0ALERTS.push({ type: "message", ts: world.app.ts(), user: "U0BOB", text: "said while you were away" });
  await message(page, "said while you were away").waitFor();
});

test("a hint greets the first visit only", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Dismiss hint" }).click();
  await page.reload();
  await page.locator(".side-row").first().waitFor();
  assert.equal(await page.locator(".banner").count(), 0);
});

test("on a phone one pane shows at a time, nothing scrolls sideways, and back goes back", async () => {
  const page = await open({ channel: "" }, { viewport: PHONE, touch: true });
  for (const channel of ["feeds-alerts", "gallery", "general"]) {
    await page.getByRole("link", { name: new RegExp(`^${channel}`) }).tap();
    await page.locator(".channel .message").last().waitFor();
    assert.equal(await page.locator(".sidebar").isVisible(), false);
    assert.equal(await scrollsSideways(page), false, channel);
    await page.getByRole("button", { name: "Back to channels" }).tap();
    await page.locator(".sidebar").waitFor();
  }
  await page.goBack();
  await page.locator(".channel .message").last().waitFor();
});
