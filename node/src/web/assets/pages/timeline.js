// @ts-check
/**
 * The timeline: newest first, older pages as one scrolls, changes in place.
 * @module
 */
import { ask } from "../lib/api.js";
import { during, el, notice } from "../lib/dom.js";
import * as live from "../lib/live.js";
import { whoami } from "../lib/me.js";
import { t } from "../lib/words.js";
import { composer } from "../parts/composer.js";
import { Card } from "../parts/moment.js";
import { People } from "../parts/people.js";
import { arrived } from "../parts/photos.js";

const PAGE = 20;

/** @typedef {import("../lib/api.js").Moment} Moment */

/** @returns {Promise<import("../lib/router.js").Page>} */
export async function open() {
  const timeline = new Timeline(whoami().user);
  const people = new People();
  const load = () => { Promise.all([timeline.load(), people.load()]).catch((error) => notice(error.message)); };
  live.on("open", load);
  live.on("moment", (event) => timeline.put(event.moment, true));
  live.on("interaction", (event) => timeline.put(event.moment, false));
  live.on("withdrawn", (event) => timeline.remove(event.id));
  live.on("delivery", (event) => timeline.deliver(event.id, event.delivery));
  live.on("blob", (event) => arrived(event.id));
  for (const kind of ["friend", "unfriended", "request"]) live.on(kind, () => { people.load().catch(() => {}); });
  return {
    title: t("nav.moments"),
    node: el("div", { class: "frame" },
      el("div", {}, el("h1", { class: "visually-hidden" }, t("nav.moments")), composer((moment) => timeline.posted(moment)), timeline.node),
      people.node),
  };
}

/** The list of cards. */
export class Timeline {
  /** @param {string} me my user id */
  constructor(me) {
    this.me = me;
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    /** @type {string | null} */
    this.next = null;
    this.list = el("div", { role: "feed", "aria-label": "Moments" });
    this.empty = el("div", { class: "empty", hidden: true }, el("h2", {}, "Nothing here yet"),
      el("p", {}, "Share a first moment, or invite a friend: what they share appears here by itself."));
    this.older = el("button", { class: "older quiet", type: "button", hidden: true, onclick: () => this.more() }, "Older moments");
    this.node = el("div", {}, this.empty, this.list, this.older);
    new IntersectionObserver((entries) => { if (entries.some((e) => e.isIntersecting)) this.more(); }, { rootMargin: "60%" }).observe(this.older);
  }

  /** Reads the first page anew. Cards that are on screen stay and are brought up to date. */
  async load() {
    const page = await ask("GET", `/timeline?limit=${PAGE}`);
    const known = new Set(page.moments.map((/** @type {Moment} */ moment) => moment.id));
    const oldest = page.moments.at(-1)?.created_at ?? "";
    for (const [id, card] of this.cards) if (!known.has(id) && card.moment.created_at >= oldest) this.remove(id);
    for (const moment of page.moments) this.put(moment, false);
    if (this.cards.size <= page.moments.length) this.turn(page.next);
    this.empty.hidden = this.cards.size > 0;
  }

  more() {
    if (!this.next || this.older.hasAttribute("disabled")) return;
    during(this.older, async () => {
      const page = await ask("GET", `/timeline?limit=${PAGE}&before=${encodeURIComponent(this.next ?? "")}`);
      for (const moment of page.moments) this.put(moment, false);
      this.turn(page.next);
    });
  }

  /** @param {string | null} next */
  turn(next) {
    this.next = next;
    this.older.hidden = !next;
  }

  /**
   * Shows a moment, or brings it up to date.
   * @param {Moment} moment
   * @param {boolean} isNew
   */
  put(moment, isNew) {
    const known = this.cards.get(moment.id);
    if (known) { known.update(moment); return; }
    const card = new Card(moment, this.me);
    if (isNew) card.node.classList.add("new");
    const after = [...this.cards.values()].filter((other) => precedes(moment, other.moment)).sort((a, b) => (precedes(a.moment, b.moment) ? -1 : 1))[0];
    this.list.insertBefore(card.node, after?.node ?? null);
    this.cards.set(moment.id, card);
    this.empty.hidden = true;
  }

  /**
   * I posted it here. Its event may have come first, and with it news of its delivery that the answer does not know.
   * @param {Moment} moment
   */
  posted(moment) {
    if (!this.cards.has(moment.id)) this.put(moment, true);
  }

  /** @param {string} id */
  remove(id) {
    this.cards.get(id)?.node.remove();
    this.cards.delete(id);
    this.empty.hidden = this.cards.size > 0;
  }

  /**
   * @param {string} id
   * @param {{may_read: number, have: number}} delivery
   */
  deliver(id, delivery) {
    const card = this.cards.get(id);
    if (card) card.update({ ...card.moment, delivery });
  }
}

/**
 * Whether `a` stands above `b`.
 * @param {Moment} a
 * @param {Moment} b
 */
function precedes(a, b) {
  return a.created_at === b.created_at ? a.id > b.id : a.created_at > b.created_at;
}
