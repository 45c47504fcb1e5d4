// Formatting: what text becomes, and what it must never become.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mock } from "./mock/server.mjs";
import { browser } from "./support.mjs";

let chromium;
let world;
let page;

before(async () => {
  [chromium, world] = [await browser(), await mock()];
  page = await chromium.open(world.url, { user: "U0ALICE", channel: "C0GENERAL" });
});
after(async () => {
  await chromium.close();
  await world.close();
});

/** The HTML that a formatter's nodes amount to, without attributes. */
const html = (file, name, text) => page.evaluate(async ([from, format, source]) => {
  const module = await import(`/assets/js/render/${from}.js`);
  const people = new Map([["U0BOB", { id: "U0BOB" }]]);
  const known = { me: { id: "U0ALICE" }, users: people, channels: new Map(), now: () => new Date(1_700_000_000_000), userName: () => "bob", channelName: (_, l) => l, groupName: () => "@oncall" };
  const box = document.createElement("div");
  box.append(module[format](source, known));
  return box.innerHTML.replace(/<(\w+)[^>]*>/g, "<$1>");
}, [file, name, text]);
const mrkdwn = (text) => html("mrkdwn", "mrkdwn", text);
const markdown = async (text) => (await html("markdown", "markdown", text)).replace(/^<div>|<\/div>$/g, "");

test("mrkdwn marks need word boundaries, as in Slack", async () => {
  assert.equal(await mrkdwn("*a b* _c_ ~d~ `e*f*`"), "<b>a b</b> <i>c</i> <s>d</s> <code>e*f*</code>");
  assert.equal(await mrkdwn("snake_case_name 2*3*4 * a * (_x_) *_y_*"), "snake_case_name 2*3*4 * a * (<i>x</i>) <b><i>y</i></b>");
  assert.equal(await mrkdwn("*open `code ~too"), "*open `code ~too");
});

test("mrkdwn fences, quotes and entities", async () => {
  assert.equal(await mrkdwn("```a *b*\n&lt;c&gt;```d"), "<pre>a *b*\n&lt;c&gt;</pre>d");
  assert.equal(await mrkdwn("&gt; one\n> two\nthree"), "<blockquote>one<br>two</blockquote>three");
  assert.equal(await mrkdwn("no ``` end"), "no ``` end");
  assert.equal(await mrkdwn("&amp;lt; stays"), "&amp;lt; stays");
});

test("mrkdwn links, mentions, dates and emoji", async () => {
  assert.equal(await mrkdwn("<https://a.example/x|here> https://b.example/y_z."), "<a>here</a> <a>https://b.example/y_z</a>.");
  assert.equal(await mrkdwn("<@U0BOB> <#C9|ops> <!here> <!subteam^S1>"), "<span>@bob</span> <span>#ops</span> <span>@here</span> <span>@oncall</span>");
  assert.equal(await mrkdwn("<!date^1700000000^{date_num} {time_secs}|x> <!date^1^{nonsense}|then>"), "<time>11/14/2023 10:13:20 PM</time> <span>then</span>");
  assert.equal(await mrkdwn(":red_circle: :not_an_emoji: 10:30:00"), "<span>🔴</span> :not_an_emoji: 10:30:00");
});

test("markdown blocks", async () => {
  assert.equal(await markdown("# T\n**b** *i* `c` [l](https://a.example)"), "<h3>T</h3><p><b>b</b> <i>i</i> <code>c</code> <a>l</a></p>");
  assert.equal(await markdown("- a\n  - b\n1. c"), "<ul><li>a<ul><li>b</li></ul></li></ul><ol><li>c</li></ol>");
});

test("text that looks like HTML stays text, and no script address becomes a link", async () => {
  const shown = page.locator(".message", { hasText: "onerror" });
  assert.match(await shown.innerText(), /<script>alert\(1\)<\/script> <img src=x onerror=alert\(2\)> <javascript:alert\(3\)\|click> <b>not bold<\/b>/);
  assert.equal(await shown.locator("script, .text img, .text a, .text b").count(), 0);
  assert.equal(await markdown("[x](javascript:alert(1)) <img src=x onerror=alert(1)>"), "<p>[x](javascript:alert(1)) &lt;img src=x onerror=alert(1)&gt;</p>");
  assert.equal(await markdown("[x](javascript:alert)"), "<p><span>x</span></p>");
  assert.deepEqual(page.troubles, []);
});

test("hostile text of any length is drawn without delay", { timeout: 20_000 }, async () => {
  const units = ["*a ", "`", "<", "> ", "\n", "*_~`", ":a", "[x](", "**a", "- ", "  - x\n", "```", "&gt;&gt;&gt;", "*<", "_`", "|-", "a_"];
  for (const unit of units) {
    await page.evaluate(async (source) => {
      const [{ mrkdwn: format }, { markdown: formatToo }] = await Promise.all(["mrkdwn", "markdown"].map((name) => import(`/assets/js/render/${name}.js`)));
      format(source, { me: {}, channels: new Map(), userName: String });
      formatToo(source.slice(0, 12_000));
    }, unit.repeat(40_000 / unit.length));
  }
});
