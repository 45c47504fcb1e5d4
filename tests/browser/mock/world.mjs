// People, channels and messages that show everything the page can draw.

const at = (minutes) => `${Math.floor(Date.now() / 1000) - minutes * 60}.000${String(Math.abs(minutes) % 1000).padStart(3, "0")}`;
const plain = (text) => ({ type: "plain_text", text, emoji: true });
const md = (text) => ({ type: "mrkdwn", text });
const person = (id, name, real_name, title) => ({ id, team_id: "T0MOCK", name, real_name, profile: { display_name: name, real_name, title }, is_bot: false, tz: "UTC" });
const option = (text, value, description) => ({ text: plain(text), value, ...(description ? { description: plain(description) } : {}) });
const channel = (id, name, topic, extra = {}) => ({ id, name, is_channel: true, is_im: false, is_private: false, is_member: true, is_archived: false,
  topic: { value: topic }, purpose: { value: `Everything about ${name}` }, members: ["U0ALICE", "U0BOB", "U0CAROL"], num_members: 3, unread: 0, ...extra });

export function world() {
  const messages = {
    C0ALERTS: alerts(), C0GALLERY: gallery(), C0GENERAL: general(), D0APP: [], C0RANDOM: [],
  };
  for (const [id, list] of Object.entries(messages)) list.forEach((m) => Object.assign(m, { channel: id }));
  return {
    team: { id: "T0MOCK", name: "Watchkeeper Labs", domain: "mock" },
    users: [person("U0ALICE", "alice", "Alice Moreau", "On-call engineer"), person("U0BOB", "bob", "Bob Nakamura", "Team lead"),
      person("U0CAROL", "carol", "Carol Adeyemi", "Approver"), { ...person("U0BOT", "watchkeeper", "watchkeeper", ""), is_bot: true }],
    channels: [channel("C0ALERTS", "feeds-alerts", "Anomalies land here :bell: acknowledge what you take"), channel("C0GALLERY", "gallery", "Every block and element"),
      channel("C0GENERAL", "general", "", { unread: 2 }), channel("C0RANDOM", "random", "", { is_private: true }),
      { id: "D0APP", name: "", is_im: true, is_member: true, user: "U0BOT", topic: { value: "" }, purpose: { value: "" }, members: ["U0ALICE", "U0BOT"], unread: 1 }],
    commands: [{ command: "/wk", description: "Ask watchkeeper", usage_hint: "help | status | feed SOL/USD", completions: [
      "status — How watchkeeper itself is doing", "alerts — Lists open alerts", "feed SOL/USD", "feed BTC/USD", "feeds [filter]", "silence <n|symbol> <duration> [comment] — Keeps matching alerts quiet for a while", "why <n|symbol>", "help"] }],
    app: { id: "A0MOCK", name: "watchkeeper", bot_user_id: "U0BOT", bot_id: "B0BOT", delivery: "http" },
    messages, ephemerals: [], views: {}, stacks: {}, next: 1,
  };
}

const bot = (minutes, rest) => ({ type: "message", ts: at(minutes), user: "U0BOT", bot_id: "B0BOT", app_id: "A0MOCK", team: "T0MOCK", text: "", ...rest });
const by = (user, minutes, text, rest = {}) => ({ type: "message", ts: at(minutes), user, team: "T0MOCK", text, ...rest });

export const alertBlocks = (state, by_) => {
  const unix = Math.floor(Date.now() / 1000) - 260;
  return [
    { type: "section", block_id: "what", text: md(`:rotating_light: *SOL/USD is stale* · critical · #17\nNo update for *4 min 20 s*; it usually comes every 0.4 s.`),
      accessory: { type: "overflow", action_id: "more", options: [option("Why this alert?", "why"), option("Escalate", "escalate")] } },
    { type: "section", block_id: "facts", fields: [md("*Last price*\n182.4471 ± 0.0312"), md("*Threshold*\n30 s"), md(`*Since*\n<!date^${unix}^{time_secs} ({ago})|14:03:20 UTC>`), md("*Likely cause*\nThe publisher stopped; 3 of 4 venues still trade")] },
    { type: "image", slack_file: { id: "F0CHART0001" }, alt_text: "SOL/USD price and confidence, last hour", title: plain("SOL/USD, last hour") },
    ...(state === "open"
      ? [{ type: "actions", block_id: "do", elements: [
        { type: "button", action_id: "ack", style: "primary", text: plain("Acknowledge"), value: "17" },
        { type: "static_select", action_id: "silence", placeholder: plain("Silence for…"), options: ["15 minutes", "1 hour", "4 hours", "1 day"].map((t) => option(t, t)) },
        { type: "button", action_id: "note", text: plain("Add note…"), value: "17" },
        { type: "button", action_id: "restart", style: "danger", text: plain("Restart publisher"), value: "17",
          confirm: { title: plain("Restart the publisher?"), text: md("This restarts *pyth-publisher* in `prod-eu`."), confirm: plain("Restart"), deny: plain("Not now"), style: "danger" } }] }]
      : []),
    { type: "context", elements: [md(state === "open" ? ":red_circle: Firing · not acknowledged" : `:eyes: Acknowledged by <@${by_}>`)] },
  ];
};

function alerts() {
  return [
    bot(1500, { text: "BTC/USD confidence too wide", attachments: [{ color: "#2eb886", blocks: [
      { type: "section", text: md(":white_check_mark: ~BTC/USD confidence too wide~ *resolved* after 12 min") }, { type: "context", elements: [md("Acknowledged by <@U0BOB> · warning · #16")] }] }],
    edited: { user: "U0BOT", ts: at(1490) }, reply_count: 2, reply_users: ["U0BOT", "U0BOB"], latest_reply: at(1488), thread_ts: at(1500), reactions: [{ name: "raised_hands", count: 2, users: ["U0ALICE", "U0CAROL"] }] }),
    by("U0BOT", 1495, "Confidence back under 0.5 %", { bot_id: "B0BOT", thread_ts: at(1500) }),
    by("U0BOB", 1488, "Kraken was lagging, all good now :+1:", { thread_ts: at(1500) }),
    by("U0BOB", 62, "Morning <@U0ALICE>, you have the watch. <!here> deploy of the aggregator at 15:00, see <https://example.com/deploys/412|deploy 412>."),
    by("U0ALICE", 61, "On it :eyes:"),
    by("U0ALICE", 60, ":coffee:"),
    bot(4, { text: "SOL/USD is stale", attachments: [{ color: "#a30200", blocks: alertBlocks("open") }] }),
  ];
}

function general() {
  return [
    by("U0CAROL", 30, "*bold* _italic_ ~strike~ `code` *_both_* snake_case_stays 2*3*4 stays and &lt;angle&gt; &amp; friends"),
    by("U0CAROL", 29, "> quoted line\n> and <@U0BOB>\nthen a list:\n• first\n• second with `code`\n1. one\n2. two"),
    by("U0BOB", 28, "```fn main() {\n    println!(\"a < b\");\n}```\nafter the fence, https://example.com/a_b?x=1&amp;y=2."),
    by("U0BOB", 27, "<script>alert(1)</script> <img src=x onerror=alert(2)> <javascript:alert(3)|click> &lt;b&gt;not bold&lt;/b&gt;"),
  ];
}

function gallery() {
  const style = (text, s) => ({ type: "text", text, style: s });
  return [
    bot(50, { text: "gallery", blocks: [
      { type: "header", text: plain("Header with :chart_with_upwards_trend:") },
      { type: "section", text: md("Section with an image"), accessory: { type: "image", image_url: "/assets/icon.svg", alt_text: "icon" } },
      { type: "context", elements: [{ type: "image", image_url: "/assets/icon.svg", alt_text: "icon" }, md("Context, <#C0ALERTS> and <!date^1700000000^{date_long}|then>")] },
      { type: "divider" },
      { type: "rich_text", elements: [
        { type: "rich_text_section", elements: [style("bold ", { bold: true }), style("code", { code: true }), { type: "text", text: " " }, { type: "emoji", name: "fire" }, { type: "user", user_id: "U0BOB" }] },
        { type: "rich_text_list", style: "ordered", elements: ["one", "two"].map((t) => ({ type: "rich_text_section", elements: [{ type: "text", text: t }] })) },
        { type: "rich_text_quote", elements: [{ type: "text", text: "quoted" }] },
        { type: "rich_text_preformatted", elements: [{ type: "text", text: "let x = 1;" }] }] },
      { type: "markdown", text: "### Markdown\n**bold**, *em*, `code`, [link](https://example.com)\n- one\n  - nested\n- two\n\n| feed | price |\n|:--|--:|\n| SOL | 182.44 |\n| BTC | 97000.1 |" },
      { type: "table", column_settings: [{ align: "left" }, { align: "right" }, { align: "center" }], rows: [
        ["Feed", "Price", "Age"], ["SOL/USD", "182.4471", "0.4 s"], ["BTC/USD", "97012.10", "0.4 s"], ["A/very-long-feed-name-indeed", "1", "closed"]].map((r) => r.map((text) => ({ type: "raw_text", text }))) },
      { type: "image", image_url: "https://127.0.0.1:9/none.png", alt_text: "a picture that is gone" },
      { type: "hologram" }] }),
    bot(49, { text: "elements", blocks: [
      { type: "section", block_id: "s1", text: md("Choose people"), accessory: { type: "multi_users_select", action_id: "people", placeholder: plain("People"), initial_users: ["U0BOB"] } },
      { type: "actions", block_id: "a1", elements: [
        { type: "button", action_id: "plain", text: plain("Button"), value: "b" }, { type: "button", action_id: "link", text: plain("Open docs :link:"), url: "https://example.com" },
        { type: "external_select", action_id: "ext", placeholder: plain("Find a feed"), min_query_length: 1 },
        { type: "datepicker", action_id: "date", initial_date: "2026-11-29" }, { type: "timepicker", action_id: "time" }, { type: "conversations_select", action_id: "conv", placeholder: plain("Channel") }] },
      { type: "actions", block_id: "a2", elements: [
        { type: "checkboxes", action_id: "boxes", options: [option("Crypto", "c"), option("Equities", "e", "US market hours")] },
        { type: "radio_buttons", action_id: "radio", options: [option("Quiet", "q"), option("Loud", "l")], initial_option: option("Quiet", "q") }] }] }),
  ];
}

export const modal = () => ({
  type: "modal", callback_id: "note", title: plain("Add a note"), submit: plain("Save"), close: plain("Cancel"), blocks: [
    { type: "section", block_id: "about", text: md("For *SOL/USD is stale* (#17)") },
    { type: "input", block_id: "note", label: plain("Note"), element: { type: "plain_text_input", action_id: "text", multiline: true, placeholder: plain("What did you find?") } },
    { type: "input", block_id: "sev", label: plain("Severity"), optional: true, element: { type: "static_select", action_id: "sev", placeholder: plain("Choose"), options: ["critical", "error", "warning", "info"].map((t) => option(t, t)) }, hint: plain("Leave empty to keep it") },
    { type: "input", block_id: "who", label: plain("Tell"), optional: true, element: { type: "checkboxes", action_id: "who", options: [option("On call", "oncall"), option("The whole channel", "all", "Mentions everyone who is here")] } },
    { type: "actions", block_id: "deeper", elements: [{ type: "button", action_id: "push", text: plain("More…") }] }],
});

export const pushed = () => ({ type: "modal", title: plain("More"), close: plain("Back"), blocks: [{ type: "section", text: md("A second view on top.") }] });

export const home = () => ({
  id: "V0HOME", type: "home", blocks: [
    { type: "header", text: plain("Needs you now") },
    { type: "section", text: md(":rotating_light: *SOL/USD is stale* · critical · #17"), accessory: { type: "button", action_id: "ack", style: "primary", text: plain("Acknowledge"), value: "17" } },
    { type: "divider" }, { type: "header", text: plain("Feeds") },
    { type: "section", fields: [md("*Watched*\n34"), md("*Healthy*\n33"), md("*Closed market*\n6"), md("*Silenced*\n0")] },
    { type: "context", elements: [md("Updated just now · `/wk status` for more")] }],
});

/** A small price chart, standing in for the bot's PNG. */
export function chart() {
  const y = Array.from({ length: 60 }, (_, i) => 90 - 30 * Math.sin(i / 7) - 12 * Math.sin(i / 2.3));
  const line = y.map((v, i) => `${i ? "L" : "M"}${20 + i * 10} ${v.toFixed(1)}`).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="180"><rect width="640" height="180" fill="#fbfbfd"/><path d="M20 40H620M20 90H620M20 140H620" stroke="#e3e5ea"/><path d="${line}" fill="none" stroke="#2b6cb0" stroke-width="2"/></svg>`;
}
