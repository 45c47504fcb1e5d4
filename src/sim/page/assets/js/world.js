// What the page knows of the workspace, and the bus on which its parts hear of changes.
import { get } from "./api.js";

/** Seen this far apart, two times tell how fast the workspace's clock runs. */
const LONG_ENOUGH_MS = 3000;

export class World {
  #listeners = new Map();
  #firstSeen = null;
  #lastSeen = null;
  #rate = 1;

  users = new Map();
  channels = new Map();
  groups = new Map();
  commands = [];
  app = null;
  home = null;
  views = [];

  /** Loads everything afresh for this user (the workspace picks one when it is empty). */
  async load(user) {
    const data = await get("/sim/bootstrap", user ? { user } : {});
    if (!data.ok) return data;
    if (data.now) this.sawNow(data.now);
    this.team = data.team;
    this.me = data.me;
    this.users = new Map(data.users.map((u) => [u.id, u]));
    this.channels = new Map(data.channels.map((c) => [c.id, c]));
    this.groups = new Map((data.usergroups ?? []).map((g) => [g.id, g]));
    this.commands = data.commands ?? [];
    this.app = data.app;
    this.home = data.home;
    this.views = data.views ?? [];
    return data;
  }

  on(type, run) {
    const runs = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, runs.add(run));
    return () => runs.delete(run);
  }

  emit(type, event) {
    for (const run of this.#listeners.get(type) ?? []) run(event);
  }

  /** What time it is in the workspace, whose clock may run ahead of ours and faster (`--speed`). */
  now() {
    if (!this.#lastSeen) return new Date();
    return new Date(this.#lastSeen.there + (Date.now() - this.#lastSeen.here) * this.#rate);
  }

  /** It is `seconds` there now: a message that just arrived says so, and so does the workspace when it is loaded. */
  sawNow(seconds) {
    this.#lastSeen = { there: Number.parseFloat(seconds) * 1000, here: Date.now() };
    this.#firstSeen ??= this.#lastSeen;
    const here = this.#lastSeen.here - this.#firstSeen.here;
    if (here > LONG_ENOUGH_MS) this.#rate = Math.max(1, Math.round((this.#lastSeen.there - this.#firstSeen.there) / here));
  }

  user(id) {
    return this.users.get(id);
  }

  userName(id, label) {
    const user = this.users.get(id);
    return user?.profile?.display_name || user?.real_name || user?.name || label || id || "someone";
  }

  groupName(id) {
    return `@${this.groups.get(id)?.handle ?? id}`;
  }

  channelName(id, label) {
    const channel = this.channels.get(id);
    if (channel?.is_im) return this.userName(channel.user);
    return channel?.name ?? label ?? id;
  }

  /** The people who can be switched to: everyone but bots. */
  people() {
    return [...this.users.values()].filter((u) => !u.is_bot);
  }

  /** The direct messages with the app; before the first one, the app's own user id stands for them. */
  appChannel() {
    if (!this.app) return null;
    const open = [...this.channels.values()].find((c) => c.is_im && c.user === this.app.bot_user_id);
    return open?.id ?? this.app.bot_user_id;
  }

  isAppChannel(id) {
    return Boolean(this.app) && (id === this.app.bot_user_id || this.channels.get(id)?.user === this.app.bot_user_id);
  }
}
