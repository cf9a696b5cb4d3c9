// @ts-check
/**
 * The timeline: newest first, as far back as one scrolls, changes in place.
 * @module
 */
import { ask } from "../lib/api.js";
import { el, icon, notice } from "../lib/dom.js";
import * as live from "../lib/live.js";
import { whoami } from "../lib/me.js";
import { t } from "../lib/words.js";
import { composer } from "../parts/composer.js";
import { Feed } from "../parts/feed.js";
import { acceptSheet, inviteSheet } from "../parts/invite.js";
import { People } from "../parts/people.js";
import { arrived } from "../parts/photos.js";
import { TimelineHead } from "../parts/timeline-head.js";

/** @typedef {import("../lib/api.js").Moment} Moment */

/** @returns {Promise<import("../lib/router.js").Page>} */
export async function open() {
  const me = whoami();
  const people = new People();
  const head = new TimelineHead(me);
  const nothing = empty(() => people.load());
  const feed = new Feed({
    me: me.user,
    label: t("nav.moments"),
    read: (before, limit) => ask("GET", `/timeline?limit=${limit}${before ? `&before=${encodeURIComponent(before)}` : ""}`),
    onCount: (isEmpty) => { nothing.hidden = !isEmpty; },
  });
  listen(feed, people);
  // What stands above and beside is there before anything is shown, so that nothing moves.
  await Promise.all([head.load(), people.load()]).catch(() => {});
  return {
    title: t("nav.moments"),
    node: el("div", { class: "frame" },
      el("div", { class: "timeline" }, el("h1", { class: "visually-hidden" }, t("nav.moments")), head.node, composer((/** @type {Moment} */ moment) => feed.put(moment, true)), nothing, feed.node),
      people.node),
    shown: () => feed.shown(),
    hidden: () => feed.hidden(),
  };
}

/**
 * @param {Feed} feed
 * @param {People} people
 */
function listen(feed, people) {
  live.on("open", () => { Promise.all([feed.load(), people.load()]).catch((error) => notice(error.message)); });
  live.on("moment", (event) => feed.put(event.moment));
  live.on("interaction", (event) => feed.put(event.moment));
  live.on("withdrawn", (event) => feed.remove(event.id));
  live.on("delivery", (event) => {
    const card = feed.find(event.id);
    if (card) card.update({ ...card.moment, delivery: event.delivery });
  });
  live.on("blob", (event) => arrived(event.id));
  live.on("friend", ({ friend }) => {
    // What a friend is called stands on each of their cards and in what they said.
    if (feed.cards().some(({ moment }) => moment.author.id === friend.id && moment.author.name !== friend.name)) feed.load().catch(() => {});
  });
  for (const kind of ["friend", "unfriended", "request"]) live.on(kind, () => { people.load().catch(() => {}); });
  live.on("unfriended", () => { feed.load().catch(() => {}); });
}

/**
 * What to do while there is nothing.
 * @param {() => void} onFriend
 */
function empty(onFriend) {
  const write = () => {
    const field = document.querySelector(".composer textarea, .composer button");
    if (field instanceof HTMLElement) field.focus();
  };
  const step = (/** @type {Parameters<typeof icon>[0]} */ shape, /** @type {string} */ label, /** @type {() => void} */ run) =>
    el("button", { type: "button", onclick: run }, icon(shape), label);
  return el("div", { class: "empty", hidden: true }, el("h2", {}, t("timeline.empty.title")), el("p", {}, t("timeline.empty.text")),
    el("div", { class: "empty-steps" },
      step("photo", t("timeline.empty.share"), write),
      step("people", t("timeline.empty.invite"), () => inviteSheet()),
      step("link", t("timeline.empty.accept"), () => acceptSheet(onFriend))));
}
