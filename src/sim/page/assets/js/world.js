// What the page knows of the workspace, and the bus on which its parts hear of changes.
import { get } from "./api.js";

export class World {
  #listeners = new Map();
  #skew = 0;

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

  /** The workspace's clock may run ahead of ours (`--speed`): a message that just arrived says what time it is there. */
  now() {
    return new Date(Date.now() + this.#skew);
  }

  sawNow(ts) {
    const skew = Number.parseFloat(ts) * 1000 - Date.now();
    this.#skew = Math.abs(skew) > 5000 ? skew : 0;
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
