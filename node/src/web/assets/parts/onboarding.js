// @ts-check
/**
 * The first run: a name, a picture, the 24 words and a look whether they were written down. The first friend is a page of its
 * own (`pages/welcome.js`). Every step survives a reload: which it is stands in the history's entry, and the node knows the
 * rest. The words are asked of the node when they are shown and leave the document with the step; nothing keeps them here.
 * @module
 */
import { ask } from "../lib/api.js";
import { attempt, during, el } from "../lib/dom.js";
import { size, t } from "../lib/words.js";
import { Crop, readPicture } from "./crop.js";

/** @typedef {import("../lib/words.js").Word} Word */

/** The steps, as they are counted on screen. */
export const STEPS = /** @type {Word[]} */ (["onboarding.step.name", "onboarding.step.picture", "onboarding.step.words", "onboarding.step.check", "onboarding.step.friend"]);
/** How many words are asked for. */
const ASKED = 3;
/** Largest picture that the node takes, bytes. */
const PICTURE_LIMIT = 64 * 1024 * 1024;
/** Side of the picture, pixels: what the node keeps of a small one. */
const PICTURE_SIDE = 512;

/**
 * Shows what is still to be done; resolves when everything is.
 * @param {HTMLElement} root
 * @param {{state: string}} state
 * @returns {Promise<void>}
 */
export async function onboarding(root, state) {
  let step = state.state === "new" ? "name" : history.state?.step ?? "words";
  while (step !== "done") {
    if (step !== "name") history.replaceState({ step }, "");
    if (step === "name") step = await askName(root);
    else if (step === "picture") step = await askPicture(root);
    else step = await words((node) => show(root, step === "check" ? 3 : 2, node), step);
  }
  history.replaceState(null, "", "/welcome");
}

/**
 * The two steps about the words, wherever they are shown.
 * @param {(node: HTMLElement) => void} place
 * @param {string} [step]
 * @returns {Promise<"words" | "check" | "done">}
 */
export async function words(place, step = "words") {
  return step === "check" ? await checkWords(place) : await showWords(place);
}

/**
 * How far one is.
 * @param {number} at from 0
 * @param {number[]} [open] steps before it that were put off
 */
export function progress(at, open = []) {
  return el("ol", { class: "steps", "aria-label": t("onboarding.progress", { n: at + 1, all: STEPS.length }) },
    ...STEPS.map((word, index) => el("li", { class: index < at && !open.includes(index) ? "past" : "", "aria-current": index === at ? "step" : null }, el("span", {}, t(word)))));
}

/**
 * @param {HTMLElement} root
 * @param {number} at
 * @param {HTMLElement} node
 */
function show(root, at, node) {
  root.replaceChildren(el("main", { class: "door", id: "main" }, progress(at), node));
  const first = node.querySelector("[autofocus]") ?? node.querySelector("h1");
  if (first instanceof HTMLElement) first.focus();
  document.title = `${node.querySelector("h1")?.textContent ?? ""} · Tidings`;
}

/** @param {string} text */
const heading = (text) => el("h1", { class: "brand", tabindex: "-1" }, text);

/** @param {HTMLElement} root @returns {Promise<string>} */
function askName(root) {
  return new Promise((resolve) => {
    const name = /** @type {HTMLInputElement} */ (el("input", { type: "text", id: "name", autocomplete: "name", maxlength: 64, required: true, autofocus: true, dir: "auto" }));
    const go = el("button", { class: "main", type: "submit" }, t("onboarding.begin"));
    const wrong = el("p", { class: "wrong", role: "alert" });
    const form = el("form", { class: "panel" }, el("label", { for: "name" }, t("onboarding.name.ask")), name,
      el("p", { class: "hint" }, t("onboarding.name.hint")), wrong, el("div", { class: "row end" }, go));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(wrong, go, async () => {
        await ask("POST", "/onboarding", { name: name.value.trim() });
        resolve("picture");
      });
    });
    show(root, 0, el("div", { class: "stack" }, el("h1", { class: "brand" }, "Tidings"), el("p", {}, t("onboarding.what")), form));
  });
}

/** @param {HTMLElement} root @returns {Promise<string>} */
function askPicture(root) {
  return new Promise((resolve) => {
    const wrong = el("p", { class: "wrong", role: "alert" });
    const place = el("div", { class: "edit-avatar" });
    const input = /** @type {HTMLInputElement} */ (el("input", { type: "file", accept: "image/*", class: "visually-hidden", id: "picture", tabindex: -1, "aria-hidden": "true" }));
    const choose = el("button", { type: "button", onclick: () => input.click() }, t("onboarding.picture.choose"));
    const skip = el("button", { class: "quiet", type: "button", onclick: () => resolve("words") }, t("onboarding.picture.skip"));
    const use = el("button", { class: "main", type: "button", hidden: true }, t("onboarding.picture.use"));
    const open = (/** @type {File | undefined} */ file) => {
      if (!file) return;
      attempt(wrong, choose, async () => {
        if (file.size > PICTURE_LIMIT) throw new Error(t("onboarding.picture.large", { limit: size(PICTURE_LIMIT) }));
        const crop = new Crop(await readPicture(file), 1, PICTURE_SIDE);
        place.replaceChildren(crop.node);
        choose.textContent = t("onboarding.picture.other");
        use.hidden = false;
        use.onclick = () => { attempt(wrong, use, async () => { await ask("PUT", "/profile/avatar", await crop.cut()); resolve("words"); }); };
        use.focus();
      });
    };
    input.addEventListener("change", () => open(input.files?.[0]));
    const node = el("div", { class: "stack" }, heading(t("onboarding.picture.title")), el("p", {}, t("onboarding.picture.why")),
      el("div", { class: "panel drop" }, place, input, choose, wrong), el("div", { class: "row end" }, skip, use));
    node.addEventListener("dragover", (event) => event.preventDefault());
    node.addEventListener("drop", (event) => { event.preventDefault(); open(event.dataTransfer?.files[0]); });
    show(root, 1, node);
  });
}

/**
 * @param {(node: HTMLElement) => void} place
 * @returns {Promise<"check" | "done">}
 */
async function showWords(place) {
  const all = /** @type {string[]} */ ((await ask("GET", "/onboarding")).words);
  if (all.length === 0) return "done";
  return new Promise((resolve) => {
    const done = el("button", { class: "main", type: "button", onclick: () => resolve("check") }, t("onboarding.words.done"));
    const later = el("button", { class: "quiet", type: "button", onclick: () => during(later, async () => { await ask("PUT", "/onboarding/later"); resolve("done"); }) }, t("onboarding.words.later"));
    place(el("div", { class: "stack" }, heading(t("onboarding.words.title")), el("p", {}, t("onboarding.words.what")),
      el("ol", { class: "words", translate: "no", dir: "ltr" }, ...all.map((word) => el("li", {}, word))),
      el("p", { class: "hint" }, t("onboarding.words.later.hint")), el("div", { class: "row end" }, later, done)));
  });
}

/**
 * @param {(node: HTMLElement) => void} place
 * @returns {Promise<"words" | "done">}
 */
function checkWords(place) {
  return new Promise((resolve) => {
    const asked = drawn(24, ASKED);
    const wrong = el("p", { class: "wrong", role: "alert" });
    const fields = asked.map((number) => /** @type {HTMLInputElement} */ (el("input", { type: "text", id: `word-${number}`, dataset: { number },
      autocomplete: "off", autocapitalize: "none", autocorrect: "off", spellcheck: "false", required: true, dir: "ltr", maxlength: 16 })));
    fields[0].setAttribute("autofocus", "");
    const go = el("button", { class: "main", type: "submit" }, t("onboarding.check.go"));
    const form = el("form", { class: "panel" },
      ...fields.map((field, at) => el("label", { class: "asked" }, el("span", {}, t("onboarding.check.word", { n: asked[at] })), field)),
      wrong, el("div", { class: "row end" }, el("button", { class: "quiet", type: "button", onclick: () => resolve("words") }, t("onboarding.check.back")), go));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(wrong, go, async () => {
        const all = /** @type {string[]} */ ((await ask("GET", "/onboarding")).words);
        const differing = fields.filter((field, at) => all.length > 0 && field.value.trim().toLowerCase() !== all[asked[at] - 1]);
        for (const field of fields) field.setAttribute("aria-invalid", String(differing.includes(field)));
        if (differing.length > 0) {
          differing[0].focus();
          throw new Error(t("onboarding.check.wrong", { numbers: differing.map((field) => field.dataset.number ?? "").join(", "), n: differing.length }));
        }
        await ask("DELETE", "/onboarding/words");
        for (const field of fields) field.value = "";
        resolve("done");
      });
    });
    place(el("div", { class: "stack" }, heading(t("onboarding.check.title")), el("p", {}, t("onboarding.check.what")), form));
  });
}

/**
 * So many numbers from 1 to `of`, in their order, none twice.
 * @param {number} of
 * @param {number} count
 */
function drawn(of, count) {
  const numbers = new Set();
  while (numbers.size < count) numbers.add(1 + (crypto.getRandomValues(new Uint32Array(1))[0] % of));
  return /** @type {number[]} */ ([...numbers].sort((a, b) => a - b));
}

/**
 * What reminds of words that were put off, above every page.
 * @returns {HTMLElement}
 */
export function reminder() {
  const node = el("aside", { class: "reminder", "aria-label": t("onboarding.step.words") }, el("p", {}, t("onboarding.reminder")),
    el("button", { class: "main", type: "button", onclick: () => open() }, t("onboarding.reminder.go")));
  const open = async () => {
    const box = /** @type {HTMLDialogElement} */ (el("dialog", { class: "sheet wide" }));
    let isOpen = true;
    // The words go with it: an element that somebody still holds would keep them.
    box.addEventListener("close", () => { isOpen = false; box.remove(); box.replaceChildren(); });
    document.body.append(box);
    box.showModal();
    let step = "words";
    while (step !== "done" && isOpen) step = await words((inner) => box.replaceChildren(inner), step);
    box.close();
    if ((await ask("GET", "/onboarding")).words.length === 0) node.remove();
  };
  return node;
}
