// A place that holds blocks (a message, the Home tab, a modal): remembers what was entered and tells the app what was done.
import { postOrToast } from "./api.js";
import { confirmed } from "./confirm.js";

export class Surface {
  /** Slack's `state.values`: block_id -> action_id -> what was chosen. */
  values = {};
  #busy = new Set();

  constructor(world, container) {
    this.world = world;
    this.container = container;
  }

  /** What was entered before this drawing of the blocks, if anything. */
  value(at, element) {
    return this.values[at.blockId]?.[element.action_id];
  }

  keep(at, element, choice) {
    this.values[at.blockId] = { ...this.values[at.blockId], [element.action_id]: { type: element.type, ...choice } };
  }

  /** A choice was made: kept, and sent to the app unless it only waits for the modal's submit. False when it was called off. */
  async choose(at, element, choice, node) {
    if (element.confirm && !(await confirmed(element.confirm, this.world))) return false;
    if (element.type !== "button" && element.type !== "overflow") this.keep(at, element, choice);
    if (at.dispatch) await this.#send(at, element, choice, node);
    return true;
  }

  async #send(at, element, choice, node) {
    const key = `${at.blockId}/${element.action_id}`;
    if (element.type === "button" && this.#busy.has(key)) return;
    this.#busy.add(key);
    node?.setAttribute("aria-busy", "true");
    const action = { type: element.type, action_id: element.action_id, block_id: at.blockId, ...choice };
    if (element.text) action.text = element.text;
    await postOrToast("/sim/action", { user: this.world.me.id, container: this.container, action, state: { values: this.values } });
    node?.removeAttribute("aria-busy");
    this.#busy.delete(key);
  }

  /** Options for an external select. */
  async suggest(at, element, query) {
    const answer = await postOrToast("/sim/suggest", {
      user: this.world.me.id, container: this.container, action_id: element.action_id, block_id: at.blockId, value: query,
    });
    return { options: answer.options, option_groups: answer.option_groups };
  }
}
