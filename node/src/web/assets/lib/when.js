// @ts-check
/**
 * Times as people say them: short where they stand, exact for whoever points at them.
 * @module
 */
import { el } from "./dom.js";
import { language, t } from "./words.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });
const thisYear = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const otherYear = new Intl.DateTimeFormat(language, { dateStyle: "medium" });

/**
 * @param {Date} date
 * @returns {string}
 */
function said(date) {
  const now = new Date();
  const ago = now.getTime() - date.getTime();
  if (ago < MINUTE) return t("when.now");
  if (ago < HOUR) return t("when.minutes", { n: Math.floor(ago / MINUTE) });
  if (ago < DAY) return t("when.hours", { n: Math.floor(ago / HOUR) });
  if (ago < 7 * DAY) return t("when.days", { n: Math.floor(ago / DAY) });
  return (date.getFullYear() === now.getFullYear() ? thisYear : otherYear).format(date);
}

/**
 * A time that stays true while the page is open.
 * @param {string} text RFC 3339
 */
export function when(text) {
  const date = new Date(text);
  return el("time", { datetime: text, title: exact.format(date) }, said(date));
}

/**
 * The length of a video, as a player shows it.
 * @param {number} ms
 */
export function clock(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

setInterval(() => {
  for (const node of document.querySelectorAll("time")) {
    const text = said(new Date(node.dateTime));
    // What is the same stays as it is: a text that somebody marks must not lose the mark.
    if (node.textContent !== text) node.textContent = text;
  }
}, 30_000);
