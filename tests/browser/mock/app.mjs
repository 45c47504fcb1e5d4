// The mock's endpoints and its small bot: one command, one alert, one modal, one Home.
import { alertBlocks, home, modal, pushed } from "./world.mjs";

const BOT = { type: "message", user: "U0BOT", bot_id: "B0BOT", app_id: "A0MOCK" };

export class App {
  /** Answers to give instead of the usual ones: path -> answer. */
  override = {};
  /** How many seconds the workspace's clock is ahead of the browser's. */
  ahead = 0;
  /** Every POST the page made, oldest first. */
  calls = [];

  constructor(state, push) {
    Object.assign(this, { state, push });
  }

  async answer(path, body) {
    if (!["bootstrap", "messages"].includes(path)) this.calls.push({ path, ...body });
    if (path in this.override) return this.override[path];
    return this[path.replace(/\/(\w)/, (_, c) => c.toUpperCase())]?.(body);
  }

  ts() {
    this.state.next += 1;
    return `${Math.floor(Date.now() / 1000)}.${String(100_000 + this.state.next)}`;
  }

  post(channel, message) {
    const full = { ts: this.ts(), channel, type: "message", text: "", ...message };
    this.state.messages[channel].push(full);
    this.push({ type: "message", channel, message: full });
    const parent = full.thread_ts && this.state.messages[channel].find((m) => m.ts === full.thread_ts);
    if (parent) {
      Object.assign(parent, { thread_ts: parent.ts, reply_count: (parent.reply_count ?? 0) + 1, latest_reply: full.ts, reply_users: [...new Set([...(parent.reply_users ?? []), full.user])] });
      this.push({ type: "changed", channel, message: parent });
    }
    return full;
  }

  ephemeral(channel, user, message) {
    const full = { ...BOT, ts: this.ts(), channel, text: "", is_ephemeral: true, ...message };
    this.state.ephemerals.push({ user, message: full });
    this.push({ type: "ephemeral", channel, message: full }, user);
  }

  bootstrap({ user }) {
    const { team, users, channels, commands, app } = this.state;
    const me = users.find((u) => u.id === user || u.name === user) ?? users[0];
    const now = Date.now() / 1000 + this.ahead;
    return { ok: true, now, team, me, users, channels, commands, app, home: null, views: (this.state.stacks[me.id] ?? []).map((id) => this.state.views[id]) };
  }

  messages({ channel, user, thread_ts }) {
    const found = this.state.channels.find((c) => c.id === channel);
    const mine = this.state.ephemerals.filter((e) => e.user === user && e.message.channel === channel).map((e) => e.message);
    const wanted = (m) => (thread_ts ? m.ts === thread_ts || m.thread_ts === thread_ts : !m.thread_ts || m.thread_ts === m.ts);
    found.unread = 0;
    return { ok: true, channel: found, messages: [...this.state.messages[channel], ...mine].filter(wanted).sort((a, b) => (a.ts < b.ts ? -1 : 1)) };
  }

  say({ user, channel, text, thread_ts }) {
    if (!text.startsWith("/")) return { ok: true, ts: this.post(channel, { user, text: this.typed(text), thread_ts }).ts };
    this.ephemeral(channel, user, { blocks: [{ type: "section", text: { type: "mrkdwn", text: "*Commands*\n`/wk status` how I am\n`/wk feed SOL/USD` one feed\n`/wk alerts` open alerts" } }] });
    return { ok: true };
  }

  typed(text) {
    const escaped = text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
    return escaped.replace(/@(\w+)/g, (whole, name) => this.state.users.find((u) => u.name === name)?.id.replace(/.+/, "<@$&>") ?? whole);
  }

  action({ user, container, action }) {
    if (action.action_id === "note") return this.view(user, modal());
    if (action.action_id === "push") return this.view(user, pushed());
    if (action.action_id !== "ack" || container.type !== "message") return { ok: true };
    const message = this.state.messages[container.channel].find((m) => m.ts === container.ts);
    Object.assign(message, { attachments: [{ color: "#daa038", blocks: alertBlocks("ack", user) }], edited: { user: "U0BOT", ts: this.ts() } });
    this.push({ type: "changed", channel: container.channel, message });
    return { ok: true };
  }

  view(user, view, id = `V${(this.state.next += 1)}`) {
    const stack = (this.state.stacks[user] ??= []);
    if (!stack.includes(id)) stack.push(id);
    this.state.views[id] = { ...view, id };
    this.push({ type: "view", view: this.state.views[id], stack: [...stack] }, user);
    return { ok: true };
  }

  viewSubmit({ user, view_id, values }) {
    const note = values.note.text.value;
    if (note.length < 5) return { ok: true, errors: { note: "Say a little more, at least 5 letters." } };
    this.viewClose({ user, view_id });
    this.post("C0ALERTS", { ...BOT, text: `<@${user}> noted: ${note}` });
    return { ok: true };
  }

  viewClose({ user, view_id }) {
    const stack = this.state.stacks[user] ?? [];
    const closed = stack.splice(stack.indexOf(view_id));
    this.push({ type: "view_closed", view_ids: closed, stack: [...stack] }, user);
    return { ok: true };
  }

  home({ user }) {
    this.push({ type: "home", view: home() }, user);
    return { ok: true };
  }

  suggest({ value }) {
    const feeds = ["SOL/USD", "BTC/USD", "ETH/USD"].filter((f) => f.toLowerCase().includes(value.toLowerCase()));
    return { ok: true, options: feeds.map((f) => ({ text: { type: "plain_text", text: f }, value: f })) };
  }

  react({ user, channel, ts, name, remove }) {
    const message = this.state.messages[channel].find((m) => m.ts === ts);
    const reactions = new Map((message.reactions ?? []).map((r) => [r.name, new Set(r.users)]));
    const users = reactions.get(name) ?? new Set();
    reactions.set(name, users);
    users[remove ? "delete" : "add"](user);
    message.reactions = [...reactions].filter(([, u]) => u.size).map(([n, u]) => ({ name: n, users: [...u], count: u.size }));
    this.push({ type: "changed", channel, message });
    return { ok: true };
  }
}
