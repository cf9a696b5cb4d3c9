// @ts-check
/**
 * What the node takes on the disk, in all and for each friend.
 * @module
 */
import { ask } from "../lib/api.js";
import { el, face } from "../lib/dom.js";
import { size, t } from "../lib/words.js";

/** @typedef {{friend: import("../lib/api.js").Person, bytes: number}} Part */

/** @returns {Promise<import("../pages/settings.js").Section>} */
export async function open() {
  const { disk } = await ask("GET", "/status");
  const line = (/** @type {string} */ words, /** @type {number} */ bytes) => el("div", {}, el("dt", {}, words), el("dd", {}, size(bytes)));
  return {
    node: el("div", { class: "stack" },
      el("section", { class: "panel" },
        el("dl", { class: "facts" },
          line(t("settings.storage.blobs"), disk.blob_bytes), line(t("settings.storage.store"), disk.store_bytes), line(t("settings.storage.free"), disk.free_bytes)),
        el("p", { class: "hint" }, t("settings.storage.sealed"))),
      el("section", { class: "panel" }, el("h2", {}, t("settings.storage.friends")),
        disk.friends.length > 0 ? bars(disk.friends) : el("p", { class: "hint" }, t("settings.storage.nobody")),
        el("p", { class: "hint" }, t("settings.storage.friends.hint")))),
  };
}

/** @param {Part[]} friends the most first, as the node sorts them */
function bars(friends) {
  const most = Math.max(1, ...friends.map(({ bytes }) => bytes));
  return el("ul", { class: "bars" }, ...friends.map(({ friend, bytes }) => {
    const bar = el("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--part", String(bytes / most));
    return el("li", {}, face(friend, true), el("span", { class: "grow" }, el("span", { class: "bar-words" }, el("bdi", {}, friend.name), el("span", {}, size(bytes))), bar));
  }));
}
