// @ts-check
/**
 * For whom a moment is: everyone, only some, everyone except some, or only me; with the node's own sentence on who that is.
 * @module
 */
import { ask } from "../lib/api.js";
import { el } from "../lib/dom.js";

const RULES = /** @type {[string, string][]} */ ([["everyone", "All friends"], ["only", "Only…"], ["except", "All but…"], ["private", "Only me"]]);

/** The choice. */
export class Audience {
  constructor() {
    this.rule = "everyone";
    /** @type {Map<string, string>} what the node is told, and how it is called here */
    this.chosen = new Map();
    this.rules = el("div", { class: "chips", role: "radiogroup", "aria-label": "For whom" });
    this.names = el("div", { class: "chips" });
    this.sentence = el("p", { class: "hint", role: "status" });
    this.node = el("div", { class: "audience" }, this.rules, this.names, this.sentence);
    for (const [rule, label] of RULES) {
      this.rules.append(el("button", { class: "chip", type: "button", role: "radio", "aria-checked": String(rule === this.rule), dataset: { rule }, onclick: () => this.choose(rule) }, label));
    }
  }

  /** What the node is told. */
  words() {
    const chosen = [...this.chosen.keys()];
    return { to: this.rule === "only" ? chosen : [], except: this.rule === "except" ? chosen : [], private: this.rule === "private" };
  }

  /** The choice in a few words. */
  label() {
    const named = [...this.chosen.values()];
    const who = named.length > 2 ? `${named.length} chosen` : named.join(" and ") || "some";
    return { everyone: "All friends", only: `Only ${who}`, except: `All but ${who}`, private: "Only me" }[this.rule] ?? "";
  }

  /** Why it cannot be posted yet; empty if it can. */
  missing() {
    return (this.rule === "only" || this.rule === "except") && this.chosen.size === 0 ? "Choose at least one tag or friend." : "";
  }

  /** @param {string} rule */
  async choose(rule) {
    this.rule = rule;
    for (const chip of this.rules.children) chip.setAttribute("aria-checked", String(chip instanceof HTMLElement && chip.dataset.rule === rule));
    this.names.replaceChildren();
    if (rule === "only" || rule === "except") await this.offer();
    await this.explain();
  }

  async offer() {
    const [{ tags }, { friends }] = await Promise.all([ask("GET", "/tags"), ask("GET", "/friends")]);
    const words = [
      ...tags.map((/** @type {{name: string}} */ tag) => ({ word: `tag:${tag.name}`, label: tag.name, kind: "chip tag" })),
      ...friends.map((/** @type {import("../lib/api.js").Friend} */ friend) => ({ word: friend.id, label: friend.name, kind: "chip" })),
    ];
    this.names.replaceChildren(...words.map(({ word, label, kind }) => {
      const chip = el("button", { class: kind, type: "button", "aria-pressed": String(this.chosen.has(word)), onclick: () => {
        if (!this.chosen.delete(word)) this.chosen.set(word, label);
        chip.setAttribute("aria-pressed", String(this.chosen.has(word)));
        this.explain();
      } }, label);
      return chip;
    }));
    if (words.length === 0) this.names.replaceChildren(el("p", { class: "hint" }, "You have no friends here yet."));
  }

  async explain() {
    this.sentence.className = "hint";
    if (this.missing()) { this.sentence.textContent = this.missing(); return; }
    if (this.rule === "private") { this.sentence.textContent = "It stays on your own devices."; return; }
    try {
      const run = await ask("POST", "/moments?dry_run=true", this.words());
      const left = run.left_out.length > 0 ? ` Not: ${names(run.left_out)}.` : "";
      this.sentence.textContent = run.may_read === 0 ? `Nobody but you would be able to read it.${left}`
        : `${run.may_read === 1 ? "One friend" : `${run.may_read} friends`} would be able to read it: ${names(run.people)}.${left}`;
    } catch (error) {
      this.sentence.className = "wrong";
      this.sentence.textContent = error instanceof Error ? error.message : String(error);
    }
  }
}

const NAMED = 8;

/** @param {import("../lib/api.js").Person[]} people */
function names(people) {
  const sorted = people.map((p) => p.name).sort((a, b) => a.localeCompare(b));
  const first = sorted.slice(0, NAMED).join(", ");
  return people.length > NAMED ? `${first} and ${people.length - NAMED} more` : first;
}
