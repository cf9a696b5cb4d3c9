// @ts-check
/**
 * What stands around every page: the bar with the places to go, who I am and how the node is.
 * @module
 */
import { el, face, icon, notice } from "../lib/dom.js";
import { refreshFaces } from "../lib/friends.js";
import * as live from "../lib/live.js";
import { setMe } from "../lib/me.js";
import { t } from "../lib/words.js";

/** @typedef {import("../lib/words.js").Word} Word */

/** Where one can go: address, words, icon. */
const PLACES = /** @type {[string, Word, Parameters<typeof icon>[0]][]} */ ([
  ["/", "nav.moments", "moments"],
  ["/people", "nav.people", "people"],
  ["/notices", "nav.notices", "bell"],
  ["/search", "nav.search", "search"],
  ["/favourites", "nav.favourites", "star"],
  ["/settings", "nav.settings", "gear"],
]);

/**
 * @param {import("../lib/me.js").Me} me
 * @returns {{node: HTMLElement, main: HTMLElement, shown: (page: import("../lib/router.js").Page) => void}}
 */
export function frame(me) {
  setMe(me);
  const main = el("main", { id: "main", tabindex: "-1" });
  const links = PLACES.map(([address, words, shape]) =>
    el("a", { class: "place", href: address, title: t(words) }, icon(shape), el("span", { class: "label" }, t(words)), el("span", { class: "count", hidden: true })));
  const myName = el("span", { class: "label" }, me.name);
  const mine = el("a", { class: "me", href: `/people/${me.user}`, "aria-label": t("nav.me") }, myName, face({ id: me.user, name: me.name }, true));
  live.on("me", (now) => {
    myName.textContent = now.name;
    mine.lastElementChild?.replaceWith(face({ id: now.user, name: now.name }, true));
  });
  const node = el("div", { class: "shell" },
    el("header", { class: "top" }, el("div", {},
      el("a", { class: "brand", href: "/" }, "Tidings"),
      el("nav", { class: "places", "aria-label": t("frame.navigation") }, ...links),
      nodeState(), mine)),
    main);
  const shown = (/** @type {import("../lib/router.js").Page} */ page) => {
    // It may have been away while somebody changed their picture.
    refreshFaces(page.node);
    for (const link of [...links, mine]) {
      const address = link.getAttribute("href") ?? "";
      // A section of the settings and a friend's page lie within a place; my own page is a place itself.
      const isWithin = address !== "/" && location.pathname.startsWith(`${address}/`) && location.pathname !== mine.getAttribute("href");
      if (address === location.pathname || isWithin) link.setAttribute("aria-current", isWithin ? "true" : "page");
      else link.removeAttribute("aria-current");
    }
  };
  return { node, main, shown };
}

/** Whether the node answers: a quiet dot, and words when it does not. */
function nodeState() {
  const text = el("span", { class: "state-text" });
  const state = el("span", { class: "node-state", role: "status" }, el("span", { class: "dot" }), text);
  const say = (/** @type {boolean} */ isOn) => {
    state.classList.toggle("off", !isOn);
    state.title = t(isOn ? "frame.node.on" : "frame.node.off");
    text.textContent = isOn ? "" : t("frame.node.off");
  };
  live.on("open", () => say(true));
  live.on("lost", () => say(false));
  live.on("ended", () => { say(false); notice(t("frame.ended")); });
  say(true);
  return state;
}

/**
 * Shows a number beside a place, such as unread notices; none at 0.
 * @param {string} address
 * @param {number} count
 * @param {string} label what is said to whoever hears the page
 */
export function setCount(address, count, label) {
  const link = document.querySelector(`.places a[href="${CSS.escape(address)}"]`);
  const badge = link?.querySelector(".count");
  if (!(badge instanceof HTMLElement)) return;
  badge.hidden = count === 0;
  badge.textContent = count > 99 ? "99+" : String(count);
  if (count > 0) link?.setAttribute("aria-label", label);
  else link?.removeAttribute("aria-label");
}
