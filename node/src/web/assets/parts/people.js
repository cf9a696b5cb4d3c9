// @ts-check
/**
 * The panel beside the timeline: who asks to be a friend and who is here now. All friends are on their own page
 * (`pages/people.js`).
 * @module
 */
import { el, face, notice } from "../lib/dom.js";
import { known } from "../lib/friends.js";
import * as live from "../lib/live.js";
import { t } from "../lib/words.js";
import { acceptSheet, inviteSheet } from "./invite.js";
import { requestCard, requests } from "./requests.js";

/** @typedef {import("../lib/api.js").Friend} Friend */

/** Friends named in the panel. */
const SHOWN = 12;

/** The panel. */
export class People {
  constructor() {
    this.requests = el("div", { class: "people" });
    this.friends = el("div", { class: "people" });
    this.all = el("a", { class: "all", href: "/people" });
    this.node = el("aside", { class: "side", "aria-label": t("nav.people") },
      el("section", { class: "panel" },
        el("div", { class: "panel-head" }, el("h2", {}, t("people.friends")), this.all),
        this.requests, this.friends,
        el("div", { class: "row" },
          el("button", { class: "main grow", type: "button", onclick: () => inviteSheet() }, t("people.invite")),
          el("button", { class: "grow", type: "button", onclick: () => acceptSheet(() => this.load()) }, t("people.accept")))));
    live.on("friends", () => { this.draw().catch(() => {}); });
  }

  async load() {
    const [asking] = await Promise.all([requests(), this.draw()]);
    this.requests.replaceChildren(...asking.map((request) => requestCard(request, () => { this.load().catch(() => {}); })));
  }

  async draw() {
    const friends = await known();
    const here = friends.filter((friend) => friend.online);
    const shown = here.slice(0, SHOWN);
    this.friends.replaceChildren(...shown.map((friend) => personButton(friend)));
    if (here.length > SHOWN) this.friends.append(el("a", { class: "hint", href: "/people" }, t("people.here.more", { n: here.length - SHOWN })));
    if (friends.length === 0) this.friends.append(el("p", { class: "hint" }, t("people.none")));
    else if (here.length === 0) this.friends.append(el("p", { class: "hint" }, t("people.here.none")));
    this.all.textContent = friends.length > 0 ? t("people.all", { n: friends.length }) : "";
  }
}

/**
 * A friend as a button that opens their sheet.
 * @param {Friend} friend
 * @returns {HTMLElement}
 */
export function personButton(friend) {
  const state = stateOf(friend);
  const button = el("button", { class: "person", type: "button", onclick: () => {
    import("./friend-sheet.js").then(({ friendSheet }) => friendSheet(friend.id)).catch((error) => notice(error.message));
  } }, face(friend, true),
  el("span", { class: "who" }, el("span", { class: "name", dir: "auto" }, friend.name),
    el("small", {}, [friend.verified ? t("people.verified") : "", friend.tags.map((tag) => `#${tag}`).join(" ") || state].filter(Boolean).join(" · "))),
  el("span", { class: friend.online ? "dot on" : "dot", role: "img", "aria-label": state, title: state }));
  return button;
}

/**
 * Whether a friend is here, in words.
 * @param {Friend} friend
 */
export function stateOf(friend) {
  if (friend.online) return t("people.state.here");
  return t(friend.last_seen ? "people.state.away" : "people.state.never");
}
