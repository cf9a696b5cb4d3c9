// @ts-check
/**
 * One notice: who did what, when, beneath which moment, and what to hear no more of.
 * @module
 */
import { ask, blob, part } from "../lib/api.js";
import { attempt, complaint, el, face } from "../lib/dom.js";
import { when } from "../lib/when.js";
import { parts, t } from "../lib/words.js";
import { menu } from "./menu.js";

/** @typedef {import("../lib/api.js").Person} Person */
/**
 * @typedef {{id: string, kind: string, from: Person & {avatar?: string|null}, moment: string, comment: string|null, text: string, at: string, read: boolean}} Notice
 * @typedef {{id: string, text: string, photos: {id: string, preview: string|null}[], video: {poster: string|null}|null, link: {title: string, url: string}|null}} About
 */

const KINDS = /** @type {Record<string, import("../lib/words.js").Key>} */ ({
  like: "notices.like", comment: "notices.comment", reply: "notices.reply", mention: "notices.mention", hidden: "notices.hidden",
});

/** @param {Notice} notice */
const key = (notice) => KINDS[notice.kind] ?? "notices.other";

/**
 * In words, for where there is only text.
 * @param {Notice} notice
 */
export function sentence(notice) {
  const said = t(key(notice), { name: notice.from.name });
  return notice.text ? `${said}: ${notice.text}` : said;
}

/**
 * @param {Notice} notice
 * @param {{about: Promise<About | null>, onMuted: (word: string, said: string) => void}} context
 */
export function row(notice, { about, onMuted }) {
  const problem = complaint();
  const glance = el("span", { class: "notice-about", "aria-hidden": "true" });
  about.then((moment) => { if (moment) glance.append(glimpse(moment)); });
  return el("li", { class: notice.read ? "notice-row" : "notice-row unread", dataset: { id: notice.id, moment: notice.moment } },
    el("a", { class: "notice-link", href: `/moments/${notice.moment}` },
      face(notice.from),
      el("span", { class: "notice-said" },
        el("span", {}, !notice.read && el("span", { class: "visually-hidden" }, `${t("notices.new")}: `),
          ...parts(key(notice), { name: el("bdi", { class: "name" }, notice.from.name) })),
        notice.text && el("span", { class: "notice-text", dir: "auto" }, notice.text),
        el("span", { class: "hint" }, when(notice.at))),
      glance),
    more(notice, problem, onMuted), problem);
}

/** @param {About} moment */
function glimpse(moment) {
  const small = moment.photos[0]?.preview ?? moment.video?.poster;
  if (small) return el("img", { src: blob(small), alt: "", loading: "lazy" });
  return el("span", { class: "notice-words", dir: "auto" }, moment.text || moment.link?.title || moment.link?.url || "");
}

/**
 * @param {Notice} notice
 * @param {HTMLElement} problem where it is said if the node refuses
 * @param {(word: string, said: string) => void} onMuted
 */
function more(notice, problem, onMuted) {
  const name = notice.from.name;
  const mute = (/** @type {string} */ word, /** @type {string} */ label, /** @type {string} */ said) => ({
    label, icon: /** @type {const} */ ("mute"),
    run: () => { attempt(problem, null, async () => { await ask("PUT", `/mutes/${part(word)}`); onMuted(word, said); }); },
  });
  return menu(t("notices.menu", { name }), () => [
    mute(notice.moment, t("notices.mute.moment"), t("notices.muted.moment")),
    mute(`@${notice.from.id}`, t("notices.mute.person", { name }), t("notices.muted.person", { name })),
  ]);
}
