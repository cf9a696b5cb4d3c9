// @ts-check
/**
 * Moments privacy: how far back, strangers, and from whom what is hidden. Each change holds at once; nobody is told.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { choice } from "./choice.js";
import { peopleList } from "./people-list.js";

/** @typedef {import("../lib/api.js").Person} Person */

/** @returns {Promise<import("../pages/settings.js").Section>} */
export async function open() {
  const [privacy, { friends, blocked }] = await Promise.all([ask("GET", "/privacy"), ask("GET", "/friends")]);
  const change = async (/** @type {object} */ what) => { await ask("PATCH", "/privacy", what); };
  return {
    node: el("div", { class: "stack" },
      el("p", { class: "hint" }, t("settings.privacy.silent")),
      howFar(privacy.window, change),
      choice({
        title: t("settings.strangers"), value: String(privacy.strangers), keep: (value) => change({ strangers: Number(value) }),
        options: [{ value: "0", label: t("settings.strangers.0"), hint: t("settings.strangers.0.hint") }, { value: "10", label: t("settings.strangers.10"), hint: t("settings.strangers.10.hint") }],
      }),
      ...lists(privacy, friends, blocked, change)),
  };
}

/** @param {string} value @param {(what: object) => Promise<void>} change */
function howFar(value, change) {
  return el("div", { class: "stack" },
    choice({
      title: t("settings.window"), value, keep: (window) => change({ window }),
      options: [
        { value: "all", label: t("settings.window.all") },
        { value: "6m", label: t("settings.window.6m") },
        { value: "1m", label: t("settings.window.1m") },
        { value: "3d", label: t("settings.window.3d") },
      ],
    }),
    el("p", { class: "hint" }, t("settings.window.new")),
    el("p", { class: "hint" }, t("settings.window.old")));
}

/**
 * @param {{hide_mine_from: Person[], hide_theirs: Person[], chats_only: Person[]}} privacy
 * @param {(Person & {muted?: boolean})[]} friends
 * @param {Person[]} blocked
 * @param {(what: object) => Promise<void>} change
 */
function lists(privacy, friends, blocked, change) {
  const none = t("settings.people.none");
  return [
    peopleList({
      title: t("settings.hide_mine"), hint: t("settings.hide_mine.hint"), none, off: t("settings.hide_mine.off"), people: privacy.hide_mine_from, others: friends,
      change: ({ id }, isOn) => change(isOn ? { hide_mine_from: [id] } : { show_mine_to: [id] }),
    }),
    peopleList({
      title: t("settings.hide_theirs"), hint: t("settings.hide_theirs.hint"), none, off: t("settings.hide_theirs.off"), people: privacy.hide_theirs, others: friends,
      change: ({ id }, isOn) => change(isOn ? { hide_theirs: [id] } : { show_theirs: [id] }),
    }),
    peopleList({
      title: t("settings.chats_only"), hint: t("settings.chats_only.hint"), none, off: t("settings.chats_only.off"), people: privacy.chats_only, others: friends,
      change: async ({ id }, isOn) => { await ask(isOn ? "PUT" : "DELETE", `/friends/${part(id)}/chats-only`); },
    }),
    peopleList({
      title: t("settings.blocked"), hint: t("settings.blocked.hint"), none, off: t("settings.blocked.off"), people: blocked,
      change: async ({ id }) => { await ask("DELETE", `/friends/${part(id)}/block`); },
    }),
  ];
}
