// @ts-check
/**
 * Asking before something that cannot be taken back. What goes wrong is said in the sheet.
 * @module
 */
import { dialog, during, el } from "../lib/dom.js";
import { t } from "../lib/words.js";

/**
 * @param {{title: string, text: string, yes: string, no?: string}} words
 * @param {() => Promise<void>} work
 */
export function sure({ title, text, yes, no = t("settings.sure.no") }, work) {
  dialog("sheet", (close) => {
    const wrong = el("p", { class: "wrong", role: "alert" });
    const go = el("button", { class: "main", type: "button", onclick: () => during(go, async () => { await work(); close(); }, wrong) }, yes);
    return [el("div", { class: "stack" }, el("h2", {}, title), el("p", {}, text), wrong,
      el("div", { class: "row end" }, el("button", { type: "button", onclick: close }, no), go))];
  });
}
