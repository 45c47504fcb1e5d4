// A list of messages kept in step with the workspace: the channel's, or one thread's.
import { postOrToast } from "./api.js";
import { fragment, h, iconButton, icon } from "./dom.js";
import { EMOJI, REACTIONS } from "./emoji.js";
import { openMenu } from "./menu.js";
import { dayDivider, sameDay, tsDate } from "./render/date.js";
import { authorOf, messageNode } from "./render/message.js";
import { go, route } from "./route.js";

/** Messages of one person closer together than this share a picture and a name. */
const GROUP_SECONDS = 300;
/** How near to the end counts as reading along. */
const NEAR_PX = 80;
/** A finger's click follows its release by a little. */
const CLICK_MS = 50;

export class Timeline {
  #messages = new Map();
  #toolbar;
  /** While a pointer is down, what comes waits here: a control that is replaced or moves between press and release is never
   * clicked. */
  #held = null;
  #world;
  #options;

  /** `options`: {channel, thread (ts) or null, label, intro (node)}. */
  constructor(world, options) {
    this.#world = world;
    this.#options = options;
    this.list = h("div", { class: "timeline", role: "log", "aria-label": options.label, "aria-live": "polite", "aria-relevant": "additions" });
    this.jump = h("button", { type: "button", class: "jump", hidden: true, on: { click: () => this.toEnd() } }, "New messages ", icon("down"));
    this.node = h("div", { class: "timeline-wrap" }, this.list, this.jump);
    this.list.addEventListener("scroll", () => this.#nearEnd() && (this.jump.hidden = true));
    // Pictures that arrive late make the list longer.
    this.list.addEventListener("load", () => this.stick && this.toEnd(), true);
    this.#watchPointer();
    this.#watchPress();
  }

  #nearEnd() {
    this.stick = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR_PX;
    return this.stick;
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
    this.stick = true;
    this.jump.hidden = true;
  }

  /** Replaces everything, keeping the place unless this is the first time. */
  fill(messages) {
    const first = !this.filled;
    const stay = first || this.#nearEnd();
    this.filled = true;
    this.#messages = new Map(messages.map((m) => [m.ts, m]));
    this.#drawAll();
    if (stay) this.toEnd();
  }

  belongs(message) {
    const { thread } = this.#options;
    if (thread) return message.ts === thread || message.thread_ts === thread;
    return !message.thread_ts || message.thread_ts === message.ts || message.subtype === "thread_broadcast";
  }

  /** A message that is new or has changed. */
  upsert(message) {
    if (!this.belongs(message)) return;
    if (this.#held) {
      this.#held.push(message);
      return;
    }
    const near = this.#nearEnd();
    const known = this.#messages.get(message.ts);
    const last = [...this.#messages.values()].at(-1);
    this.#messages.set(message.ts, message);
    if (known) this.#redraw(message, known);
    else if (!last || last.ts < message.ts) this.list.append(this.#rows(message, last));
    else {
      this.#messages = new Map([...this.#messages].sort(([a], [b]) => (a < b ? -1 : 1)));
      this.#drawAll();
    }
    if (near || (!known && message.user === this.#world.me.id)) this.toEnd();
    else if (!known) this.jump.hidden = false;
    this.#roving();
  }

  remove(ts) {
    if (!this.#messages.delete(ts)) return;
    const near = this.#nearEnd();
    this.#drawAll();
    if (near) this.toEnd();
  }

  #drawAll() {
    let before = null;
    const rows = fragment();
    for (const message of this.#messages.values()) {
      rows.append(this.#rows(message, before));
      before = message;
    }
    this.#toolbar.remove();
    this.list.replaceChildren(this.#options.intro ?? "", rows);
    this.#roving();
  }

  #rows(message, before) {
    const date = tsDate(message.ts);
    const newDay = !this.#options.thread && (!before || !sameDay(tsDate(before.ts), date));
    const compact = !newDay && before && before.ts !== this.#options.thread && authorOf(before) === authorOf(message) && !before.is_ephemeral && !message.is_ephemeral
      && before.username === message.username && Number(message.ts) - Number(before.ts) < GROUP_SECONDS;
    const divider = newDay ? h("div", { class: "day", role: "separator" }, h("span", {}, dayDivider(date, this.#world.now()))) : null;
    const node = this.#draw(message, compact);
    const below = this.#options.thread === message.ts && message.reply_count
      ? h("div", { class: "thread-count" }, `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`) : null;
    return fragment(divider, node, below);
  }

  #draw(message, compact) {
    return messageNode(message, this.#world, { compact, inThread: Boolean(this.#options.thread), actions: {
      react: (m, name, mine) => this.#react(m, name, mine),
      thread: (m) => go({ ...route(), thread: m.ts }),
    } });
  }

  /** Edits happen in place: focus stays on the control it was on, and a short glow shows what changed. */
  #redraw(message, known) {
    const old = this.list.querySelector(`[data-ts="${CSS.escape(message.ts)}"]`);
    if (!old) return;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const node = this.#draw(message, old.classList.contains("compact"));
    const toolbar = old.contains(this.#toolbar);
    old.replaceWith(node);
    if (toolbar) this.#show(node);
    if (focused) {
      const same = focused.dataset.action && node.querySelector(`[data-action="${CSS.escape(focused.dataset.action)}"]`);
      node.tabIndex = -1;
      (same || node).focus({ preventScroll: true });
    }
    const words = (m) => JSON.stringify([m.text, m.blocks, m.attachments, m.files?.length]);
    if (words(message) !== words(known)) node.classList.add("glow");
    const count = node.nextElementSibling;
    if (count?.classList.contains("thread-count")) count.textContent = `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`;
    else if (this.#options.thread === message.ts && message.reply_count) this.#drawAll();
  }

  #watchPress() {
    const ends = ["pointerup", "pointercancel"];
    const release = () => {
      for (const end of ends) removeEventListener(end, release);
      setTimeout(() => {
        const held = this.#held;
        this.#held = null;
        for (const message of held) this.upsert(message);
      }, CLICK_MS);
    };
    this.list.addEventListener("pointerdown", () => {
      if (this.#held) return;
      this.#held = [];
      for (const end of ends) addEventListener(end, release);
    });
  }

  #react(message, name, remove) {
    return postOrToast("/sim/react", { user: this.#world.me.id, channel: this.#options.channel, ts: message.ts, name, remove });
  }

  #shortcut(message, callback_id) {
    return postOrToast("/sim/shortcut", { user: this.#world.me.id, channel: this.#options.channel, ts: message.ts, callback_id });
  }

  /** One toolbar for the whole list, shown on the message under the pointer, the finger or the focus. */
  #watchPointer() {
    const current = () => this.#messages.get(this.#toolbar.closest(".message")?.dataset.ts);
    const react = iconButton("smile", "Add reaction", () => {
      const message = current();
      const items = [...new Set([...REACTIONS, ...EMOJI.keys()])].map((name) => ({ value: name, label: name, node: () => `${EMOJI.get(name)}  :${name}:` }));
      openMenu(react, { label: "Add reaction", items, filter: true, pick: ({ value }) => message && this.#react(message, value, false) });
    });
    const buttons = [react];
    if (!this.#options.thread) {
      buttons.push(iconButton("thread", "Reply in thread", () => {
        const message = current();
        if (message) go({ ...route(), thread: message.thread_ts ?? message.ts });
      }));
    }
    const more = iconButton("more", "More actions", () => {
      const message = current();
      const items = (this.#world.app?.shortcuts ?? []).map(({ name, callback_id }) => ({ value: callback_id, label: name }));
      openMenu(more, { label: "More actions", items, empty: "No shortcuts", pick: ({ value }) => message && this.#shortcut(message, value) });
    });
    buttons.push(more);
    this.#toolbar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "Message actions" }, buttons);
    const over = ({ target }) => this.#show(target.closest?.(".message"));
    this.list.addEventListener("pointerover", over);
    this.list.addEventListener("focusin", over);
    this.list.addEventListener("pointerleave", () => !this.#toolbar.contains(document.activeElement) && this.#toolbar.remove());
    this.list.addEventListener("keydown", (event) => this.#step(event));
  }

  #show(message) {
    // An ephemeral message can have neither reactions nor a thread.
    if (!message || message.classList.contains("ephemeral") || message === this.#toolbar.parentElement) return;
    message.append(this.#toolbar);
  }

  #step(event) {
    if (!event.target.matches(".message")) return;
    const all = [...this.list.querySelectorAll(".message")];
    const at = all.indexOf(event.target);
    const next = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined || !all[next]) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    all[next].tabIndex = 0;
    all[next].focus();
  }

  /** Only one message is a tab stop; arrows go from there. */
  #roving() {
    if (this.list.querySelector(".message[tabindex='0']")) return;
    const last = [...this.list.querySelectorAll(".message")].at(-1);
    if (last) last.tabIndex = 0;
  }
}

/** Loads a timeline and keeps it live until the returned function is called. */
export function follow(world, timeline, { channel, thread }, load) {
  let queue = [];
  const apply = (run) => (queue ? queue.push(run) : run());
  const here = (event) => event.channel === channel || event.message?.channel === channel;
  const put = (event) => here(event) && apply(() => timeline.upsert({ channel, ...event.message }));
  const drop = (event) => here(event) && apply(() => timeline.remove(event.ts));
  const reload = async () => {
    queue ??= [];
    const answer = await load(thread ? { channel, thread_ts: thread } : { channel });
    if (answer.ok) timeline.fill(answer.messages.map((m) => ({ channel, ...m })));
    const waiting = queue ?? [];
    queue = null;
    waiting.forEach((run) => run());
    return answer;
  };
  const offs = [world.on("message", put), world.on("changed", put), world.on("ephemeral", put),
    world.on("deleted", drop), world.on("ephemeral_deleted", drop), world.on("resync", reload)];
  return { ready: reload(), stop: () => offs.forEach((off) => off()) };
}
