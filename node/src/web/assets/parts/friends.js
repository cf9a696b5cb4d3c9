// @ts-check
/**
 * All friends in one list. However many there are, the document holds those that are near the screen: rows are of one height,
 * and the room of the others is kept above and below.
 * @module
 */
import { el, icon } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { personButton } from "./people.js";
import { DRAGGED, matching, tagChooser } from "./tags.js";

/** @typedef {import("../lib/api.js").Friend} Friend */

/** Rows that are always there: fewer are not worth the trouble. */
const FEW = 120;
/** Rows kept beyond each edge of the screen. */
const MARGIN = 20;
/** How far a menu keeps from the edges of the window, px. */
const EDGE = 8;

/** The list. */
export class FriendList {
  constructor() {
    /** @type {Friend[]} */
    this.all = [];
    /** @type {Friend[]} those that fit what is asked for */
    this.found = [];
    this.text = "";
    /** @type {string | null} */
    this.tag = null;
    /** @type {Map<string, {node: HTMLElement, as: string}>} rows on screen, and what they show */
    this.rows = new Map();
    this.list = el("ul", { class: "friends" });
    this.line = el("p", { class: "hint", role: "status" });
    this.node = el("div", { class: "stack" }, this.line, this.list);
    this.onScroll = () => { if (this.found.length > FEW) requestAnimationFrame(() => this.draw()); };
  }

  shown() { window.addEventListener("scroll", this.onScroll, { passive: true }); window.addEventListener("resize", this.onScroll); this.draw(); }

  hidden() { window.removeEventListener("scroll", this.onScroll); window.removeEventListener("resize", this.onScroll); }

  /** @param {Friend[]} friends */
  set(friends) {
    this.all = [...friends].sort((a, b) => a.name.localeCompare(b.name));
    this.narrow();
  }

  narrow() {
    const { tag } = this;
    this.found = matching(tag === null ? this.all : this.all.filter((friend) => friend.tags.includes(tag)), this.text);
    const isNarrowed = tag !== null || this.text.trim() !== "";
    this.line.textContent = this.all.length === 0 ? t("people.none") : this.found.length === 0 ? t("people.filter.none")
      : isNarrowed ? t("people.count", { n: this.found.length }) : "";
    this.draw();
  }

  draw() {
    const height = this.rowHeight();
    const isLong = this.found.length > FEW;
    const top = -this.list.getBoundingClientRect().top;
    const from = isLong ? Math.min(Math.max(0, Math.floor(top / height) - MARGIN), this.found.length - 1) : 0;
    const to = isLong ? Math.min(this.found.length, from + Math.ceil(window.innerHeight / height) + 2 * MARGIN) : this.found.length;
    const near = this.found.slice(from, to);
    const ids = new Set(near.map((friend) => friend.id));
    for (const [id, row] of this.rows) if (!ids.has(id)) { row.node.remove(); this.rows.delete(id); }
    near.forEach((friend, at) => {
      const node = this.row(friend, from + at);
      // A row that stands where it belongs is not touched: it may have the focus.
      if (this.list.children[at] !== node) this.list.insertBefore(node, this.list.children[at] ?? null);
    });
    this.list.style.setProperty("--above", `${from * height}px`);
    this.list.style.setProperty("--below", `${(this.found.length - to) * height}px`);
  }

  rowHeight() {
    const first = this.list.firstElementChild;
    return (first instanceof HTMLElement && first.offsetHeight) || 60;
  }

  /** @param {Friend} friend @param {number} at */
  row(friend, at) {
    const as = JSON.stringify([friend.name, friend.tags, friend.online, friend.verified, friend.last_seen !== null, friend.avatar]);
    const known = this.rows.get(friend.id);
    if (known?.as === as) {
      known.node.setAttribute("aria-posinset", String(at + 1));
      known.node.setAttribute("aria-setsize", String(this.found.length));
      return known.node;
    }
    const node = el("li", { class: "friend-row", draggable: "true", "aria-posinset": at + 1, "aria-setsize": this.found.length, dataset: { id: friend.id } }, personButton(friend), tagMenu(friend));
    node.addEventListener("dragstart", (event) => {
      event.dataTransfer?.setData(DRAGGED, JSON.stringify([friend.id, friend.name]));
      if (event.dataTransfer) event.dataTransfer.effectAllowed = "copy";
    });
    if (known) {
      const had = known.node.contains(document.activeElement) ? [...known.node.querySelectorAll("button")].indexOf(/** @type {HTMLButtonElement} */ (document.activeElement)) : -1;
      known.node.replaceWith(node);
      if (had >= 0) node.querySelectorAll("button")[had]?.focus();
    }
    this.rows.set(friend.id, { node, as });
    return node;
  }
}

/**
 * A button that opens the tags of a friend. The row may be drawn anew meanwhile: the focus goes back to the button that is
 * there then.
 * @param {Friend} friend
 */
function tagMenu(friend) {
  const label = t("people.tags.of", { name: friend.name });
  const button = el("button", { class: "quiet icon tag-button", type: "button", "aria-label": label, title: label, "aria-haspopup": "dialog", onclick: () => open() }, icon("tag"));
  const open = () => {
    const menu = el("div", { class: "tag-menu panel", popover: "auto", role: "dialog", "aria-label": label }, el("h3", {}, label), tagChooser(friend));
    menu.addEventListener("toggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "open") return;
      const isLost = menu.contains(document.activeElement) || document.activeElement === document.body;
      menu.remove();
      const now = document.querySelector(`.friend-row[data-id="${CSS.escape(friend.id)}"] .tag-button`);
      if (isLost && now instanceof HTMLElement) now.focus();
    });
    document.body.append(menu);
    menu.showPopover();
    const at = button.getBoundingClientRect();
    menu.style.setProperty("--menu-x", `${Math.max(EDGE, Math.min(at.left, window.innerWidth - menu.offsetWidth - EDGE))}px`);
    menu.style.setProperty("--menu-y", `${Math.max(EDGE, Math.min(at.bottom, window.innerHeight - menu.offsetHeight - EDGE))}px`);
    menu.querySelector("input")?.focus();
  };
  return button;
}
