// @ts-check
/**
 * Somebody's moments by month, as small pictures. Every month has its place from the beginning; what is in it is read when
 * it comes near the screen and let go of when it is far again, so that an album of years stays light and never jumps.
 *
 * Months are those of UTC, as the node counts them.
 * @module
 */
import { ask, blob } from "../lib/api.js";
import { el, icon } from "../lib/dom.js";
import * as live from "../lib/live.js";
import { paint } from "../lib/thumbhash.js";
import { language, t } from "../lib/words.js";

/** @typedef {import("../lib/api.js").Moment} Moment */
/** @typedef {{month: string, moments: number}} Count */

/** Tiles in a row, as in the styles. */
const ACROSS = 3;
/** Moments in one answer. */
const PAGE = 60;

const monthName = new Intl.DateTimeFormat(language, { month: "long", year: "numeric", timeZone: "UTC" });
const shortMonth = new Intl.DateTimeFormat(language, { month: "short", timeZone: "UTC" });
const yearName = new Intl.DateTimeFormat(language, { year: "numeric", timeZone: "UTC" });
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "long" });

/** @param {string} month `2026-11` */
const dateOf = (month) => new Date(`${month}-15T00:00:00Z`);

/** A month of the album. */
class Month {
  /**
   * @param {string} from whose
   * @param {Count} count
   */
  constructor(from, count) {
    this.from = from;
    this.month = count.month;
    this.turn = 0;
    this.isNear = false;
    this.count = 0;
    this.head = el("h3", { tabindex: "-1" });
    this.tiles = el("div", { class: "tiles" });
    this.wrong = el("p", { class: "wrong", role: "alert" });
    this.node = el("section", { class: "month", dataset: { month: count.month } }, this.head, this.tiles, this.wrong);
    this.set(count.moments);
  }

  /** @param {number} count */
  set(count) {
    if (count === this.count) return;
    this.count = count;
    this.head.replaceChildren(monthName.format(dateOf(this.month)), " ", el("small", { class: "hint" }, t("person.count", { n: count })));
    // Its place on the page, before anything of it is here.
    this.tiles.style.aspectRatio = `${ACROSS} / ${Math.ceil(count / ACROSS)}`;
  }

  /** It has come near the screen, or what it holds has changed. */
  async fill() {
    const mine = ++this.turn;
    const all = /** @type {HTMLElement[]} */ ([]);
    try {
      for (let before = ""; ;) {
        const page = await ask("GET", `/album?from=${this.from}&month=${this.month}&limit=${PAGE}${before && `&before=${before}`}`);
        if (mine !== this.turn) return;
        all.push(...page.moments.map(tile));
        if (!page.next) break;
        before = page.next;
      }
      this.tiles.replaceChildren(...all);
      this.tiles.style.aspectRatio = "";
      this.wrong.textContent = "";
    } catch (error) {
      this.wrong.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  /** It is far from the screen. */
  empty() {
    this.turn++;
    if (this.tiles.contains(document.activeElement)) return;
    this.tiles.replaceChildren();
    this.tiles.style.aspectRatio = `${ACROSS} / ${Math.ceil(this.count / ACROSS)}`;
  }
}

/** The album. */
export class Album {
  /**
   * @param {{id: string, isMe: boolean}} person
   * @param {{empty: () => Node, end: () => Node | null}} words what stands in an empty one, and at the end of any other
   */
  constructor(person, words) {
    this.person = person;
    this.words = words;
    /** @type {Map<string, Month>} */
    this.months = new Map();
    this.jump = el("details", { class: "panel jump", hidden: true });
    this.pinned = el("div");
    this.sections = el("div", { class: "months" });
    this.last = el("div", { class: "album-end" });
    this.node = el("div", { class: "album" }, this.jump, this.pinned, this.sections, this.last);
    this.near = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) {
        const month = target instanceof HTMLElement && this.months.get(target.dataset.month ?? "");
        if (!month || month.isNear === isIntersecting) continue;
        month.isNear = isIntersecting;
        if (isIntersecting) month.fill();
        else month.empty();
      }
    }, { rootMargin: "120%" });
    const isTheirs = (/** @type {any} */ event) => { if (event.moment.author.id === this.person.id) this.load().catch(() => {}); };
    this.offs = [
      live.on("moment", isTheirs),
      live.on("withdrawn", () => { this.load().catch(() => {}); }),
      live.on("open", () => { this.load().catch(() => {}); }),
    ];
  }

  /** Reads what months there are; those on screen are read anew. */
  async load() {
    const { id, isMe } = this.person;
    const album = await ask("GET", `/album?from=${isMe ? "me" : id}&limit=1`);
    const counts = /** @type {Count[]} */ (album.months);
    const kept = new Set(counts.map((count) => count.month));
    for (const [name, month] of this.months) {
      if (kept.has(name)) continue;
      this.near.unobserve(month.node);
      month.turn++;
      month.node.remove();
      this.months.delete(name);
    }
    for (const [at, count] of counts.entries()) {
      const known = this.months.get(count.month);
      if (known) {
        known.set(count.moments);
        if (known.isNear) known.fill();
        continue;
      }
      const month = new Month(isMe ? "me" : id, count);
      this.months.set(count.month, month);
      this.sections.insertBefore(month.node, this.sections.children[at] ?? null);
      this.near.observe(month.node);
    }
    this.pinned.replaceChildren(...(album.pinned.length > 0
      ? [el("section", { class: "month" }, el("h3", {}, t("person.pinned")), el("div", { class: "tiles" }, ...album.pinned.map(tile)))] : []));
    this.jumps(counts);
    const end = counts.length > 0 ? this.words.end() : this.words.empty();
    this.last.replaceChildren(...(end ? [end] : []));
  }

  /** @param {Count[]} counts newest first */
  jumps(counts) {
    this.jump.hidden = counts.length < 2;
    /** @type {Map<string, Count[]>} */
    const years = new Map();
    for (const count of counts) {
      const year = count.month.slice(0, 4);
      years.set(year, [...(years.get(year) ?? []), count]);
    }
    this.jump.replaceChildren(el("summary", {}, t("person.jump")), ...[...years.values()].map((months) =>
      el("div", { class: "year" }, el("h4", {}, yearName.format(dateOf(months[0].month))),
        el("div", { class: "chips" }, ...months.map((count) =>
          el("button", { class: "chip", type: "button", dataset: { month: count.month }, onclick: () => this.go(count.month) },
            shortMonth.format(dateOf(count.month)), " ", el("small", { class: "hint" }, t("person.count", { n: count.moments }))))))));
  }

  /** @param {string} name */
  go(name) {
    const month = this.months.get(name);
    this.jump.removeAttribute("open");
    month?.node.scrollIntoView({ block: "start" });
    month?.head.focus({ preventScroll: true });
  }

  /** It will not be shown again. */
  close() {
    this.near.disconnect();
    for (const month of this.months.values()) month.turn++;
    for (const off of this.offs) off();
  }
}

/**
 * A moment as a small picture, or as the beginning of its words; it leads to the whole.
 * @param {Moment} moment
 */
export function tile(moment) {
  const { photos, video, link, text } = moment;
  const isPrivate = moment.audience?.rule === "private";
  const first = photos[0] ?? (video?.poster && { ...video, id: video.poster, preview: null });
  const says = text || link?.title || moment.place?.name || (video ? t("person.tile.video") : "");
  const label = [day.format(new Date(moment.created_at)), says, photos.length > 0 && t("person.tile.photos", { n: photos.length }), isPrivate && t("person.tile.private")];
  const node = el("a", { class: first ? "tile" : "tile words", href: `/moments/${moment.id}`, "aria-label": label.filter(Boolean).join(", ") });
  const inner = el("span", { class: "tile-inner" });
  if (first) {
    const blur = first.thumbhash && paint(first.thumbhash, first.width / first.height);
    if (blur) inner.append(blur);
    const image = el("img", { src: blob(first.preview ?? first.id), alt: "", loading: "lazy", decoding: "async" });
    image.addEventListener("load", () => image.classList.add("here"));
    image.addEventListener("error", () => image.remove());
    inner.append(image);
  } else inner.append(el("span", { class: "tile-text", dir: "auto" }, says));
  const marks = [isPrivate && icon("lock"), moment.pinned && icon("pin", true), video && icon("play", true), photos.length > 1 && icon("several")].filter(Boolean);
  if (marks.length > 0) inner.append(el("span", { class: "tile-marks" }, .../** @type {Node[]} */ (marks)));
  node.append(inner);
  return node;
}
