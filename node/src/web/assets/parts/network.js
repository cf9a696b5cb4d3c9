// @ts-check
/**
 * How the node is on the network: where it listens, who is connected and how, what waits, what others can see of it, and
 * its end.
 * @module
 */
import { ask } from "../lib/api.js";
import { el, face } from "../lib/dom.js";
import * as live from "../lib/live.js";
import { when } from "../lib/when.js";
import { list, parts, t } from "../lib/words.js";
import { sure } from "./sure.js";

/** @typedef {import("../lib/api.js").Person} Person */
/** @typedef {import("../lib/words.js").Key} Key */
/** @typedef {{http: string|null, listen: string[], peers: {friend: Person, path: string, since: string}[], waiting: {friend: Person, parcels: number, moments: number}[]}} Status */

/** Changes come in bursts; one look after each is enough. */
const PAUSE_MS = 400;

const PATHS = /** @type {Record<string, Key>} */ ({ direct: "settings.path.direct", relay: "settings.path.relay", lan: "settings.path.lan" });

/** Who might look, from near to far; `.can` is what they can see, `.cannot` what they cannot. */
const WATCHERS = /** @type {{who: Key, can: Key, cannot: Key}[]} */ (["friends", "left", "carrier", "provider", "wifi", "stranger", "site", "machine"]
  .map((who) => ({ who: `settings.seen.${who}`, can: `settings.seen.${who}.can`, cannot: `settings.seen.${who}.cannot` })));

/** @returns {Promise<import("../pages/settings.js").Section>} */
export async function open() {
  const state = el("div", { class: "stack" });
  const load = async () => { state.replaceChildren(...shown(await ask("GET", "/status"))); };
  await load();
  /** @type {number | undefined} */
  let soon;
  const later = () => { clearTimeout(soon); soon = window.setTimeout(() => { load().catch(() => {}); }, PAUSE_MS); };
  const gone = () => { state.replaceChildren(el("section", { class: "panel", role: "status" }, el("h2", {}, t("settings.network.off")), el("p", {}, t("settings.network.off.text")), el("p", {}, el("code", {}, "tidings run")))); };
  const offs = [...["open", "friend", "unfriended", "delivery"].map((kind) => live.on(kind, later)), live.on("lost", gone), live.on("ended", gone)];
  const stop = el("button", { type: "button", onclick: () => sure({ title: t("settings.stop.title"), text: t("settings.stop.text"), yes: t("settings.stop"), no: t("settings.stop.no") }, async () => {
    await ask("POST", "/stop");
    gone();
  }) }, t("settings.stop"));
  return {
    node: el("div", { class: "stack" }, state, seen(),
      el("section", { class: "panel" }, el("h2", {}, t("settings.stop")), el("p", { class: "hint" }, t("settings.stop.hint")), el("div", { class: "row" }, stop))),
    closed: () => { clearTimeout(soon); offs.forEach((off) => off()); },
  };
}

/** @param {Status} status */
function shown(status) {
  const peers = status.peers.map(({ friend, path, since }) => el("li", { class: "row" }, face(friend, true),
    el("span", { class: "grow" }, el("bdi", {}, friend.name), el("span", { class: "hint" }, t(PATHS[path] ?? "settings.path.other"), " · ", ...parts("settings.since", { time: when(since) })))));
  const waiting = status.waiting.map(({ friend, parcels, moments }) => {
    const what = [moments > 0 && t("settings.waiting.moments", { n: moments }), parcels > 0 && t("settings.waiting.parcels", { n: parcels })].filter((words) => words !== false);
    return el("li", { class: "row" }, face(friend, true), el("span", { class: "grow" }, el("bdi", {}, friend.name), el("span", { class: "hint" }, list(what))));
  });
  const none = (/** @type {Key} */ words) => el("li", { class: "hint" }, t(words));
  return [
    el("section", { class: "panel" }, el("h2", {}, t("settings.peers")), el("ul", { class: "people" }, ...(peers.length > 0 ? peers : [none("settings.peers.none")]))),
    el("section", { class: "panel" }, el("h2", {}, t("settings.waiting")), el("p", { class: "hint" }, t("settings.waiting.hint")), el("ul", { class: "people" }, ...(waiting.length > 0 ? waiting : [none("settings.waiting.none")]))),
    el("section", { class: "panel" }, el("h2", {}, t("settings.addresses")), el("p", { class: "hint" }, t("settings.addresses.hint")),
      el("ul", { class: "addresses" }, ...status.listen.map((address) => el("li", {}, el("code", { dir: "ltr" }, address)))),
      status.http && el("p", { class: "hint" }, ...parts("settings.addresses.http", { address: el("code", { dir: "ltr" }, status.http) }))),
  ];
}

/** What could be seen, and by whom. */
function seen() {
  return el("section", { class: "panel" }, el("h2", {}, t("settings.seen")), el("p", { class: "hint" }, t("settings.seen.hint")),
    ...WATCHERS.map(({ who, can, cannot }) => el("details", { class: "seen" }, el("summary", {}, t(who)),
      el("p", {}, el("strong", {}, t("settings.seen.can")), " ", t(can)), el("p", {}, el("strong", {}, t("settings.seen.cannot")), " ", t(cannot)))),
    el("p", { class: "hint" }, t("settings.seen.seen")));
}
