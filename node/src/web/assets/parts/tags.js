// @ts-check
/**
 * Tags: my own labels on friends. Choosing those of one friend, and the list of all of them, onto which a friend can be dragged.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, dialog, el, icon, notice } from "../lib/dom.js";
import { known, load } from "../lib/friends.js";
import * as live from "../lib/live.js";
import { t } from "../lib/words.js";

/** @typedef {import("../lib/api.js").Friend} Friend */
/** @typedef {import("../lib/api.js").Tag} Tag */

/** What a dragged friend is called in the drag. */
export const DRAGGED = "application/x-tidings-friend";
/** Longest name of a tag that a field takes; the node has the last word. */
const NAME_LENGTH = 64;

/** @returns {Promise<Tag[]>} */
export const tags = async () => (await ask("GET", "/tags")).tags;

/**
 * Puts a friend under a tag or takes them out.
 * @param {string} tag
 * @param {string} friend id
 * @param {boolean} isIn
 */
export async function setTag(tag, friend, isIn) {
  await ask("POST", `/tags/${part(tag)}/${isIn ? "add" : "remove"}`, { friends: [friend] });
  live.tell("friend", { friend: await ask("GET", `/friends/${part(friend)}`) });
  live.tell("tags", null);
}

/**
 * The tags of one friend, each a switch, and a field for a new one.
 * @param {Friend} friend
 * @returns {HTMLElement}
 */
export function tagChooser(friend) {
  const wrong = el("p", { class: "wrong", role: "alert" });
  const chips = el("div", { class: "chips", role: "group", "aria-label": t("people.tags.of", { name: friend.name }) });
  const field = /** @type {HTMLInputElement} */ (el("input", { type: "text", placeholder: t("people.tags.new.example"), "aria-label": t("people.tags.new"), maxlength: NAME_LENGTH, autocomplete: "off", dir: "auto" }));
  const add = el("button", { type: "submit" }, t("people.tags.add"));
  const chosen = new Set(friend.tags);
  const chip = (/** @type {string} */ name) => {
    const button = el("button", { class: "chip tag", type: "button", "aria-pressed": String(chosen.has(name)), onclick: () => attempt(wrong, button, async () => {
      const isIn = !chosen.has(name);
      await setTag(name, friend.id, isIn);
      if (isIn) chosen.add(name);
      else chosen.delete(name);
      button.setAttribute("aria-pressed", String(isIn));
    }) }, name);
    return button;
  };
  const form = el("form", { class: "row" }, el("span", { class: "grow" }, field), add);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = field.value.trim();
    if (name) attempt(wrong, add, async () => {
      await setTag(name, friend.id, true);
      field.value = "";
      if (chosen.has(name)) return;
      chosen.add(name);
      const old = [...chips.children].find((other) => other.textContent === name);
      if (old) old.setAttribute("aria-pressed", "true");
      else chips.append(chip(name));
    });
  });
  attempt(wrong, add, async () => { chips.replaceChildren(...(await tags()).map((tag) => chip(tag.name))); });
  return el("div", { class: "stack" }, chips, form, wrong);
}

/** The list of all tags: choosing one shows its friends, and a friend can be dragged onto it. */
export class Tags {
  /** @param {(tag: string | null) => void} onChoose */
  constructor(onChoose) {
    this.onChoose = onChoose;
    /** @type {string | null} */
    this.chosen = null;
    this.list = el("ul", { class: "tags" });
    this.wrong = el("p", { class: "wrong", role: "alert" });
    this.node = el("section", { class: "panel", "aria-label": t("people.tags") },
      el("div", { class: "panel-head" }, el("h2", {}, t("people.tags")), el("button", { class: "quiet", type: "button", onclick: () => tagSheet(null) }, t("people.tags.new"))),
      this.list, this.wrong, el("p", { class: "hint" }, t("people.tags.what")));
  }

  async load() {
    const all = await tags();
    if (this.chosen !== null && !all.some((tag) => tag.name === this.chosen)) this.choose(null);
    this.list.replaceChildren(this.row(null, 0), ...all.map((tag) => this.row(tag, tag.friends.length)));
    this.list.hidden = all.length === 0;
    this.mark();
  }

  /** @param {string | null} name */
  choose(name) {
    this.chosen = name;
    this.mark();
    this.onChoose(name);
  }

  mark() {
    for (const button of this.list.querySelectorAll(".tag-name")) {
      if (button instanceof HTMLElement) button.setAttribute("aria-pressed", String((button.dataset.tag ?? null) === this.chosen));
    }
  }

  /**
   * @param {Tag | null} tag none for all friends
   * @param {number} count
   */
  row(tag, count) {
    const name = tag?.name ?? null;
    const row = el("li", { class: "tag-row" },
      el("button", { class: "tag-name", type: "button", dataset: name === null ? {} : { tag: name }, onclick: () => this.choose(name) },
        tag ? el("bdi", {}, tag.name) : t("people.tags.all"), tag ? el("small", {}, t("people.count", { n: count })) : null),
      tag && el("button", { class: "quiet icon", type: "button", "aria-label": t("people.tags.edit", { tag: tag.name }), title: t("people.tags.edit", { tag: tag.name }), onclick: () => tagSheet(tag) }, icon("gear")));
    if (tag) this.takes(row, tag.name);
    return row;
  }

  /**
   * Lets a friend be dropped on a row.
   * @param {HTMLElement} row
   * @param {string} tag
   */
  takes(row, tag) {
    const isFriend = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes(DRAGGED);
    row.addEventListener("dragover", (event) => {
      if (!isFriend(event)) return;
      event.preventDefault();
      row.classList.add("over");
    });
    row.addEventListener("dragleave", () => row.classList.remove("over"));
    row.addEventListener("drop", (event) => {
      if (!isFriend(event)) return;
      event.preventDefault();
      row.classList.remove("over");
      const [id, name] = JSON.parse(event.dataTransfer?.getData(DRAGGED) ?? "[]");
      attempt(this.wrong, row, async () => {
        await setTag(tag, id, true);
        notice(t("people.tags.added", { name, tag }));
      });
    });
  }
}

/**
 * A tag's name and members; a new one, if there is none yet.
 * @param {Tag | null} tag
 */
async function tagSheet(tag) {
  const friends = await known();
  const members = new Set(tag?.friends.map((friend) => friend.id));
  const before = new Set(members);
  const wrong = el("p", { class: "wrong", role: "alert" });
  const name = /** @type {HTMLInputElement} */ (el("input", { type: "text", id: "tag-name", value: tag?.name ?? "", placeholder: t("people.tags.new.example"), maxlength: NAME_LENGTH, autocomplete: "off", required: true, dir: "auto" }));
  const save = el("button", { class: "main", type: "submit" }, t("people.save"));
  const sure = el("div", { class: "stack", hidden: true });
  const form = el("form", {}, el("h2", {}, tag ? t("people.tags.edit", { tag: tag.name }) : t("people.tags.new")),
    el("label", { for: "tag-name" }, t("people.tags.name")), name, picker(friends, members),
    el("p", { class: "hint" }, t("people.tags.what")), wrong, sure);
  const box = dialog("sheet", (close) => {
    form.append(el("div", { class: "row end" },
      tag && el("button", { class: "quiet", type: "button", onclick: () => sure_first(close) }, t("people.tags.delete")),
      el("button", { class: "quiet", type: "button", onclick: close }, t("people.cancel")), save));
    return [form];
  });
  const sure_first = (/** @type {() => void} */ close) => {
    const yes = el("button", { class: "danger", type: "button", onclick: () => attempt(wrong, yes, async () => {
      await ask("DELETE", `/tags/${part(tag?.name ?? "")}`);
      await load();
      live.tell("tags", null);
      close();
    }) }, t("people.tags.delete.yes"));
    sure.hidden = false;
    sure.replaceChildren(el("p", {}, t("people.tags.delete.what", { tag: tag?.name ?? "" })), el("div", { class: "row" }, yes));
    yes.focus();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(wrong, save, async () => {
      const wanted = name.value.trim();
      if (tag && wanted !== tag.name) await ask("PATCH", `/tags/${part(tag.name)}`, { name: wanted });
      const [added, taken] = [[...members].filter((id) => !before.has(id)), [...before].filter((id) => !members.has(id))];
      if (added.length > 0 || !tag) await ask("POST", `/tags/${part(wanted)}/add`, { friends: added });
      if (taken.length > 0) await ask("POST", `/tags/${part(wanted)}/remove`, { friends: taken });
      await load();
      live.tell("tags", null);
      box.close();
    });
  });
}

/** Friends offered at once in a list to choose from. */
const OFFERED = 60;

/**
 * Choosing among friends: a field that narrows them down and a box for each.
 * @param {Friend[]} friends
 * @param {Set<string>} chosen ids; changed in place
 * @param {"checkbox" | "radio"} [kind]
 * @param {() => void} [onChange]
 * @returns {HTMLElement}
 */
export function picker(friends, chosen, kind = "checkbox", onChange = () => {}) {
  const filter = /** @type {HTMLInputElement} */ (el("input", { type: "text", placeholder: t("people.filter"), "aria-label": t("people.filter"), autocomplete: "off", dir: "auto" }));
  const list = el("div", { class: "picker", role: "group", "aria-label": t("people.friends") });
  const group = crypto.randomUUID();
  const draw = () => {
    const found = matching(friends, filter.value).sort((a, b) => Number(chosen.has(b.id)) - Number(chosen.has(a.id)));
    list.replaceChildren(...found.slice(0, OFFERED).map((friend) => {
      const box = /** @type {HTMLInputElement} */ (el("input", { type: kind, name: group, checked: chosen.has(friend.id), onchange: () => {
        if (kind === "radio") chosen.clear();
        if (box.checked) chosen.add(friend.id);
        else chosen.delete(friend.id);
        onChange();
      } }));
      return el("label", { class: "choice" }, box, el("span", { dir: "auto" }, friend.name));
    }));
    if (found.length > OFFERED) list.append(el("p", { class: "hint" }, t("people.filter.more", { n: found.length - OFFERED })));
    if (found.length === 0) list.append(el("p", { class: "hint" }, t(friends.length === 0 ? "people.none" : "people.filter.none")));
  };
  filter.addEventListener("input", draw);
  filter.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  draw();
  return el("div", { class: "stack" }, friends.length > 8 ? filter : null, list);
}

/**
 * Friends whose names, tags or notes have these words.
 * @param {Friend[]} friends
 * @param {string} text
 */
export function matching(friends, text) {
  const plain = (/** @type {string} */ said) => said.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const wanted = plain(text.trim()).split(/\s+/).filter(Boolean);
  return friends.filter((friend) => {
    const all = plain([friend.name, friend.own_name, friend.note, ...friend.tags].join(" "));
    return wanted.every((word) => all.includes(word));
  });
}
