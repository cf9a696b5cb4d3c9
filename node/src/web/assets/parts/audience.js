// @ts-check
/**
 * For whom a moment is: everyone, only some, everyone except some, or only me; with the node's own answer on who that is.
 *
 * It begins with everyone each time, as in WeChat: a choice that was kept silently is one that nobody looks at any more. How
 * many will be able to read stands beside the button that shares, whatever was chosen.
 * @module
 */
import { ask } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { list, t } from "../lib/words.js";

/** @typedef {import("../lib/api.js").Person} Person */
/** @typedef {{to: string[], except: string[], private: boolean}} Words */
/** @typedef {{may_read: number, people: Person[], left_out: (Person & {why: string})[], strangers: number}} DryRun */
/** @typedef {"everyone" | "only" | "except" | "private"} Rule */
/** @typedef {{word: string, label: string, isTag: boolean, folded: string, count: number}} Choice */

const RULES = /** @type {Rule[]} */ (["everyone", "only", "except", "private"]);
/** How many choices are shown at a time; a search finds the others. */
const SHOWN = 30;
/** How many names stand in the sentence itself. */
const NAMED = 3;

const fold = (/** @type {string} */ text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

/** The choice. */
export class Audience {
  /**
   * @param {{dryRun?: (words: Words) => Promise<DryRun>, changed?: () => void}} [options] `dryRun` where it is for something
   *   else than a new moment; `changed` hears of each change and each answer
   */
  constructor(options = {}) {
    this.dryRun = options.dryRun ?? ((words) => ask("POST", "/moments?dry_run=true", words));
    this.changed = options.changed ?? (() => {});
    /** @type {Rule} */
    this.rule = "everyone";
    /** @type {Map<string, string>} what the node is told, and how it is called here */
    this.chosen = new Map();
    /** @type {Choice[]} */
    this.choices = [];
    /** @type {DryRun | null} the newest answer, if it is about what is chosen now */
    this.run = null;
    this.turn = 0;
    this.rules = el("div", { class: "chips", role: "radiogroup", "aria-label": t("audience.title"), onkeydown: (/** @type {KeyboardEvent} */ event) => this.step(event) });
    for (const rule of RULES) {
      this.rules.append(el("button", { class: "chip", type: "button", role: "radio", dataset: { rule }, onclick: () => this.choose(rule) }, t(`audience.rule.${rule}`)));
    }
    this.picked = el("div", { class: "chips", role: "group", "aria-label": t("audience.chosen") });
    this.search = /** @type {HTMLInputElement} */ (el("input", { type: "search", placeholder: t("audience.search"), "aria-label": t("audience.search"), oninput: () => this.show() }));
    this.found = el("div", { class: "chips", role: "group", "aria-label": t("audience.choices") });
    this.rest = el("p", { class: "hint" });
    this.names = el("div", { class: "stack", hidden: true }, this.picked, this.search, this.found, this.rest);
    this.sentence = el("div", { class: "hint readers", role: "status" });
    this.node = el("div", { class: "audience" }, this.rules, this.names, this.sentence);
    this.mark();
  }

  /** What the node is told. @returns {Words} */
  words() {
    const chosen = [...this.chosen.keys()];
    return { to: this.rule === "only" ? chosen : [], except: this.rule === "except" ? chosen : [], private: this.rule === "private" };
  }

  /** The choice in a few words. */
  label() {
    if (this.rule === "everyone" || this.rule === "private") return t(`audience.rule.${this.rule}`);
    const named = [...this.chosen.values()];
    if (named.length === 0) return t(`audience.rule.${this.rule}`);
    const who = named.length > 2 ? t("audience.several", { n: named.length }) : list(named);
    return t(`audience.label.${this.rule}`, { who });
  }

  /** Why it cannot be shared yet; empty if it can. */
  missing() {
    return this.needsNames() && this.chosen.size === 0 ? t("audience.missing") : "";
  }

  /** Whether somebody is among those who will be able to read it; undefined while that is not known. @param {string} id */
  reaches(id) {
    if (this.rule === "private") return false;
    return this.run?.people.some((person) => person.id === id);
  }

  /**
   * Chooses what was chosen before.
   * @param {Words} words
   */
  async restore(words) {
    const rule = words.private ? "private" : words.to.length > 0 ? "only" : words.except.length > 0 ? "except" : "everyone";
    if (words.to.length + words.except.length > 0) {
      await this.load();
      const known = new Map(this.choices.map((choice) => [choice.word, choice.label]));
      // Who is no friend any more is no choice any more.
      const still = [...words.to, ...words.except].filter((word) => known.has(word));
      this.chosen = new Map(still.map((word) => [word, known.get(word) ?? word]));
    }
    await this.choose(rule);
  }

  needsNames() {
    return this.rule === "only" || this.rule === "except";
  }

  mark() {
    for (const chip of this.rules.querySelectorAll("button")) {
      const isOn = chip.dataset.rule === this.rule;
      chip.setAttribute("aria-checked", String(isOn));
      chip.tabIndex = isOn ? 0 : -1;
    }
  }

  /** Arrow keys go through the rules. @param {KeyboardEvent} event */
  step(event) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const isTurned = event.key.startsWith("Arrow") && /Left|Right/.test(event.key) && document.dir === "rtl";
    const next = RULES[(RULES.indexOf(this.rule) + (isTurned ? -by : by) + RULES.length) % RULES.length];
    this.choose(next);
    /** @type {HTMLElement | null} */ (this.rules.querySelector(`[data-rule=${next}]`))?.focus();
  }

  /** @param {Rule} rule */
  async choose(rule) {
    this.rule = rule;
    this.mark();
    this.names.hidden = !this.needsNames();
    if (this.needsNames()) await this.offer();
    await this.explain();
  }

  /** Reads whom one can choose. */
  async load() {
    const [{ tags }, { friends }] = await Promise.all([ask("GET", "/tags"), ask("GET", "/friends")]);
    this.choices = [
      ...tags.map((/** @type {{name: string, friends: Person[]}} */ tag) => choice(`tag:${tag.name}`, tag.name, true, tag.friends.length)),
      ...friends.map((/** @type {import("../lib/api.js").Friend} */ friend) => choice(friend.id, friend.name, false, 0)),
    ];
  }

  async offer() {
    try {
      await this.load();
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error), true);
    }
    this.search.hidden = this.choices.length <= SHOWN;
    this.show();
  }

  /** Shows what is chosen and what fits the search. */
  show() {
    const wanted = fold(this.search.value.trim());
    const isOffered = (/** @type {Choice} */ one) => !wanted || one.folded.includes(wanted);
    const fitting = this.choices.filter(isOffered);
    this.found.replaceChildren(...fitting.slice(0, SHOWN).map((one) => this.chip(one)));
    const shown = new Set(fitting.slice(0, SHOWN).map((one) => one.word));
    const elsewhere = this.choices.filter((one) => this.chosen.has(one.word) && !shown.has(one.word));
    this.picked.replaceChildren(...elsewhere.map((one) => this.chip(one)));
    this.picked.hidden = elsewhere.length === 0;
    const more = fitting.length - SHOWN;
    this.rest.textContent = this.choices.length === 0 ? t("audience.nobody") : more > 0 ? t("audience.more", { n: more }) : fitting.length === 0 ? t("audience.none_found") : "";
    this.rest.hidden = this.rest.textContent === "";
  }

  /** @param {Choice} one */
  chip(one) {
    const count = one.isTag ? el("span", { class: "visually-hidden" }, t("audience.tag_of", { n: one.count })) : null;
    const chip = el("button", { class: one.isTag ? "chip tag" : "chip", type: "button", "aria-pressed": String(this.chosen.has(one.word)), onclick: () => {
      if (!this.chosen.delete(one.word)) this.chosen.set(one.word, one.label);
      chip.setAttribute("aria-pressed", String(this.chosen.has(one.word)));
      this.explain();
    } }, el("bdi", {}, one.label), count);
    return chip;
  }

  /** Says who will be able to read it; the newest answer counts. */
  async explain() {
    const mine = ++this.turn;
    this.run = null;
    this.changed();
    if (this.missing()) { this.say(this.missing()); return; }
    if (this.rule === "private") { this.say(t("audience.private")); return; }
    try {
      const run = await this.dryRun(this.words());
      if (mine !== this.turn) return;
      this.run = run;
      this.sentence.classList.remove("wrong");
      this.sentence.replaceChildren(...sentences(run));
      this.changed();
    } catch (error) {
      if (mine === this.turn) this.say(error instanceof Error ? error.message : String(error), true);
    }
  }

  /** @param {string} text @param {boolean} [isWrong] */
  say(text, isWrong = false) {
    this.sentence.classList.toggle("wrong", isWrong);
    this.sentence.replaceChildren(text);
  }
}

/** @param {string} word @param {string} label @param {boolean} isTag @param {number} count @returns {Choice} */
const choice = (word, label, isTag, count) => ({ word, label, isTag, folded: fold(label), count });

/** @param {DryRun} run */
function sentences(run) {
  const out = [el("p", {}, run.may_read === 0 ? t("audience.readers.none")
    : run.may_read <= NAMED ? t("audience.readers.named", { n: run.may_read, who: list(names(run.people)) }) : t("audience.readers", { n: run.may_read }))];
  if (run.may_read > NAMED) out.push(el("details", {}, el("summary", {}, t("audience.who")), el("p", { class: "all-names" }, list(names(run.people)))));
  if (run.left_out.length > 0) {
    const why = [...new Set(run.left_out.map((person) => person.why))];
    const rows = why.map((reason) => el("p", {}, t(LEFT_OUT[reason] ?? "audience.left.other_reason", { who: list(names(run.left_out.filter((person) => person.why === reason))) })));
    if (run.left_out.length <= NAMED) out.push(...rows);
    else out.push(el("details", {}, el("summary", {}, t("audience.left", { n: run.left_out.length })), el("div", { class: "all-names" }, ...rows)));
  }
  if (run.strangers > 0) out.push(el("p", {}, t("audience.strangers", { n: run.strangers })));
  return out;
}

const LEFT_OUT = /** @type {Record<string, import("../lib/words.js").Word>} */ ({
  "not included": "audience.left.not_included",
  excluded: "audience.left.excluded",
  "chats only": "audience.left.chats_only",
  "hidden from them": "audience.left.hidden",
});

/** @param {Person[]} people */
const names = (people) => people.map((person) => person.name).sort((a, b) => a.localeCompare(b));
