// @ts-check
/**
 * Moments as a list of cards, read page by page as one scrolls: somebody's, those that a search finds, favourites. The
 * timeline, which also grows at its top, is a part of its own.
 *
 * Pages far from the screen leave the document; their place is kept, so that nothing jumps.
 * @module
 */
import { during, el } from "../lib/dom.js";
import * as live from "../lib/live.js";
import { whoami } from "../lib/me.js";
import { t } from "../lib/words.js";
import { Card } from "./moment.js";
import { arrived } from "./photos.js";

/** @typedef {import("../lib/api.js").Moment} Moment */
/** @typedef {{moments: Moment[], next: string | null}} Page */

/**
 * @typedef {object} How
 * @property {(before: string | null) => Promise<Page>} read one page
 * @property {string} label what the list is to whoever hears the page
 * @property {() => Node} [empty] what stands there if there is no moment at all
 * @property {(card: Card) => void} [dress] a card has been made
 * @property {boolean} [isStepwise] `read` adds what it finds before it answers
 */

/** A page of the list: its moments, and their cards while they are near the screen. */
class Sheet {
  /** @param {Moment[]} moments */
  constructor(moments) {
    /** @type {Map<string, Moment>} */
    this.moments = new Map(moments.map((moment) => [moment.id, moment]));
    /** @type {Map<string, Card> | null} */
    this.cards = null;
    this.node = el("div", { class: "sheet" });
  }

  /** @param {(card: Card) => void} dress */
  show(dress) {
    if (this.cards) return;
    this.cards = new Map();
    for (const moment of this.moments.values()) {
      const card = new Card(moment, whoami().user);
      dress(card);
      this.cards.set(moment.id, card);
    }
    this.node.replaceChildren(...[...this.cards.values()].map((card) => card.node));
    this.node.style.blockSize = "";
  }

  hide() {
    // What is being written must not be lost.
    if (!this.cards || !this.node.isConnected || this.node.contains(document.activeElement) || this.node.querySelector("form, dialog")) return;
    this.node.style.blockSize = `${this.node.offsetHeight}px`;
    this.node.replaceChildren();
    this.cards = null;
  }
}

/** The list. */
export class Moments {
  /** @param {How} how */
  constructor(how) {
    this.how = how;
    /** @type {Sheet[]} */
    this.sheets = [];
    /** @type {string | null} */
    this.next = null;
    this.turn = 0;
    this.list = el("div", { role: "feed", "aria-label": how.label });
    this.nothing = el("div");
    this.older = el("button", { class: "older quiet", type: "button", hidden: true, onclick: () => this.more() }, t("timeline.more"));
    this.node = el("div", { class: "moments" }, this.nothing, this.list, this.older);
    this.end = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) this.more(); }, { rootMargin: "60%" });
    this.end.observe(this.older);
    this.near = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) {
        const sheet = this.sheets.find((one) => one.node === target);
        if (isIntersecting) sheet?.show((card) => how.dress?.(card));
        else sheet?.hide();
      }
    }, { rootMargin: "300%" });
    let isStale = false;
    this.offs = [
      live.on("interaction", (event) => this.put(event.moment)),
      live.on("withdrawn", (event) => this.remove(event.id)),
      live.on("delivery", (event) => this.patch(event.id, { delivery: event.delivery })),
      live.on("blob", (event) => arrived(event.id)),
      live.on("lost", () => { isStale = true; }),
      live.on("open", (event) => { if (event || isStale) this.begin().catch(() => {}); isStale = false; }),
    ];
  }

  /** Reads the first page; what is there goes. */
  async begin() {
    const mine = ++this.turn;
    if (this.how.isStepwise) this.clear();
    const page = await this.how.read(null);
    if (mine !== this.turn) return;
    if (!this.how.isStepwise) this.clear();
    this.add(page);
  }

  clear() {
    this.near.disconnect();
    this.sheets = [];
    this.list.replaceChildren();
  }

  more() {
    if (!this.next || this.older.hasAttribute("disabled")) return;
    const mine = this.turn;
    during(this.older, async () => {
      const page = await this.how.read(this.next);
      if (mine === this.turn) this.add(page);
    });
  }

  /** @param {Page} page */
  add(page) {
    if (page.moments.length > 0) {
      const sheet = new Sheet(page.moments);
      sheet.show((card) => this.how.dress?.(card));
      this.sheets.push(sheet);
      this.list.append(sheet.node);
      this.near.observe(sheet.node);
    }
    this.next = page.next;
    this.older.hidden = !page.next;
    this.judge();
  }

  /** How many there are. */
  count() {
    return this.sheets.reduce((sum, sheet) => sum + sheet.moments.size, 0);
  }

  judge() {
    const isEmpty = this.count() === 0 && !this.next;
    this.nothing.replaceChildren(...(isEmpty && this.how.empty ? [this.how.empty()] : []));
  }

  /**
   * Brings a moment up to date, if it is in the list.
   * @param {Moment} moment
   */
  put(moment) {
    for (const sheet of this.sheets) {
      if (!sheet.moments.has(moment.id)) continue;
      sheet.moments.set(moment.id, moment);
      sheet.cards?.get(moment.id)?.update(moment);
    }
  }

  /**
   * @param {string} id
   * @param {Partial<Moment>} change
   */
  patch(id, change) {
    const known = this.sheets.map((sheet) => sheet.moments.get(id)).find(Boolean);
    if (known) this.put({ ...known, ...change });
  }

  /** @param {string} id */
  remove(id) {
    for (const sheet of this.sheets) {
      sheet.moments.delete(id);
      sheet.cards?.get(id)?.node.remove();
      sheet.cards?.delete(id);
    }
    this.judge();
  }

  /** It will not be shown again. */
  close() {
    this.turn++;
    this.end.disconnect();
    this.near.disconnect();
    for (const off of this.offs) off();
  }
}
