// @ts-check
/**
 * One friend: who they are and how they are reached, my name and note for them, their tags, what each sees of the other,
 * safety words, and the ways to part. Everything here is mine alone: nobody is told.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, dialog, el, face, icon, notice } from "../lib/dom.js";
import * as directory from "../lib/friends.js";
import * as live from "../lib/live.js";
import { language, t } from "../lib/words.js";
import { when } from "../lib/when.js";
import { introduceSheet } from "./introduce.js";
import { stateOf } from "./people.js";
import { safetyWords } from "./safety.js";
import { tagChooser } from "./tags.js";

/** @typedef {import("../lib/api.js").Friend} Friend */
/** @typedef {import("../lib/words.js").Word} Word */

/**
 * Opens the sheet.
 * @param {string} id
 */
export async function friendSheet(id) {
  /** @type {Friend} */
  const friend = await ask("GET", `/friends/${part(id)}`);
  const box = dialog("sheet wide friend", (close) => [el("div", { class: "stack" }, head(friend, close), ways(friend, close),
    section("people.name", nameForm(friend), true),
    section("people.tags", el("div", { class: "stack" }, tagChooser(friend), el("p", { class: "hint" }, t("people.tags.what"))), true),
    section("people.safety.title", safetyWords(friend, () => { refresh(friend.id); }), !friend.verified),
    section("people.privacy", privacy(friend), true),
    section("people.part", parting(friend, close), false))]);
  const off = live.on("unfriended", (event) => { if (event.id === friend.id) box.close(); });
  box.addEventListener("close", off);
}

/**
 * Asks for a friend anew and tells everybody who shows them.
 * @param {string} id
 */
export async function refresh(id) {
  live.tell("friend", { friend: await ask("GET", `/friends/${part(id)}`) });
}

/** @param {Friend} friend @param {() => void} close */
function head(friend, close) {
  const own = friend.own_name !== friend.name ? el("p", { class: "hint" }, t("people.own", { name: friend.own_name })) : null;
  const status = friend.status ? el("p", { dir: "auto" }, [friend.status.emoji, friend.status.text].filter(Boolean).join(" ")) : null;
  const since = new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(new Date(friend.since));
  return el("div", { class: "friend-head" }, face(friend, "large"),
    el("div", { class: "who" }, el("h2", { dir: "auto", tabindex: "-1", autofocus: true }, friend.name), own, status,
      friend.about ? el("p", { dir: "auto" }, friend.about) : null, state(friend),
      el("p", { class: "hint" }, friend.introduced_by ? t("people.since.by", { since, by: friend.introduced_by.name }) : t("people.since", { since }))),
    el("button", { class: "quiet icon", type: "button", "aria-label": t("people.close"), onclick: close }, icon("close")));
}

/** @param {Friend} friend */
function state(friend) {
  const dot = el("span", { class: friend.online ? "dot on" : "dot", "aria-hidden": "true" });
  const path = friend.online && friend.path ? ` · ${t(PATHS[friend.path])}` : "";
  const seen = !friend.online && friend.last_seen ? [" · ", when(friend.last_seen)] : [];
  return el("p", { class: "state" }, dot, " ", stateOf(friend), path, ...seen);
}

const PATHS = /** @type {Record<string, Word>} */ ({ direct: "people.path.direct", relay: "people.path.relay", lan: "people.path.lan" });

/** @param {Friend} friend @param {() => void} close */
function ways(friend, close) {
  const away = { onclick: close };
  return el("div", { class: "row" },
    el("a", { class: "button", href: `/people/${friend.id}`, ...away }, t("people.page")),
    el("a", { class: "button", href: `/people/${friend.id}/as-they-see`, ...away }, t("people.as", { name: friend.name })),
    el("button", { type: "button", onclick: () => { close(); introduceSheet(friend).catch((error) => notice(error.message)); } }, t("people.introduce")));
}

/**
 * @param {Word} title
 * @param {HTMLElement} body
 * @param {boolean} isOpen
 */
const section = (title, body, isOpen) => el("details", { open: isOpen }, el("summary", {}, el("h3", {}, t(title))), body);

/** @param {Friend} friend */
function nameForm(friend) {
  const name = /** @type {HTMLInputElement} */ (el("input", { type: "text", id: "friend-name", value: friend.name, placeholder: friend.own_name, maxlength: 64, autocomplete: "off", dir: "auto" }));
  const note = /** @type {HTMLTextAreaElement} */ (el("textarea", { id: "friend-note", rows: 2, dir: "auto" }, friend.note));
  const wrong = el("p", { class: "wrong", role: "alert" });
  const save = el("button", { type: "submit" }, t("people.save"));
  const form = el("form", {}, el("label", { for: "friend-name" }, t("people.name.mine")), name,
    el("label", { for: "friend-note" }, t("people.note")), note, wrong, el("div", { class: "row end" }, save));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(wrong, save, async () => {
      const changed = await ask("PATCH", `/friends/${part(friend.id)}`, { name: name.value.trim(), note: note.value });
      name.value = changed.name;
      live.tell("friend", { friend: changed });
      const title = form.closest("dialog")?.querySelector("h2");
      if (title) title.textContent = changed.name;
      notice(t("people.saved"));
    });
  });
  return form;
}

/** @param {Friend} friend */
function privacy(friend) {
  const path = `/friends/${part(friend.id)}`;
  const list = (/** @type {string} */ on, /** @type {string} */ off) => (/** @type {boolean} */ isOn) =>
    ask("PATCH", "/privacy", { [isOn ? on : off]: [friend.id] });
  const verb = (/** @type {string} */ address) => (/** @type {boolean} */ isOn) => ask(isOn ? "PUT" : "DELETE", address);
  const wrong = el("p", { class: "wrong", role: "alert" });
  const one = (/** @type {Word} */ label, /** @type {Word} */ hint, /** @type {boolean} */ now, /** @type {(isOn: boolean) => Promise<any>} */ change) => {
    const box = /** @type {HTMLInputElement} */ (el("input", { type: "checkbox", role: "switch", checked: now }));
    box.addEventListener("change", () => attempt(wrong, box, async () => {
      try {
        await change(box.checked);
      } catch (error) {
        box.checked = !box.checked;
        throw error;
      }
      await refresh(friend.id);
    }));
    return el("label", { class: "choice" }, box, el("span", {}, t(label, { name: friend.name }), el("small", { class: "hint" }, t(hint, { name: friend.name }))));
  };
  return el("div", { class: "stack" },
    one("people.hide.mine", "people.hide.mine.what", friend.hide_mine, list("hide_mine_from", "show_mine_to")),
    one("people.hide.theirs", "people.hide.theirs.what", friend.hide_theirs, list("hide_theirs", "show_theirs")),
    one("people.chats", "people.chats.what", friend.chats_only, verb(`${path}/chats-only`)),
    one("people.mute", "people.mute.what", friend.muted, verb(`/mutes/${part(`@${friend.id}`)}`)),
    wrong, el("p", { class: "hint" }, t("people.privacy.window"), " ", el("a", { href: "/settings", onclick: (/** @type {Event} */ event) => { /** @type {HTMLElement} */ (event.currentTarget).closest("dialog")?.close(); } }, t("nav.settings"))));
}

/** @param {Friend} friend @param {() => void} close */
function parting(friend, close) {
  const wrong = el("p", { class: "wrong", role: "alert" });
  const sure = el("div", { class: "stack", role: "status" });
  const path = `/friends/${part(friend.id)}`;
  const first = (/** @type {Word} */ what, /** @type {Word} */ yes, /** @type {() => Promise<any>} */ work) => () => {
    const button = el("button", { class: "danger", type: "button", onclick: () => attempt(wrong, button, async () => {
      await work();
      live.tell("unfriended", { id: friend.id });
      close();
    }) }, t(yes));
    sure.replaceChildren(el("p", {}, t(what, { name: friend.name })), el("div", { class: "row" }, button,
      el("button", { class: "quiet", type: "button", onclick: () => sure.replaceChildren() }, t("people.cancel"))));
    button.focus();
  };
  return el("div", { class: "stack" }, el("div", { class: "row" },
    el("button", { type: "button", onclick: first("people.block.what", "people.block.yes", () => ask("PUT", `${path}/block`)) }, t("people.block")),
    el("button", { type: "button", onclick: first("people.remove.what", "people.remove.yes", () => ask("DELETE", path)) }, t("people.remove"))), sure, wrong);
}

/** Whether somebody is a friend: whoever shows a person may offer the sheet. @param {string} id */
export const isFriend = (id) => directory.friend(id) !== undefined;
