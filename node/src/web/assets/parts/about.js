// @ts-check
/**
 * What this program is, and who I am to it.
 * @module
 */
import { ask } from "../lib/api.js";
import { attempt, el } from "../lib/dom.js";
import { t } from "../lib/words.js";

/** @returns {Promise<import("../pages/settings.js").Section>} */
export async function open() {
  const me = await ask("GET", "/whoami");
  const version = document.querySelector('meta[name="tidings-version"]')?.getAttribute("content") ?? "";
  const fact = (/** @type {string} */ words, /** @type {Node} */ what) => el("div", {}, el("dt", {}, words), el("dd", {}, what));
  const code = (/** @type {string} */ text) => el("code", { dir: "ltr" }, text);
  return {
    node: el("div", { class: "stack" },
      el("section", { class: "panel" }, el("h2", {}, t("settings.about.you")),
        el("dl", { class: "facts long" }, fact(t("settings.about.id"), id(me.user)), fact(t("settings.about.device"), code(me.device)), fact(t("settings.about.home"), code(me.home))),
        el("p", {}, t("settings.about.words")), el("p", { class: "hint" }, t("settings.about.copy"))),
      el("section", { class: "panel" }, el("h2", {}, t("settings.about.program")),
        el("dl", { class: "facts" }, fact(t("settings.about.version"), el("span", {}, `Tidings ${version}`)), fact(t("settings.about.licence"), el("span", {}, "MIT OR Apache-2.0")), fact(t("settings.about.parts"), code("tidings --version --verbose"))),
        el("p", { class: "hint" }, t("settings.about.docs")),
        el("ul", { class: "docs" }, el("li", {}, code("tidings man"), " ", t("settings.about.docs.commands")), el("li", {}, code("docs/threat-model.md"), " ", t("settings.about.docs.safety")), el("li", {}, code("docs/protocol.md"), " ", t("settings.about.docs.protocol"))),
        el("p", { class: "hint" }, t("settings.about.nothing")))),
  };
}

/** @param {string} user */
function id(user) {
  const copied = el("span", { class: "hint", role: "status" });
  const copy = el("button", { class: "quiet", type: "button", onclick: () => attempt(copied, copy, async () => {
    await navigator.clipboard.writeText(user);
    copied.textContent = t("settings.copied");
  }) }, t("settings.copy"));
  return el("span", {}, el("code", { dir: "ltr" }, user), copy, copied);
}
