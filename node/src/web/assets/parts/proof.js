// @ts-check
/**
 * What proves to others who wrote a moment that may be shared on: saved as a file, with words on what it proves.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, complaint, dialog, el } from "../lib/dom.js";
import { t } from "../lib/words.js";

const SHORT_ID = 8;

/** @param {import("../lib/api.js").Moment} moment */
export function proofSheet(moment) {
  const problem = complaint();
  const name = `report-${moment.id.slice(0, SHORT_ID)}.json`;
  dialog("sheet", (close) => {
    const save = el("button", { class: "main", type: "button", onclick: async () => {
      const isSaved = await attempt(problem, save, async () => {
        // Ids of this node are of no use to anybody else.
        const { blobs: _own, ...evidence } = await ask("GET", `/moments/${part(moment.id)}/evidence`);
        const url = URL.createObjectURL(new Blob([JSON.stringify(evidence, null, 2)], { type: "application/json" }));
        el("a", { href: url, download: name }).click();
        setTimeout(() => URL.revokeObjectURL(url));
      });
      if (isSaved) close();
    } }, t("moment.proof.save"));
    return [el("div", { class: "stack" }, el("h2", {}, t("moment.proof.title")), el("p", {}, t("moment.proof.text")),
      el("p", { class: "hint" }, t("moment.proof.check")), el("code", {}, `tidings report --check ${name}`), problem,
      el("div", { class: "row end" }, el("button", { type: "button", onclick: close }, t("moment.cancel")), save))];
  });
}
