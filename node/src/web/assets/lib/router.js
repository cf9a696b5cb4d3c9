// @ts-check
/**
 * Which page is shown: by the address, without loading the frame again. Links are ordinary links; a click on one of our own
 * is taken here, so that a page opens in a moment and opens in a new tab as well. Going back shows the page as it was left.
 * @module
 */
import { Refusal } from "./api.js";
import { el } from "./dom.js";
import { t } from "./words.js";

/**
 * A page that is on screen or was.
 * @typedef {object} Page
 * @property {string} title for the window and for whoever hears the page
 * @property {HTMLElement} node what stands in `<main>`; its first heading gets the focus
 * @property {() => void} [shown] it has come (back) on screen
 * @property {() => void} [hidden] it has left the screen and may come back
 * @property {() => void} [closed] it will not come back: end what listens
 */

/**
 * @typedef {object} Route
 * @property {RegExp} path of the whole path; its groups are handed to `open`
 * @property {(parts: string[], query: URLSearchParams, key: string) => Promise<Page>} open `key` is that of the entry in the history
 * @property {boolean} [stays] one page for the whole visit: it is never closed
 */

/** How many pages behind the one on screen are kept as they were left. */
const KEPT = 8;
/** Of how many entries it is remembered what they asked for. */
const ASKED = 64;

/** @type {Route[]} */
let routes = [];
/** @type {HTMLElement} */
let main;
/** @type {(page: Page) => void} */
let onShow = () => {};
/** @type {Map<string, {page: Page, y: number, stays: boolean}>} by the key of the entry in the history, or the path of one that stays */
const kept = new Map();
/**
 * What a page was asked for that must not stand in an address, which a browser keeps: by the key of the entry in the history.
 * Gone with the visit.
 * @type {Map<string, any>}
 */
const asked = new Map();
/** @type {{key: string, page: Page} | null} */
let current = null;
let turn = 0;

/**
 * Takes over the address bar.
 * @param {HTMLElement} place where pages stand
 * @param {Route[]} table
 * @param {(page: Page) => void} shown
 */
export async function begin(place, table, shown) {
  [main, routes, onShow] = [place, table, shown];
  history.scrollRestoration = "manual";
  document.addEventListener("click", follow);
  window.addEventListener("popstate", () => { show(true); });
  if (!history.state?.key) history.replaceState({ key: crypto.randomUUID() }, "");
  await show(false);
}

/**
 * Goes to one of our own addresses.
 * @param {string} address path and query
 * @param {any} [what] the page is asked for, beside its address
 */
export async function go(address, what) {
  const isHere = address === location.pathname + location.search && what === undefined && askedFor(history.state?.key) === null;
  if (isHere) { window.scrollTo({ top: 0 }); return; }
  const key = crypto.randomUUID();
  remember(key, what);
  history.pushState({ key }, "", address);
  await show(false);
}

/**
 * What a page was asked for, beside its address; null for nothing.
 * @param {string} key of its entry in the history
 */
export const askedFor = (key) => asked.get(key) ?? null;

/**
 * Takes what was asked for out of the address: it stood in one that came from elsewhere.
 * @param {string} key of its entry in the history: the person may be elsewhere by now, and that entry is let be
 * @param {string} address the page's own
 * @param {any} what
 */
export function hide(key, address, what) {
  remember(key, what);
  if (history.state?.key === key) history.replaceState(history.state, "", address);
}

/** @param {string} key @param {any} what */
function remember(key, what) {
  if (what === undefined) return;
  asked.set(key, what);
  for (const oldest of [...asked.keys()].slice(0, Math.max(0, asked.size - ASKED))) asked.delete(oldest);
}

/** @param {MouseEvent} event */
function follow(event) {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button !== 0) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || link.target || link.download) return;
  if (link.origin !== location.origin || link.hash || !routeOf(link.pathname)) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

/** @param {string} path */
const routeOf = (path) => routes.find((route) => route.path.test(path));

/** @param {boolean} isBack whether the person went back or forth */
async function show(isBack) {
  const mine = ++turn;
  const route = routeOf(location.pathname) ?? routes[routes.length - 1];
  const key = route.stays ? location.pathname : (history.state?.key ?? location.href);
  const leaving = current;
  if (leaving) {
    const entry = kept.get(leaving.key);
    if (entry) entry.y = window.scrollY;
  }
  let entry = isBack || route.stays ? kept.get(key) : undefined;
  if (!entry) {
    const page = await opened(route);
    if (mine !== turn) { page.closed?.(); return; }
    entry = { page, y: 0, stays: route.stays ?? false };
  }
  if (leaving && leaving.page !== entry.page) leaving.page.hidden?.();
  kept.delete(key);
  if (!failed.has(entry.page)) kept.set(key, entry);
  forget();
  current = { key, page: entry.page };
  main.replaceChildren(entry.page.node);
  document.title = `${entry.page.title} · Tidings`;
  onShow(entry.page);
  entry.page.shown?.();
  window.scrollTo({ top: entry.y, behavior: "instant" });
  if (leaving) {
    const heading = entry.page.node.querySelector("h1") ?? main;
    heading.setAttribute("tabindex", "-1");
    /** @type {HTMLElement} */ (heading).focus({ preventScroll: true });
  }
}

/** Pages that only say why there is none: never kept, so that whoever comes again tries again. @type {WeakSet<Page>} */
const failed = new WeakSet();

/**
 * The page of a route; if it cannot be had, one that says why and tries again.
 * @param {Route} route
 * @returns {Promise<Page>}
 */
async function opened(route) {
  const query = new URLSearchParams(location.search);
  const key = history.state?.key ?? "";
  const groups = groupsOf(route);
  if (!groups) return routes[routes.length - 1].open([], query, key);
  try {
    return await route.open(groups, query, key);
  } catch (error) {
    if (!(error instanceof Refusal)) reportError(error);
    const title = t("frame.failed.title");
    // What is no refusal is mostly a script that did not come.
    const node = el("div", { class: "empty" }, el("h1", {}, title), el("p", {}, error instanceof Refusal ? error.message : t("error.no_node")),
      el("button", { type: "button", onclick: () => { show(false); } }, t("frame.failed.again")));
    const page = { title, node };
    failed.add(page);
    return page;
  }
}

/** What an address names; null if it is none. @param {Route} route */
function groupsOf(route) {
  try {
    return [...(route.path.exec(location.pathname) ?? [])].slice(1).map((part) => decodeURIComponent(part ?? ""));
  } catch {
    return null;
  }
}

/** Closes what was left longest ago. */
function forget() {
  const old = [...kept].filter(([, entry]) => !entry.stays);
  for (const [key, entry] of old.slice(0, Math.max(0, old.length - KEPT))) {
    entry.page.closed?.();
    kept.delete(key);
  }
}
