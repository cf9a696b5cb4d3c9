// @ts-check
/**
 * Times as people say them.
 * @module
 */
import { el } from "./dom.js";
import { language, t } from "./words.js";

const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });
const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });

/** @param {Date} date */
function said(date) {
  const minutes = Math.round((date.getTime() - Date.now()) / 60_000);
  if (minutes > -1) return t("when.now");
  if (minutes > -60) return ago.format(minutes, "minute");
  if (minutes > -24 * 60) return ago.format(Math.round(minutes / 60), "hour");
  if (minutes > -7 * 24 * 60) return ago.format(Math.round(minutes / 1440), "day");
  return day.format(date);
}

/**
 * A time that stays true while the page is open.
 * @param {string} text RFC 3339
 */
export function when(text) {
  const date = new Date(text);
  return el("time", { datetime: text, title: exact.format(date) }, said(date));
}

setInterval(() => {
  for (const node of document.querySelectorAll("time")) node.textContent = said(new Date(node.dateTime));
}, 30_000);
