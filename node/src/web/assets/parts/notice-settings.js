// @ts-check
/**
 * Which notices there are, and whether they appear on the desktop.
 * @module
 */
import { ask, part } from "../lib/api.js";
import * as desktop from "../lib/desktop.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { choice } from "./choice.js";
import { peopleList } from "./people-list.js";

/** @typedef {import("../lib/api.js").Person} Person */

/** @returns {Promise<import("../pages/settings.js").Section>} */
export async function open() {
  const [{ friends }, wish] = await Promise.all([ask("GET", "/friends"), desktop.wish()]);
  return {
    node: el("div", { class: "stack" },
      desktop.can() ? onDesktop(wish) : el("p", { class: "hint" }, t("settings.desktop.cannot")),
      peopleList({
        title: t("settings.muted"), hint: t("settings.muted.hint"), none: t("settings.people.none"), off: t("settings.muted.off"), others: friends,
        people: friends.filter((/** @type {Person & {muted: boolean}} */ friend) => friend.muted),
        change: async ({ id }, isOn) => { await ask(isOn ? "PUT" : "DELETE", `/mutes/${part(`@${id}`)}`); },
      }),
      el("p", { class: "hint" }, t("settings.muted.moments"))),
  };
}

/** @param {desktop.Wish} wish */
function onDesktop(wish) {
  return el("div", { class: "stack" },
    choice({
      title: t("settings.desktop"), value: wish,
      options: [
        { value: "off", label: t("settings.desktop.off") },
        { value: "plain", label: t("settings.desktop.on"), hint: t("settings.desktop.on.hint") },
        { value: "names", label: t("settings.desktop.names"), hint: t("settings.desktop.names.hint") },
      ],
      keep: async (value) => {
        if (!await desktop.choose(/** @type {desktop.Wish} */ (value))) throw new Error(t("settings.desktop.refused"));
      },
    }),
    el("p", { class: "hint" }, t("settings.desktop.here")));
}
