// @ts-check
/**
 * Notices on the desktop, outside of the window. Off until somebody switches them on, in each browser for itself: that
 * wish, and nothing else, is kept by the browser. Without names a notice on a locked screen tells no more than that there
 * is one.
 * @module
 */
import { whoami } from "./me.js";
import { t } from "./words.js";

/** @typedef {"off" | "plain" | "names"} Wish */

/** Several nodes may share a host and, one after the other, a port. */
const key = () => `tidings-desktop-${whoami().user.slice(0, 8)}`;

/** Whether this browser can. */
export const can = () => "Notification" in window;

/** What was chosen here; off where the browser was told to let nobody through since. @returns {Wish} */
export function wish() {
  if (!can() || Notification.permission !== "granted") return "off";
  const kept = localStorage.getItem(key());
  return kept === "plain" || kept === "names" ? kept : "off";
}

/**
 * Chooses; asks the browser's leave where it is needed. Has to follow a click.
 * @param {Wish} chosen
 * @returns {Promise<boolean>} whether the browser allows it
 */
export async function choose(chosen) {
  if (chosen === "off") { localStorage.removeItem(key()); return true; }
  if (!can() || await Notification.requestPermission() !== "granted") return false;
  localStorage.setItem(key(), chosen);
  return true;
}

/**
 * Tells of something, if that is wished and nobody looks at the page.
 * @param {string} sentence with names, shown only where that was chosen
 * @param {() => void} onClick
 */
export function tell(sentence, onClick) {
  const wished = wish();
  if (wished === "off" || !document.hidden) return;
  try {
    // One tag: several windows, or several notices, are one on the desktop.
    const shown = new Notification("Tidings", { body: wished === "names" ? sentence : t("notices.desktop.plain"), tag: key(), lang: document.documentElement.lang });
    shown.addEventListener("click", () => { window.focus(); onClick(); shown.close(); });
  } catch {
    // Some phones' browsers know notices only for pages that keep a worker, which this one does not.
  }
}
