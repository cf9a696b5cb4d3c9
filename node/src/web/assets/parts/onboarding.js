// @ts-check
/**
 * The first run: a name, then the 24 words, once.
 * @module
 */
import { ask } from "../lib/api.js";
import { during, el } from "../lib/dom.js";

/**
 * Shows what is still to be done; resolves when everything is.
 * @param {HTMLElement} root
 * @param {{state: string, words: string[]}} state
 * @returns {Promise<void>}
 */
export async function onboarding(root, state) {
  let now = state;
  if (now.state === "new") now = await askName(root);
  if (now.state === "words") await showWords(root, now.words);
}

/**
 * @param {HTMLElement} root
 * @returns {Promise<{state: string, words: string[]}>}
 */
function askName(root) {
  return new Promise((resolve) => {
    const name = /** @type {HTMLInputElement} */ (el("input", { type: "text", id: "name", autocomplete: "name", maxlength: 64, required: true }));
    const go = el("button", { class: "main", type: "submit" }, "Begin");
    const form = el("form", { class: "panel" }, el("label", { for: "name" }, "What do your friends call you?"), name, el("div", { class: "row end" }, go));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      during(go, async () => resolve(await ask("POST", "/onboarding", { name: name.value.trim() })));
    });
    root.replaceChildren(el("main", { class: "door", id: "main" }, el("h1", { class: "brand" }, "Tidings"),
      el("p", {}, "A place for moments with friends. It runs on this machine; what you share goes to the friends you choose, sealed, and to nobody else."), form));
    name.focus();
  });
}

/**
 * @param {HTMLElement} root
 * @param {string[]} words
 * @returns {Promise<void>}
 */
function showWords(root, words) {
  return new Promise((resolve) => {
    const done = el("button", { class: "main", type: "button", onclick: () => during(done, async () => {
      await ask("DELETE", "/onboarding/words");
      resolve();
    }) }, "I have written them down");
    root.replaceChildren(el("main", { class: "door", id: "main" }, el("h1", { class: "brand" }, "Your 24 words"),
      el("p", {}, "They are the only way back to your friends and moments if this machine is lost. Write them on paper, in order. They are shown this once; whoever has them is you."),
      el("ol", { class: "words" }, ...words.map((word) => el("li", {}, word))), el("div", { class: "row end" }, done)));
  });
}
