// @ts-check
/**
 * Asks before something that cannot be taken back, and says there what went wrong.
 * @module
 */
import { attempt, complaint, dialog, el } from "../lib/dom.js";
import { t } from "../lib/words.js";

/**
 * @param {{title: string, text: string, yes: string, no?: string}} words
 * @param {() => Promise<void>} work
 */
export function sure(words, work) {
  dialog("sheet", (close) => {
    const problem = complaint();
    const yes = el("button", { class: "main grave", type: "button", onclick: async () => {
      if (await attempt(problem, yes, work)) close();
    } }, words.yes);
    return [el("div", { class: "stack" }, el("h2", {}, words.title), el("p", {}, words.text), problem,
      el("div", { class: "row end" }, el("button", { type: "button", onclick: close }, words.no ?? t("moment.keep")), yes))];
  });
}
