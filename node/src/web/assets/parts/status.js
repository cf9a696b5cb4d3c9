// @ts-check
/**
 * What somebody is at, for a while: how it is shown, and the sheet to say it oneself. It stands beside a name and is no
 * moment, and ends by itself.
 * @module
 */
import { ask } from "../lib/api.js";
import { dialog, el } from "../lib/dom.js";
import { changeMe, whoami } from "../lib/me.js";
import { language, t } from "../lib/words.js";

/** @typedef {import("../lib/api.js").StatusLine} StatusLine */

/** What is offered at a touch; any other can be typed. */
const EMOJI = ["😊", "😴", "🎉", "🤒", "💻", "📚", "🏃", "🚶", "✈️", "🏖️", "🍜", "☕", "🎧", "🎮", "🧘", "❤️"];
const HOUR = 3600;
/** How long one may last, seconds: up to the node's limit of seven days. */
const SPANS = /** @type {[number, "hour" | "day", number][]} */ ([[HOUR, "hour", 1], [4 * HOUR, "hour", 4], [24 * HOUR, "hour", 24], [72 * HOUR, "day", 3], [168 * HOUR, "day", 7]]);
const DAY_LONG = 24 * HOUR;

/**
 * The status that still holds; null if there is none or it has ended.
 * @param {StatusLine | null} status
 */
export const standing = (status) => (status && Date.parse(status.until) > Date.now() ? status : null);

/**
 * @param {StatusLine} status
 * @returns {HTMLElement}
 */
export function statusLine(status) {
  const until = new Intl.DateTimeFormat(language, { weekday: "short", hour: "numeric", minute: "2-digit" }).format(new Date(status.until));
  return el("p", { class: "status" },
    status.emoji && el("span", { class: "emoji" }, status.emoji), status.text && el("span", { dir: "auto" }, status.text),
    el("span", { class: "hint" }, t("person.status.until", { time: until })));
}

/**
 * Calls back once a status has ended, unless the returned function is called before.
 * @param {StatusLine | null} status
 * @param {() => void} ended
 */
export function whenOver(status, ended) {
  if (!standing(status) || !status) return () => {};
  const timer = setTimeout(ended, Date.parse(status.until) - Date.now() + 50);
  return () => clearTimeout(timer);
}

/** The sheet to say what I am at, or to take it back. */
export function statusSheet() {
  const before = standing(whoami().status);
  const wrong = el("p", { class: "wrong", role: "alert" });
  const text = /** @type {HTMLInputElement} */ (el("input", { type: "text", id: "status-text", maxlength: 200, value: before?.text ?? "", placeholder: t("person.status.example") }));
  const emoji = /** @type {HTMLInputElement} */ (el("input", { type: "text", id: "status-emoji", maxlength: 16, value: before?.emoji ?? "" }));
  const span = /** @type {HTMLSelectElement} */ (el("select", { id: "status-span" }, ...SPANS.map(([seconds, unit, n]) =>
    el("option", { value: seconds, selected: seconds === DAY_LONG }, new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(n)))));
  const offered = el("div", { class: "emojis", role: "group", "aria-label": t("person.status.emoji") }, ...EMOJI.map((one) =>
    el("button", { type: "button", class: "quiet", onclick: () => { emoji.value = emoji.value === one ? "" : one; text.focus(); } }, one)));
  dialog("sheet", (close) => {
    const act = (/** @type {HTMLButtonElement} */ button, /** @type {() => Promise<any>} */ work) => {
      button.disabled = true;
      wrong.textContent = "";
      work().then((answer) => { changeMe({ status: answer.status }); close(); },
        (error) => { wrong.textContent = error.message; button.disabled = false; });
    };
    const clear = /** @type {HTMLButtonElement} */ (el("button", { type: "button", class: "quiet", hidden: !before, onclick: () => act(clear, () => ask("DELETE", "/profile/status")) }, t("person.status.clear")));
    const save = /** @type {HTMLButtonElement} */ (el("button", { type: "submit", class: "main" }, t("person.status.set")));
    const form = el("form", {}, el("h2", {}, t("person.status.title")),
      el("div", { class: "field" }, el("label", { for: "status-text" }, t("person.status.text")), text),
      el("div", { class: "field" }, el("label", { for: "status-emoji" }, t("person.status.emoji")), emoji, offered),
      el("div", { class: "field" }, el("label", { for: "status-span" }, t("person.status.span")), span),
      el("p", { class: "hint" }, t("person.status.who")), wrong,
      el("div", { class: "row end" }, clear, el("button", { type: "button", onclick: close }, t("person.cancel")), save));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      act(save, () => ask("PUT", "/profile/status", { text: text.value.trim(), emoji: emoji.value.trim(), for: Number(span.value) }));
    });
    return [form];
  });
  text.focus();
}
