// @ts-check
/**
 * Mentioning friends: `@` in the text offers names. Who is mentioned is told only if they are among those who can read the
 * moment; the composer says so before it is shared.
 * @module
 */
import { ask } from "../lib/api.js";
import { el, face } from "../lib/dom.js";
import { list, t } from "../lib/words.js";

/** @typedef {import("../lib/api.js").Person} Person */

/** How many names are offered. */
const OFFERED = 8;
/** What is being written before the caret: an `@` at the beginning of a word, and what follows it. */
const WRITING = /(?:^|[\s(（，。])@([^\s@]{0,40})$/u;

const fold = (/** @type {string} */ text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

/** Completion of names in a text. */
export class Mentions {
  /**
   * @param {HTMLTextAreaElement} text
   * @param {() => void} changed
   */
  constructor(text, changed) {
    this.text = text;
    this.changed = changed;
    this.limit = 32;
    /** @type {Map<string, string>} who was chosen, and how they stand in the text */
    this.chosen = new Map();
    /** @type {Promise<Person[]> | null} */
    this.friends = null;
    /** @type {Person[]} */
    this.offered = [];
    this.at = 0;
    this.list = el("ul", { class: "mention-list", role: "listbox", id: "mention-list", "aria-label": t("mention.offer"), hidden: true });
    this.hint = el("p", { class: "hint", role: "status", hidden: true });
    this.node = el("div", { class: "mentions" }, this.list);
    text.setAttribute("aria-autocomplete", "list");
    text.setAttribute("aria-controls", "mention-list");
    text.addEventListener("input", () => this.look());
    text.addEventListener("click", () => this.look());
    text.addEventListener("blur", () => this.close());
    // Before others who listen for keys: Enter and Escape are meant for the list while it is open.
    text.addEventListener("keydown", (event) => this.key(event), { capture: true });
  }

  /** Offers names, if one is being written. */
  async look() {
    const found = WRITING.exec(this.text.value.slice(0, this.text.selectionStart));
    if (!found) { this.close(); return; }
    this.friends ??= ask("GET", "/friends").then((answer) => answer.friends);
    const friends = await this.friends.catch(() => { this.friends = null; return []; });
    const still = WRITING.exec(this.text.value.slice(0, this.text.selectionStart));
    if (!still || document.activeElement !== this.text) { this.close(); return; }
    const wanted = fold(still[1]);
    const fits = (/** @type {Person} */ friend) => fold(friend.name).includes(wanted);
    const begins = (/** @type {Person} */ friend) => Number(!fold(friend.name).startsWith(wanted));
    this.offered = friends.filter(fits).sort((a, b) => begins(a) - begins(b) || a.name.localeCompare(b.name)).slice(0, OFFERED);
    this.at = 0;
    this.show();
  }

  show() {
    this.list.hidden = this.offered.length === 0;
    this.list.replaceChildren(...this.offered.map((friend, at) => el("li", { role: "option", id: `mention-${at}`, "aria-selected": String(at === this.at),
      // Before the text loses the focus.
      onpointerdown: (/** @type {Event} */ event) => { event.preventDefault(); this.take(friend); } }, face(friend, true), el("bdi", {}, friend.name))));
    if (this.list.hidden) this.text.removeAttribute("aria-activedescendant");
    else this.text.setAttribute("aria-activedescendant", `mention-${this.at}`);
  }

  close() {
    this.offered = [];
    this.show();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (this.list.hidden || event.isComposing) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by !== undefined) {
      this.at = (this.at + by + this.offered.length) % this.offered.length;
      this.show();
    } else if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey) || event.key === "Tab") this.take(this.offered[this.at]);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** @param {Person} friend */
  take(friend) {
    const caret = this.text.selectionStart;
    const found = WRITING.exec(this.text.value.slice(0, caret));
    if (!found) return;
    const start = caret - found[1].length;
    this.text.setRangeText(`${friend.name} `, start, caret, "end");
    this.chosen.set(friend.id, friend.name);
    this.close();
    this.text.dispatchEvent(new Event("input", { bubbles: true }));
    this.changed();
  }

  /** Who stands in the text. */
  value() {
    return [...this.chosen].filter(([, name]) => this.text.value.includes(`@${name}`)).map(([id]) => id).slice(0, this.limit);
  }

  /** @param {string[]} ids */
  async set(ids) {
    this.chosen = new Map();
    if (ids.length === 0) return;
    this.friends ??= ask("GET", "/friends").then((answer) => answer.friends);
    for (const friend of await this.friends.catch(() => [])) if (ids.includes(friend.id)) this.chosen.set(friend.id, friend.name);
  }

  /**
   * Says who will be told.
   * @param {(id: string) => boolean | undefined} reaches
   */
  say(reaches) {
    const named = this.value();
    const names = (/** @type {string[]} */ ids) => list(ids.map((id) => this.chosen.get(id) ?? ""));
    const out = named.filter((id) => reaches(id) === false);
    const told = named.filter((id) => reaches(id) !== false);
    this.hint.textContent = [told.length > 0 && t("mention.told", { who: names(told) }), out.length > 0 && t("mention.not_told", { who: names(out), n: out.length })].filter(Boolean).join(" ");
    this.hint.hidden = named.length === 0;
  }
}
