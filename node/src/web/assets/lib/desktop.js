// @ts-check
/**
 * Notices on the desktop, outside of the window. Off until somebody switches them on: the node keeps what they may say,
 * and each browser asks its own leave. Without names a notice on a locked screen tells no more than that there is one.
 * @module
 */
import { ask } from "./api.js";
import { t } from "./words.js";

/** @typedef {"off" | "plain" | "names"} Wish */

/** Whether this browser can. */
export const can = () => "Notification" in window;

/** Whether it lets them through. */
const isAllowed = () => can() && Notification.permission === "granted";

/** What holds in this browser. @returns {Promise<Wish>} */
export async function wish() {
  return isAllowed() ? (await ask("GET", "/settings")).desktop : "off";
}

/**
 * Chooses; asks the browser's leave where it is needed. Has to follow a click.
 * @param {Wish} chosen
 * @returns {Promise<boolean>} whether the browser allows it
 */
export async function choose(chosen) {
  if (chosen !== "off" && (!can() || await Notification.requestPermission() !== "granted")) return false;
  await ask("PATCH", "/settings", { desktop: chosen });
  return true;
}

/**
 * Tells of something, if that is wished and nobody looks at the page.
 * @param {string} sentence with names, shown only where that was chosen
 * @param {() => void} onClick
 */
export async function tell(sentence, onClick) {
  if (!document.hidden || !isAllowed()) return;
  const wished = await wish();
  if (wished === "off") return;
  try {
    // One tag: several windows, or several notices, are one on the desktop.
    const shown = new Notification("Tidings", { body: wished === "names" ? sentence : t("notices.desktop.plain"), tag: "tidings-notices", lang: document.documentElement.lang });
    shown.addEventListener("click", () => { window.focus(); onClick(); shown.close(); });
  } catch {
    // Some phones' browsers know notices only for pages that keep a worker, which this one does not.
  }
}
