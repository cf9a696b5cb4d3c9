// @ts-check
/**
 * Sharing a moment on whose author allowed it: own words, own audience. Who sees it sees whose it is.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, complaint, dialog, el, notice } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { Audience } from "./audience.js";

const PREVIEW_LETTERS = 140;

/** @param {import("../lib/api.js").Moment} moment */
export function shareSheet(moment) {
  const audience = new Audience();
  const problem = complaint();
  const text = /** @type {HTMLTextAreaElement} */ (el("textarea", { rows: 3, dir: "auto", placeholder: t("moment.share.words"), "aria-label": t("moment.share.words") }));
  const send = el("button", { class: "main", type: "submit" }, t("moment.share.send"));
  const first = moment.shared_from ?? { name: moment.author.name, text: moment.text };
  const shown = first.text.length > PREVIEW_LETTERS ? `${first.text.slice(0, PREVIEW_LETTERS)}…` : first.text;
  dialog("sheet", (close) => {
    const form = el("form", {}, el("h2", {}, t("moment.share.title")),
      el("blockquote", { class: "shared", dir: "auto" }, el("span", { class: "name" }, first.name), shown && el("p", {}, shown)),
      el("p", { class: "hint" }, t("moment.share.hint", { name: first.name })),
      text, audience.node, problem,
      el("div", { class: "row end" }, el("button", { type: "button", onclick: close }, t("moment.cancel")), send));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const missing = audience.missing();
      if (missing) { problem.textContent = missing; return; }
      const isShared = await attempt(problem, send, async () => {
        await ask("POST", `/moments/${part(moment.id)}/share`, { text: text.value.trim(), ...audience.words() });
      });
      if (isShared) { close(); notice(t("moment.share.done")); }
    });
    return [form];
  });
  audience.explain();
  text.focus();
}
