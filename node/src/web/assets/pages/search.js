// @ts-check
/**
 * Search: words, a person, a month, a place. What is looked for is remembered with its entry in the history, so that going
 * back shows it again, and stands in no address: a browser keeps addresses.
 *
 * The node looks at so many moments in a step and says how far back that went: results come as they are found, and one can
 * stop. Nothing is asked of anybody else.
 * @module
 */
import { ask } from "../lib/api.js";
import { el, icon } from "../lib/dom.js";
import * as friends from "../lib/friends.js";
import { mark, wordsOf } from "../lib/hits.js";
import { whoami } from "../lib/me.js";
import { askedFor, go, hide } from "../lib/router.js";
import { language, t } from "../lib/words.js";
import { Moments } from "../parts/moments.js";

/** Moments that the node looks at in one step. */
const LOOK = 2000;
/** How many are shown before one asks for more by scrolling. */
const PAGE = 20;

const back = new Intl.DateTimeFormat(language, { month: "long", year: "numeric" });

/** @typedef {import("../lib/api.js").Moment} Moment */
/** @typedef {{q: string, from: string, month: string, place: string}} Sought */

/**
 * @param {URLSearchParams} query
 * @param {string} key of the entry in the history
 * @returns {Promise<import("../lib/router.js").Page>}
 */
export async function open(query, key) {
  const given = { q: query.get("q") ?? "", from: query.get("from") ?? "", month: query.get("month") ?? "", place: query.get("place") ?? "" };
  if (Object.values(given).some(Boolean)) hide(key, "/search", given);
  /** @type {Sought} */
  const sought = askedFor(key) ?? given;
  await friends.known().catch(() => {});
  const isAsked = Object.values(sought).some(Boolean);
  const search = isAsked ? new Search(sought) : null;
  const form = searchForm(sought);
  const node = el("div", { class: "page search-page" }, el("h1", {}, t("search.title")), form,
    search ? search.node : el("p", { class: "hint" }, t("search.what")));
  let isNew = true;
  search?.begin();
  return {
    title: t("nav.search"),
    node,
    shown: () => { if (isNew && !isAsked) setTimeout(() => form.querySelector("input")?.focus()); isNew = false; },
    closed: () => search?.close(),
  };
}

/** @param {Sought} sought */
function searchForm(sought) {
  const words = /** @type {HTMLInputElement} */ (el("input", { type: "search", id: "search-words", value: sought.q, maxlength: 256, enterkeyhint: "search", placeholder: t("search.example") }));
  const person = /** @type {HTMLSelectElement} */ (el("select", { id: "search-person" },
    el("option", { value: "" }, t("search.anybody")), el("option", { value: "me" }, t("search.me")),
    ...friends.all().map((friend) => el("option", { value: friend.id }, friend.name))));
  person.value = sought.from;
  const month = /** @type {HTMLInputElement} */ (el("input", { type: "month", id: "search-month", value: sought.month, pattern: "[0-9]{4}-[0-9]{2}", placeholder: "2026-11" }));
  const place = /** @type {HTMLInputElement} */ (el("input", { type: "text", id: "search-place", value: sought.place, maxlength: 200 }));
  const field = (/** @type {HTMLElement} */ input, /** @type {string} */ label) => el("div", { class: "field" }, el("label", { for: input.id }, label), input);
  const wrong = el("p", { class: "wrong", role: "alert" });
  const more = el("details", { open: Boolean(sought.from || sought.month || sought.place) }, el("summary", {}, t("search.more")),
    el("div", { class: "search-more" }, field(person, t("search.person")), field(month, t("search.month")), field(place, t("search.place"))));
  const form = el("form", { class: "panel search-form", role: "search", autocomplete: "off" },
    el("div", { class: "row" }, el("label", { for: "search-words", class: "visually-hidden" }, t("search.words")), el("span", { class: "grow" }, words),
      el("button", { class: "main", type: "submit" }, icon("search"), t("search.go"))), more, wrong);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const asked = { q: words.value.trim(), from: person.value, month: month.value, place: place.value.trim() };
    if (!Object.values(asked).some(Boolean)) { wrong.textContent = t("search.nothing_asked"); words.focus(); return; }
    go("/search", asked);
  });
  return form;
}

/** A search under way. */
class Search {
  /** @param {Sought} sought */
  constructor(sought) {
    this.sought = sought;
    this.words = wordsOf(`${sought.q} ${sought.place}`);
    this.isStopped = false;
    this.isBusy = false;
    /** @type {string | null} where the node goes on */
    this.next = null;
    this.said = el("p", { class: "hint", role: "status" });
    this.wrong = el("p", { class: "wrong", role: "alert" });
    this.stop = el("button", { class: "quiet", type: "button", onclick: () => { this.isStopped = true; } }, t("search.stop"));
    this.on = el("button", { type: "button", hidden: true, onclick: () => this.begin() }, t("search.on"));
    this.results = new Moments({ label: t("search.results"), isStepwise: true, read: (before) => this.page(before), dress: (card) => mark(card.node, this.words) });
    this.nothing = el("div");
    this.node = el("div", { class: "search-results" }, el("div", { class: "row" }, el("span", { class: "grow" }, this.said), this.stop, this.on), this.wrong, this.nothing, this.results.node);
    this.isClosed = false;
  }

  /** From the beginning, or on from where it was stopped. */
  async begin() {
    this.isStopped = false;
    if (this.next) await this.run(async () => this.results.add(await this.page(this.next)));
    else await this.run(() => this.results.begin());
  }

  /** @param {() => Promise<void>} work */
  async run(work) {
    this.wrong.textContent = "";
    try {
      await work();
    } catch (error) {
      if (this.isClosed) return;
      this.wrong.textContent = error instanceof Error ? error.message : String(error);
      this.busy(false);
      this.said.textContent = "";
    }
  }

  /**
   * Steps until a page is full, nothing is left, or somebody stops it. What is found comes on screen with each step.
   * @param {string | null} before
   */
  async page(before) {
    this.next = before;
    /** @type {Moment[]} */
    let found = [];
    let shown = 0;
    this.busy(true);
    for (;;) {
      const step = await ask("GET", `/timeline?${this.query()}`);
      if (this.isClosed) return { moments: [], next: null };
      this.next = step.next;
      found.push(...step.moments.filter((/** @type {Moment} */ moment) => this.isThere(moment)));
      shown += step.moments.length;
      const isOver = !step.next || this.isStopped || shown >= PAGE;
      if (isOver) break;
      if (found.length > 0) { this.results.add({ moments: found, next: null }); found = []; }
      if (step.reached) this.said.textContent = t("search.looking", { month: back.format(new Date(step.reached)), n: this.results.count() });
    }
    this.busy(false);
    const n = this.results.count() + found.length;
    this.said.textContent = this.isStopped && this.next ? t("search.stopped", { n }) : this.next ? t("search.found_so_far", { n }) : t("search.found", { n });
    this.on.hidden = !(this.isStopped && this.next);
    this.nothing.replaceChildren(...(n === 0 && !this.next ? [this.waysOn()] : []));
    return { moments: found, next: this.isStopped ? null : this.next };
  }

  query() {
    const { q, from, month, place } = this.sought;
    const asked = new URLSearchParams({ limit: String(PAGE), look: String(LOOK) });
    const search = [q, place].filter(Boolean).join(" ");
    if (search) asked.set("search", search);
    if (from) asked.set("from", from === whoami().user ? "me" : from);
    const [, year, number] = /^(\d{4})-(\d{2})$/.exec(month) ?? [];
    if (year) {
      // A month as it is here, not that of UTC.
      asked.set("since", new Date(Number(year), Number(number) - 1, 1).toISOString());
      asked.set("until", new Date(new Date(Number(year), Number(number), 1).getTime() - 1).toISOString());
    }
    if (this.next) asked.set("before", this.next);
    return asked;
  }

  /**
   * The node finds the words of a place wherever they stand; here they have to stand in the place.
   * @param {Moment} moment
   */
  isThere(moment) {
    const name = wordsOf(moment.place?.name ?? "").join(" ");
    return wordsOf(this.sought.place).every((word) => name.includes(word));
  }

  /** @param {boolean} isBusy */
  busy(isBusy) {
    this.stop.hidden = !isBusy;
    this.results.list.setAttribute("aria-busy", String(isBusy));
    if (isBusy) { this.on.hidden = true; this.said.textContent = t("search.begun"); }
  }

  waysOn() {
    const { q, from, month, place } = this.sought;
    return el("div", { class: "empty" }, el("h2", {}, t("search.none")), el("p", {}, t("search.none.ways")),
      q && (from || month || place) ? el("button", { type: "button", onclick: () => go("/search", { q, from: "", month: "", place: "" }) }, t("search.none.everywhere", { words: q })) : null);
  }

  close() {
    this.isClosed = true;
    this.results.close();
  }
}
