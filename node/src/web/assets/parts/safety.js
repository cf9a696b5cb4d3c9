// @ts-check
/**
 * Safety words: six words that two friends compare, and what came of it.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, el } from "../lib/dom.js";
import { t } from "../lib/words.js";

/**
 * @param {import("../lib/api.js").Person} friend
 * @param {(verified: boolean) => void} onCompared
 * @returns {HTMLElement}
 */
export function safetyWords(friend, onCompared) {
  const path = `/friends/${part(friend.id)}/safety`;
  const wrong = el("p", { class: "wrong", role: "alert" });
  const state = el("p", { class: "hint", role: "status" }, t("people.safety.how", { name: friend.name }));
  const list = el("ol", { class: "safety", "aria-label": t("people.safety.title"), translate: "no", dir: "ltr" });
  const match = el("button", { class: "main", type: "button", onclick: () => compared(match, true) }, t("people.safety.match"));
  const differ = el("button", { type: "button", onclick: () => compared(differ, false) }, t("people.safety.differ"));
  const say = (/** @type {boolean} */ verified) => {
    state.className = "hint";
    state.textContent = t(verified ? "people.safety.verified" : "people.safety.how", { name: friend.name });
  };
  const compared = (/** @type {HTMLElement} */ button, /** @type {boolean} */ matches) => attempt(wrong, button, async () => {
    await ask("PUT", path, { matches });
    say(matches);
    if (!matches) {
      state.className = "wrong";
      state.textContent = t("people.safety.differ.what", { name: friend.name });
    }
    onCompared(matches);
  });
  attempt(wrong, match, async () => {
    const safety = await ask("GET", path);
    list.replaceChildren(...safety.words.map((/** @type {string} */ word) => el("li", {}, word)));
    say(safety.verified);
  });
  return el("div", { class: "stack" }, state, list, wrong, el("div", { class: "row" }, match, differ));
}
