// @ts-check
/**
 * Somebody who would like to be a friend, or whose answer is awaited: by whom, as whom they were expected, what they show to
 * strangers, and the yes or no.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, dialog, el, face } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { when } from "../lib/when.js";

/** @typedef {import("../lib/api.js").Request} Request */

/** @returns {Promise<Request[]>} */
export const requests = async () => (await ask("GET", "/requests")).requests;

/**
 * @param {Request} request
 * @param {() => void} onAnswer
 * @returns {HTMLElement}
 */
export function requestCard(request, onAnswer) {
  const wrong = el("p", { class: "wrong", role: "alert" });
  const answer = (/** @type {"confirm" | "decline"} */ word) => (/** @type {Event} */ event) =>
    attempt(wrong, /** @type {HTMLElement} */ (event.currentTarget), async () => {
      await ask("POST", `/requests/${part(request.id)}/${word}`);
      onAnswer();
    });
  const waits = request.via === "accepted" || request.confirmed;
  return el("article", { class: "request", "aria-label": request.name, dataset: { id: request.id } },
    el("div", { class: "row" }, face(request, true), el("div", { class: "who" }, el("p", {}, sentence(request)), el("p", { class: "hint" }, when(request.at)))),
    request.moments > 0 && el("button", { class: "quiet", type: "button", onclick: () => shown(request) }, t("people.request.moments", { n: request.moments })),
    wrong,
    el("div", { class: "row" },
      !waits && el("button", { class: "main", type: "button", onclick: answer("confirm") }, t("people.request.confirm")),
      request.via !== "accepted" && el("button", { type: "button", onclick: answer("decline") }, t(waits ? "people.request.withdraw" : "people.request.decline"))));
}

/** @param {Request} request */
function sentence(request) {
  const { name } = request;
  if (request.via === "accepted") return t("people.request.accepted", { name });
  if (request.via === "introduction") {
    const by = request.by?.name ?? "";
    return t(request.confirmed ? "people.request.introduced.waits" : "people.request.introduced", { name, by });
  }
  if (request.confirmed) return t("people.request.waits", { name });
  const differs = request.expected && request.expected !== name;
  return differs ? t("people.request.expected", { name, expected: request.expected ?? "" }) : t("people.request.asks", { name });
}

/**
 * What they show to strangers.
 * @param {Request} request
 */
async function shown(request) {
  const place = el("div", { class: "stack", "aria-busy": "true" });
  const box = dialog("sheet wide", (close) => [el("div", { class: "stack" }, el("h2", {}, t("people.request.shows", { name: request.name })), place,
    el("div", { class: "row end" }, el("button", { type: "button", onclick: close }, t("people.close"))))]);
  const wrong = el("p", { class: "wrong", role: "alert" });
  place.append(wrong);
  await attempt(wrong, box, async () => {
    const [{ moments }, { readOnly }] = await Promise.all([ask("GET", `/requests/${part(request.id)}`), import("./read-only.js")]);
    place.replaceChildren(...moments.map(readOnly));
  });
  place.removeAttribute("aria-busy");
}
