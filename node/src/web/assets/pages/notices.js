// @ts-check
/**
 * Notices: what concerns me, newest first. What is on screen counts as read; it stays marked as new until I leave.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, complaint, during, el } from "../lib/dom.js";
import * as live from "../lib/live.js";
import { t } from "../lib/words.js";
import { row } from "../parts/notice-row.js";

/** @typedef {import("../parts/notice-row.js").Notice} Notice */
/** @typedef {import("../parts/notice-row.js").About} About */

const PAGE = 30;

/** @returns {Promise<import("../lib/router.js").Page>} */
export async function open() {
  const list = new Notices();
  await list.load();
  const offs = [
    live.on("open", () => { list.load().catch(() => {}); }),
    live.on("notice", (event) => list.put(event.notice)),
    live.on("withdrawn", (event) => list.remove(event.id)),
  ];
  const seen = () => { list.seen(); };
  document.addEventListener("visibilitychange", seen);
  return {
    title: t("nav.notices"),
    node: el("div", { class: "page" }, el("h1", {}, t("nav.notices")), list.node),
    shown: () => list.show(true),
    hidden: () => list.show(false),
    closed: () => { offs.forEach((off) => off()); list.watching.disconnect(); document.removeEventListener("visibilitychange", seen); },
  };
}

class Notices {
  constructor() {
    /** @type {Notice[]} newest first */
    this.notices = [];
    /** @type {Map<string, Promise<About | null>>} */
    this.moments = new Map();
    /** @type {string | null} */
    this.next = null;
    /** @type {string | undefined} the newest that was marked as read */
    this.readTo = undefined;
    this.isShown = false;
    this.list = el("ul", { class: "notice-list" });
    this.empty = el("div", { class: "empty", hidden: true }, el("h2", {}, t("notices.none")), el("p", {}, t("notices.none.text")));
    this.status = el("div", { class: "notice-status", role: "status" });
    this.older = el("button", { class: "older quiet", type: "button", hidden: true, onclick: () => this.more() }, t("notices.older"));
    this.node = el("div", { class: "stack" }, this.status, this.empty, this.list, this.older);
    this.watching = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) this.more(); });
    this.watching.observe(this.older);
  }

  /** Reads the newest anew. What was new when the page was opened stays marked. */
  async load() {
    const page = await ask("GET", `/notices?limit=${PAGE}`);
    const fresh = new Set(this.notices.filter((notice) => !notice.read).map((notice) => notice.id));
    this.notices = page.notices.map((/** @type {Notice} */ notice) => ({ ...notice, read: notice.read && !fresh.has(notice.id) }));
    this.next = page.next;
    this.list.replaceChildren(...this.notices.map((notice) => this.row(notice)));
    this.settle();
    this.seen();
  }

  more() {
    if (!this.next || this.older.hasAttribute("disabled")) return;
    during(this.older, async () => {
      const page = await ask("GET", `/notices?limit=${PAGE}&before=${part(this.next ?? "")}`);
      const known = new Set(this.notices.map((notice) => notice.id));
      const older = page.notices.filter((/** @type {Notice} */ notice) => !known.has(notice.id));
      this.notices.push(...older);
      this.list.append(...older.map((/** @type {Notice} */ notice) => this.row(notice)));
      this.next = page.next;
      this.settle();
    });
  }

  /** @param {Notice} notice a new one */
  put(notice) {
    if (this.notices.some((known) => known.id === notice.id)) return;
    this.notices.unshift(notice);
    this.list.prepend(this.row(notice));
    this.settle();
    this.seen();
  }

  /** @param {string} id of what was withdrawn: a comment, a like or a moment */
  remove(id) {
    this.notices = this.notices.filter((notice) => notice.id !== id && notice.moment !== id);
    for (const node of [...this.list.children]) {
      if (node instanceof HTMLElement && (node.dataset.id === id || node.dataset.moment === id)) node.remove();
    }
    this.settle();
  }

  /** @param {boolean} isShown */
  show(isShown) {
    this.isShown = isShown;
    this.seen();
  }

  /** Marks as read what somebody looks at. */
  seen() {
    const newest = this.notices[0];
    if (!newest || !this.isShown || document.hidden || newest.id === this.readTo) return;
    this.readTo = newest.id;
    ask("POST", "/notices/read", { until: newest.id }).catch(() => { this.readTo = undefined; });
  }

  settle() {
    this.empty.hidden = this.notices.length > 0;
    this.older.hidden = !this.next;
  }

  /** @param {Notice} notice */
  row(notice) {
    return row(notice, { about: this.about(notice.moment), onMuted: (word, said) => this.muted(word, said) });
  }

  /**
   * @param {string} word what the node calls it
   * @param {string} said
   */
  async muted(word, said) {
    const problem = complaint();
    const undo = el("button", { class: "quiet", type: "button", onclick: () => attempt(problem, undo, async () => {
      await ask("DELETE", `/mutes/${part(word)}`);
      this.status.replaceChildren();
      await this.load();
    }) }, t("notices.undo"));
    this.status.replaceChildren(el("p", { class: "row" }, said, undo), problem);
    undo.focus();
    await this.load();
  }

  /** @param {string} id */
  about(id) {
    const known = this.moments.get(id) ?? ask("GET", `/moments/${id}`).catch(() => null);
    this.moments.set(id, known);
    return known;
  }
}
