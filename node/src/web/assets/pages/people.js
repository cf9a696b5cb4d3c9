// @ts-check
/**
 * People: who asks to be a friend, all friends, their tags, and who is blocked.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, el, notice } from "../lib/dom.js";
import { known } from "../lib/friends.js";
import * as live from "../lib/live.js";
import { t } from "../lib/words.js";
import { FriendList } from "../parts/friends.js";
import { acceptSheet, inviteSheet } from "../parts/invite.js";
import { requestCard, requests } from "../parts/requests.js";
import { Tags } from "../parts/tags.js";

/** @returns {Promise<import("../lib/router.js").Page>} */
export async function open() {
  const list = new FriendList();
  const tags = new Tags((tag) => { list.tag = tag; list.narrow(); });
  const asking = el("div", { class: "stack asking" });
  const blocked = el("div");
  const filter = /** @type {HTMLInputElement} */ (el("input", { type: "search", placeholder: t("people.filter"), "aria-label": t("people.filter"), autocomplete: "off", dir: "auto" }));
  filter.addEventListener("input", () => { list.text = filter.value; list.narrow(); });

  const loadFriends = async () => list.set(await known());
  const loadRequests = async () => asking.replaceChildren(...(await requests()).map((request) => requestCard(request, () => again(loadRequests))));
  const loadBlocked = async () => {
    const people = (await ask("GET", "/friends")).blocked;
    blocked.replaceChildren(...(people.length > 0 ? [blockedList(people)] : []));
  };
  const again = (/** @type {() => Promise<void>} */ load) => { load().catch((error) => notice(error.message)); };
  await Promise.all([loadFriends(), loadRequests(), tags.load(), loadBlocked()]);
  const offs = [
    live.on("friends", () => again(loadFriends)),
    live.on("request", () => again(loadRequests)),
    live.on("friend", () => again(loadRequests)),
    live.on("unfriended", () => { again(loadBlocked); again(() => tags.load()); }),
    live.on("blocked", () => again(loadBlocked)),
    live.on("tags", () => again(() => tags.load())),
    live.on("open", () => { again(loadRequests); again(() => tags.load()); again(loadBlocked); }),
  ];
  return {
    title: t("nav.people"),
    node: el("div", { class: "frame people-page" },
      el("div", { class: "stack" }, el("div", { class: "page-head" }, el("h1", {}, t("nav.people")),
        el("div", { class: "row" }, el("button", { class: "main", type: "button", onclick: () => inviteSheet() }, t("people.invite")),
          el("button", { type: "button", onclick: () => acceptSheet(() => again(loadRequests)) }, t("people.accept")))),
      asking, filter, list.node, blocked),
      el("div", { class: "side" }, tags.node)),
    shown: () => list.shown(),
    hidden: () => list.hidden(),
    closed: () => { list.hidden(); offs.forEach((off) => off()); },
  };
}

/** @param {import("../lib/api.js").Person[]} people */
function blockedList(people) {
  const wrong = el("p", { class: "wrong", role: "alert" });
  return el("details", { class: "panel" }, el("summary", {}, el("h2", {}, t("people.blocked", { n: people.length }))), el("p", { class: "hint" }, t("people.blocked.what")),
    el("ul", { class: "stack" }, ...people.map((person) => {
      const back = el("button", { type: "button", onclick: () => attempt(wrong, back, async () => {
        live.tell("friend", { friend: await ask("DELETE", `/friends/${part(person.id)}/block`) });
        live.tell("blocked", null);
      }) }, t("people.unblock"));
      const forget = el("button", { class: "quiet", type: "button", onclick: () => attempt(wrong, forget, async () => {
        await ask("DELETE", `/friends/${part(person.id)}`);
        live.tell("unfriended", { id: person.id });
      }) }, t("people.forget"));
      return el("li", { class: "row" }, el("span", { class: "grow", dir: "auto" }, person.name), back, forget);
    })), wrong);
}
