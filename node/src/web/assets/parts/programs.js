// @ts-check
/**
 * Other programs that may speak to the node: granting a token, which is shown once, and taking it back.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, complaint, el } from "../lib/dom.js";
import { when } from "../lib/when.js";
import { list, parts, t } from "../lib/words.js";
import { sure } from "./sure.js";

/** @typedef {{name: string, scopes: string[], created_at: string}} Token */

const SCOPES = /** @type {{scope: string, label: import("../lib/words.js").Key, hint: import("../lib/words.js").Key}[]} */ ([
  { scope: "read", label: "settings.scope.read", hint: "settings.scope.read.hint" },
  { scope: "post", label: "settings.scope.post", hint: "settings.scope.post.hint" },
  { scope: "share-in", label: "settings.scope.share-in", hint: "settings.scope.share-in.hint" },
]);

/** @returns {Promise<import("../pages/settings.js").Section>} */
export async function open() {
  const rows = el("ul", { class: "programs" });
  const load = async () => {
    const { tokens } = await ask("GET", "/tokens");
    rows.replaceChildren(...tokens.map((/** @type {Token} */ token) => row(token, load)));
    if (tokens.length === 0) rows.append(el("li", { class: "hint" }, t("settings.programs.none")));
  };
  await load();
  const shown = el("div", { role: "status" });
  return {
    node: el("div", { class: "stack" }, el("p", { class: "hint" }, t("settings.programs.what")),
      el("section", { class: "panel" }, el("h2", {}, t("settings.programs.granted")), rows), grant(load, shown)),
    // A token is shown once: not again to whoever comes back to this page.
    hidden: () => shown.replaceChildren(),
  };
}

/** @param {Token} token @param {() => Promise<void>} load */
function row(token, load) {
  const may = list(SCOPES.filter(({ scope }) => token.scopes.includes(scope)).map(({ label }) => t(label)));
  const revoke = () => sure({ title: t("settings.programs.revoke.title", { name: token.name }), text: t("settings.programs.revoke.text"), yes: t("settings.programs.revoke") }, async () => {
    await ask("DELETE", `/tokens/${part(token.name)}`);
    await load();
  });
  return el("li", { class: "row" },
    el("span", { class: "grow" }, el("bdi", {}, el("strong", {}, token.name)), el("span", { class: "hint" }, may, " · ", ...parts("settings.programs.since", { time: when(token.created_at) }))),
    el("button", { type: "button", "aria-label": `${t("settings.programs.revoke")}: ${token.name}`, onclick: revoke }, t("settings.programs.revoke")));
}

/** @param {() => Promise<void>} load @param {HTMLElement} shown where a new token stands */
function grant(load, shown) {
  const name = /** @type {HTMLInputElement} */ (el("input", { type: "text", id: "program-name", maxlength: 64, required: true, autocomplete: "off" }));
  const scopes = SCOPES.map(({ scope, label, hint }) => {
    const box = /** @type {HTMLInputElement} */ (el("input", { type: "checkbox", value: scope }));
    return { box, node: el("label", { class: "choice" }, box, el("span", {}, t(label), el("span", { class: "hint" }, t(hint)))) };
  });
  const wrong = complaint();
  const go = el("button", { class: "main", type: "submit" }, t("settings.programs.grant"));
  const form = el("form", { class: "panel" }, el("h2", {}, t("settings.programs.new")),
    el("label", { for: "program-name" }, t("settings.programs.name")), name,
    el("fieldset", { class: "choices" }, el("legend", {}, t("settings.programs.may")), ...scopes.map(({ node }) => node)),
    wrong, el("div", { class: "row end" }, go), shown);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = scopes.filter(({ box }) => box.checked).map(({ box }) => box.value);
    attempt(wrong, go, async () => {
      const made = await ask("POST", "/tokens", { name: name.value.trim(), scopes: chosen });
      shown.replaceChildren(once(made.name, made.token));
      name.value = "";
      for (const { box } of scopes) box.checked = false;
      await load();
    });
  });
  return form;
}

/** @param {string} name @param {string} token */
function once(name, token) {
  const copied = el("span", { class: "hint", role: "status" });
  const copy = el("button", { type: "button", onclick: () => attempt(copied, copy, async () => {
    await navigator.clipboard.writeText(token);
    copied.textContent = t("settings.copied");
  }) }, t("settings.copy"));
  return el("div", { class: "request" }, el("p", {}, t("settings.programs.once", { name })), el("p", { class: "link token" }, token),
    el("p", { class: "hint" }, t("settings.programs.how")), el("div", { class: "row" }, copy, copied));
}
