// @ts-check
/**
 * Moments beneath each other, newest first, as many as there are: only what is near the screen is in the document. What is
 * far leaves it, its cards with their listeners and pictures, and its height stays behind as empty room; scrolled back to,
 * it is read again by its cursor. What changes meanwhile is changed in place, and what is new waits above until it is
 * asked for, unless the top is on screen.
 *
 * Invariants: chunks lie beneath each other without a gap, each from its cursor to its last moment; every moment between
 * the first and the last chunk belongs to exactly one; only live chunks have cards.
 * @module
 */
import { el } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { Card } from "./moment.js";

/** @typedef {import("../lib/api.js").Moment} Moment */
/** @typedef {{created_at: string, id: string}} Place where a moment stands in the order */

/** How many moments are read, come and go together. */
const CHUNK = 10;
/** What lies within this many windows of the screen is read, and what lies beyond the other is let go. */
const [NEAR, FAR] = [1.5, 3];
/** So many new ones are kept to be shown at once; beyond, the list begins anew at its top. */
const WAITING = 40;

/** A run of moments, in the document or not. */
class Chunk {
  /**
   * @param {string | null} before its cursor; null at the top
   * @param {Place | null} end its last moment; null if there are none beneath it
   */
  constructor(before, end) {
    this.before = before;
    this.end = end;
    this.count = 0;
    this.height = 0;
    this.isReading = false;
    /** @type {Map<string, Card> | null} null while it is not in the document */
    this.cards = null;
    /** @type {HTMLElement | undefined} */
    this.made = undefined;
    /** @type {HTMLElement | undefined} */
    this.room = undefined;
  }

  /** Its element. Made when first wanted: of thousands that are not in the document none is kept. */
  get node() {
    return (this.made ??= el("div", { class: "chunk" }));
  }

  /** The room of those above it that are not in the document. */
  get space() {
    return (this.room ??= el("div", { "aria-hidden": "true" }));
  }

  /** Leaves the document. */
  leave() {
    this.made?.remove();
    this.room?.remove();
    this.made = this.room = undefined;
  }

  /** Whether a moment belongs here or further up. @param {Place} moment */
  reaches(moment) {
    return this.end === null || !precedes(this.end, moment);
  }
}

/** The list. */
export class Feed {
  /**
   * @param {{me: string, label: string, read: (before: string | null, limit: number) => Promise<{moments: Moment[], next: string | null}>,
   *   onCount?: (isEmpty: boolean) => void}} options
   */
  constructor({ me, label, read, onCount }) {
    this.me = me;
    this.read = read;
    // A feed without a moment would promise what is not there to whoever hears the page.
    this.onCount = (/** @type {boolean} */ isEmpty) => { this.list.hidden = isEmpty; onCount?.(isEmpty); };
    /** @type {Chunk[]} */
    this.chunks = [];
    /** @type {string | null} */
    this.next = null;
    this.isReading = false;
    this.isRead = false;
    /** Reading failed: it is not tried again by itself until somebody asks or the node is back. */
    this.isStuck = false;
    /** @type {Place | undefined} the newest that was shown */
    this.top = undefined;
    /** @type {{node: HTMLElement, top: number} | undefined} what was at the top of the screen when the page was left */
    this.held = undefined;
    /** @type {Map<string, Moment>} new ones that are not shown yet */
    this.waiting = new Map();
    /** Answers that are awaited: what they show may be older than what events said in the meantime. */
    this.awaited = 0;
    /** @type {Map<string, Moment | null>} what events said in the meantime; null for what was withdrawn */
    this.meanwhile = new Map();
    this.tail = el("div", { "aria-hidden": "true" });
    this.list = el("div", { class: "feed", role: "feed", "aria-label": label, "aria-busy": "false" }, this.tail);
    this.foot = el("div", { class: "foot", role: "status", hidden: true });
    this.pill = el("button", { class: "pill", type: "button", hidden: true, onclick: () => this.showNew() });
    this.node = el("div", {}, el("div", { role: "status" }, this.pill), this.list, this.foot);
    this.list.addEventListener("keydown", (event) => this.key(event));
    let isAsked = false;
    this.settleSoon = () => {
      if (isAsked) return;
      isAsked = true;
      requestAnimationFrame(() => { isAsked = false; this.settle(); });
    };
    window.addEventListener("scroll", this.settleSoon, { passive: true });
    window.addEventListener("resize", this.settleSoon);
  }

  close() {
    window.removeEventListener("scroll", this.settleSoon);
    window.removeEventListener("resize", this.settleSoon);
  }

  /** Page up and down go from moment to moment, as in every feed. @param {KeyboardEvent} event */
  key(event) {
    const step = { PageDown: 1, PageUp: -1 }[event.key];
    const all = this.cards();
    const at = all.findIndex(({ node }) => node.contains(document.activeElement));
    const to = step === undefined || at < 0 || event.target instanceof HTMLInputElement ? undefined : all[at + step]?.node;
    if (!to) return;
    event.preventDefault();
    to.focus({ preventScroll: true });
    to.scrollIntoView({ block: "start" });
  }

  /** The page goes: remembers what is at the top of the screen, as what lies above may change meanwhile. */
  hidden() {
    const card = this.cards().find(({ node }) => node.getBoundingClientRect().bottom > 0);
    this.held = card && { node: card.node, top: card.node.getBoundingClientRect().top };
  }

  /** It is back: the same stands where it stood. */
  shown() {
    const { held } = this;
    requestAnimationFrame(() => {
      if (held?.node.isConnected && window.scrollY > 0) window.scrollBy({ top: held.node.getBoundingClientRect().top - held.top, behavior: "instant" });
      this.settle();
    });
  }

  /** Reads what is shown, or reads it anew: cards stay and are brought up to date. */
  async load() {
    this.isStuck = false;
    if (!this.isRead) { await this.older(); return; }
    const isTopThere = this.chunks[0]?.cards !== null;
    for (const chunk of this.chunks.filter((one) => one.cards)) await this.fill(chunk);
    if (!isTopThere) for (const moment of (await this.read(null, CHUNK)).moments) this.put(moment);
    this.settle();
  }

  /** One more chunk at the end. */
  async older() {
    if (this.isReading || (this.isRead && !this.next)) return;
    this.isReading = true;
    this.list.setAttribute("aria-busy", "true");
    // At the very first it would only be pushed away by what it announces.
    this.foot.hidden = !this.isRead;
    this.foot.replaceChildren(el("span", { class: "hint" }, t("timeline.reading")));
    try {
      const before = this.next;
      await this.reading(async () => {
        const page = await this.read(before, CHUNK);
        const last = page.moments.at(-1);
        const chunk = new Chunk(before, page.next && last ? placeOf(last) : null);
        this.next = page.next;
        this.isRead = true;
        this.chunks.push(chunk);
        this.show(chunk, page.moments);
      });
      this.foot.hidden = false;
      this.foot.replaceChildren(...(this.next || this.cardCount() === 0 ? [] : [el("span", { class: "hint" }, t("timeline.end"))]));
      this.onCount(this.cardCount() === 0);
    } catch (error) {
      this.isStuck = true;
      this.foot.hidden = false;
      this.foot.replaceChildren(el("p", { class: "wrong" }, error instanceof Error ? error.message : String(error)),
        el("button", { class: "quiet", type: "button", onclick: () => { this.isStuck = false; this.older(); } }, t("timeline.more")));
      return;
    } finally {
      this.isReading = false;
      this.list.setAttribute("aria-busy", "false");
    }
    this.settleSoon();
  }

  cardCount() {
    return this.chunks.reduce((sum, chunk) => sum + chunk.count, 0);
  }

  /**
   * Reads a chunk anew, from its cursor to its last moment, whatever came or went in between.
   * @param {Chunk} chunk
   * @param {boolean} [withNew] whether moments above all that was shown are shown too
   */
  async fill(chunk, withNew = false) {
    if (chunk.isReading) return;
    chunk.isReading = true;
    await this.reading(() => this.readAnew(chunk, withNew)).finally(() => { chunk.isReading = false; });
  }

  /** @param {Chunk} chunk @param {boolean} withNew */
  async readAnew(chunk, withNew) {
    /** @type {Moment[]} */
    const moments = [];
    for (let before = chunk.before, isWhole = false; !isWhole;) {
      const page = await this.read(before, Math.max(CHUNK, chunk.count));
      moments.push(...page.moments.filter((moment) => chunk.reaches(moment)));
      isWhole = !page.next || page.moments.some((moment) => !chunk.reaches(moment) || moment.id === chunk.end?.id);
      before = page.next;
    }
    const isNew = (/** @type {Moment} */ moment) => !withNew && chunk === this.chunks[0] && this.top !== undefined && precedes(moment, this.top);
    if (this.chunks.includes(chunk)) this.show(chunk, moments.filter((moment) => !isNew(moment)));
    for (const moment of moments) if (isNew(moment)) this.place(moment);
  }

  /**
   * Reads and shows something, and does then once more what events said in the meantime: the answer may have been given
   * before they happened, and come after they were told.
   * @param {() => Promise<void>} work
   */
  async reading(work) {
    this.awaited++;
    try {
      await work();
    } finally {
      this.awaited--;
      if (this.awaited === 0) {
        const meanwhile = [...this.meanwhile];
        this.meanwhile.clear();
        for (const [id, moment] of meanwhile) if (moment) this.place(moment); else this.remove(id);
      }
    }
  }

  /**
   * Puts a chunk into the document, or brings it up to date.
   * @param {Chunk} chunk
   * @param {Moment[]} moments in their order
   */
  show(chunk, moments) {
    this.keepingPlace(() => {
      const ids = new Set(moments.map((moment) => moment.id));
      if (!chunk.cards) {
        chunk.cards = new Map();
        const below = this.chunks.slice(this.chunks.indexOf(chunk) + 1).find((one) => one.cards);
        (below?.space ?? this.tail).before(chunk.space, chunk.node);
      }
      for (const [id, card] of [...chunk.cards]) if (!ids.has(id)) { card.node.remove(); chunk.cards.delete(id); }
      for (const moment of moments) this.card(chunk, moment);
      this.arrange();
    });
  }

  /**
   * A card in its place.
   * @param {Chunk} chunk a live one
   * @param {Moment} moment
   */
  card(chunk, moment) {
    const cards = /** @type {Map<string, Card>} */ (chunk.cards);
    const known = cards.get(moment.id);
    if (known) { known.update(moment); return known; }
    const card = new Card(moment, this.me, { onGone: () => this.remove(moment.id) });
    card.node.tabIndex = -1;
    const after = [...cards.values()].find((other) => precedes(moment, other.moment));
    chunk.node.insertBefore(card.node, after?.node ?? null);
    cards.set(moment.id, card);
    if (after) chunk.cards = new Map([...cards].sort(([, a], [, b]) => (precedes(a.moment, b.moment) ? -1 : 1)));
    chunk.count = cards.size;
    if (chunk === this.chunks[0] && (!this.top || precedes(moment, this.top))) this.top = placeOf(moment);
    return card;
  }

  /** @param {Chunk} chunk @param {number} height */
  park(chunk, height) {
    chunk.height = height;
    chunk.count = chunk.cards?.size ?? 0;
    chunk.cards = null;
    chunk.leave();
    this.arrange();
  }

  /** Gives what is not in the document its room. */
  arrange() {
    let room = 0;
    for (const chunk of this.chunks) {
      if (chunk.cards) { chunk.space.style.height = `${room}px`; room = 0; } else room += chunk.height;
    }
    this.tail.style.height = `${room}px`;
  }

  /** Reads what is near the screen and lets go what is far from it. */
  settle() {
    if (!this.node.isConnected || this.chunks.length === 0) return;
    const tall = window.innerHeight;
    const isWithin = (/** @type {number} */ from, /** @type {number} */ size, /** @type {number} */ windows) =>
      from < (1 + windows) * tall && from + size > -windows * tall;
    let y = this.list.getBoundingClientRect().top;
    /** @type {[Chunk, number][]} */
    const far = [];
    for (const chunk of this.chunks) {
      const size = chunk.cards ? chunk.node.getBoundingClientRect().height : chunk.height;
      if (!chunk.cards && isWithin(y, size, NEAR)) this.fill(chunk).then(this.settleSoon, () => {});
      else if (chunk.cards && !isWithin(y, size, FAR) && ![...chunk.cards.values()].some((card) => card.isBusy())) far.push([chunk, size]);
      y += size;
    }
    for (const [chunk, size] of far) this.park(chunk, size);
    if (this.next && !this.isStuck && y < (1 + NEAR) * tall) this.older();
    if (this.waiting.size > 0 && this.isAtTop()) this.showNew();
  }

  /** Whether somebody looks at the top, and writes nothing that would move away from under their hands. */
  isAtTop() {
    const isWriting = this.list.contains(document.activeElement) && document.activeElement?.matches("input, textarea");
    // Where there is none yet, all that is seen is the top.
    return this.node.isConnected && !isWriting && (this.list.hidden || this.list.getBoundingClientRect().top > 0);
  }

  /**
   * A moment came, or changed.
   * @param {Moment} moment
   * @param {boolean} [isOwn] it was made here: then it is shown at once
   */
  put(moment, isOwn = false) {
    if (this.awaited > 0) this.meanwhile.set(moment.id, moment);
    this.place(moment, isOwn);
  }

  /** @param {Moment} moment @param {boolean} [isOwn] */
  place(moment, isOwn = false) {
    const chunk = this.chunks.find((one) => one.reaches(moment));
    if (!this.isRead || !chunk) return;
    const isKnown = chunk.cards?.has(moment.id);
    // Its event may have come first, and with it news of its delivery that the answer does not know.
    if (isKnown && isOwn) return;
    const isNew = chunk === this.chunks[0] && (!this.top || precedes(moment, this.top));
    if (!isKnown && isNew && !(chunk.cards && (isOwn || this.isAtTop()))) {
      this.waiting.set(moment.id, moment);
      this.tell();
    } else if (chunk.cards) {
      const card = this.card(chunk, moment);
      if (!isKnown && isNew) { appear(card.node); this.split(); }
      this.onCount(false);
    }
  }

  /** @param {string} id */
  find(id) {
    for (const chunk of this.chunks) {
      const card = chunk.cards?.get(id);
      if (card) return card;
    }
    return undefined;
  }

  /** Every card that is in the document. */
  cards() {
    return this.chunks.flatMap((chunk) => [...(chunk.cards?.values() ?? [])]);
  }

  /** @param {string} id */
  remove(id) {
    if (this.awaited > 0) this.meanwhile.set(id, null);
    if (this.waiting.delete(id)) this.tell();
    for (const chunk of this.chunks) {
      const card = chunk.cards?.get(id);
      if (!card) continue;
      card.node.remove();
      chunk.cards?.delete(id);
      chunk.count--;
    }
    if (this.isRead) this.onCount(this.cardCount() === 0);
    this.settleSoon();
  }

  /** Says how many wait. */
  tell() {
    const n = this.waiting.size;
    this.pill.hidden = n === 0;
    this.pill.textContent = n === 0 ? "" : t("timeline.new", { n });
  }

  /** Shows what waits, at the top. */
  async showNew() {
    const [top] = this.chunks;
    const waiting = [...this.waiting.values()];
    const isPressed = document.activeElement === this.pill;
    this.waiting.clear();
    this.tell();
    if (waiting.length > WAITING) await this.anew();
    else if (top?.cards) for (const moment of waiting) appear(this.card(top, moment).node);
    else if (top) await this.fill(top, true).catch(() => this.anew());
    if (isPressed || !this.isAtTop()) window.scrollTo({ top: 0 });
    if (isPressed) this.cards()[0]?.node.focus({ preventScroll: true });
    this.onCount(this.cardCount() === 0);
    await this.split();
    this.settleSoon();
  }

  /** The list from its top, as if it was opened now. */
  async anew() {
    for (const chunk of this.chunks) if (chunk.cards) this.park(chunk, 0);
    Object.assign(this, { chunks: [], next: null, isRead: false, top: undefined });
    this.arrange();
    await this.older();
  }

  /** A top that has grown becomes two chunks, where the node says that a page ends. */
  async split() {
    const [top] = this.chunks;
    if (!top?.cards || top.count <= 3 * CHUNK || top.isReading) return;
    top.isReading = true;
    try {
      const page = await this.read(null, CHUNK);
      const last = page.moments.at(-1);
      if (!top.cards || !page.next || !last || !top.reaches(last) || last.id === top.end?.id) return;
      const rest = new Chunk(page.next, top.end);
      rest.cards = new Map([...top.cards].filter(([, card]) => precedes(last, card.moment)));
      top.end = placeOf(last);
      for (const [id, card] of rest.cards) { top.cards.delete(id); rest.node.append(card.node); }
      [top.count, rest.count] = [top.cards.size, rest.cards.size];
      this.chunks.splice(1, 0, rest);
      top.node.after(rest.space, rest.node);
    } catch {
      // It stays one: the next that comes tries again.
    } finally {
      top.isReading = false;
    }
  }

  /**
   * Changes the document without moving what is on screen. Browsers that hold on to it themselves are left alone.
   * @param {() => void} work
   */
  keepingPlace(work) {
    const held = CSS.supports("overflow-anchor", "auto") ? undefined : this.cards().find(({ node }) => node.getBoundingClientRect().bottom > 0);
    const before = held?.node.getBoundingClientRect().top ?? 0;
    work();
    if (held?.node.isConnected) window.scrollBy({ top: held.node.getBoundingClientRect().top - before, behavior: "instant" });
  }
}

/**
 * Once: what comes back into the document with its page is not new.
 * @param {HTMLElement} node
 */
function appear(node) {
  node.classList.add("new");
  for (const kind of ["animationend", "animationcancel"]) node.addEventListener(kind, () => node.classList.remove("new"), { once: true });
}

/**
 * Where a moment stands, and nothing else of it: what is kept of thousands.
 * @param {Moment} moment
 * @returns {Place}
 */
const placeOf = ({ created_at, id }) => ({ created_at, id });

/**
 * Whether `a` stands above `b`.
 * @param {Place} a
 * @param {Place} b
 */
function precedes(a, b) {
  return a.created_at === b.created_at ? a.id > b.id : a.created_at > b.created_at;
}
