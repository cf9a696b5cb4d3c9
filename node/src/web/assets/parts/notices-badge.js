// @ts-check
/**
 * How many notices are unread: beside their place in the bar, in the window's title and on its icon, live.
 * @module
 */
import { ask } from "../lib/api.js";
import { tell } from "../lib/desktop.js";
import * as live from "../lib/live.js";
import { go } from "../lib/router.js";
import { t } from "../lib/words.js";
import { setCount } from "./frame.js";
import { sentence } from "./notice-row.js";

/** Changes come in bursts; one look after each is enough. */
const PAUSE_MS = 150;

let unread = 0;
let title = "Tidings";
/** @type {number | undefined} */
let soon;

/** Begins to count. */
export function begin() {
  live.on("notice", (event) => {
    show(event.unread);
    tell(sentence(event.notice), () => { go("/notices"); }).catch(() => {});
  });
  live.on("read", (event) => show(event.unread));
  // What is withdrawn, muted or hidden takes its notices with it.
  for (const kind of ["open", "withdrawn", "interaction", "friend", "unfriended"]) live.on(kind, () => { if (unread > 0 || kind === "open") count(); });
  count();
}

/**
 * Another page is on screen.
 * @param {string} name
 */
export function titled(name) {
  title = `${name} · Tidings`;
  show(unread);
}

function count() {
  clearTimeout(soon);
  soon = window.setTimeout(async () => {
    try {
      show((await ask("GET", "/notices?limit=1")).unread);
    } catch {
      // The next event asks again; that the node is gone is said elsewhere.
    }
  }, PAUSE_MS);
}

/** @param {number} number */
function show(number) {
  unread = number;
  document.title = number > 0 ? `(${number > 99 ? "99+" : number}) ${title}` : title;
  setCount("/notices", number, t("notices.unread", { n: number }));
  const icon = document.querySelector('link[rel="icon"]');
  const address = number > 0 ? "/assets/icon-unread.svg" : "/assets/icon.svg";
  if (icon && icon.getAttribute("href") !== address) icon.setAttribute("href", address);
}
