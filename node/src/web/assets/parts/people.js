// @ts-check
/**
 * The people panel: who asks to be a friend, who is one, and the sheets for inviting, accepting and one friend.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { dialog, during, el, face, notice } from "../lib/dom.js";
import { acceptSheet, inviteSheet } from "./invite.js";
import { when } from "../lib/when.js";

/** The panel. */
export class People {
  constructor() {
    this.requests = el("div", { class: "people" });
    this.friends = el("div", { class: "people" });
    this.count = el("span");
    this.node = el("aside", { class: "side", "aria-label": "People" },
      el("section", { class: "panel" },
        el("div", { class: "panel-head" }, el("h2", {}, "Friends"), this.count),
        this.requests, this.friends,
        el("div", { class: "row" },
          el("button", { class: "main grow", type: "button", onclick: inviteSheet }, "Invite"),
          el("button", { class: "grow", type: "button", onclick: () => acceptSheet(() => this.load()) }, "I have a link"))));
  }

  async load() {
    const [{ requests }, { friends }] = await Promise.all([ask("GET", "/requests"), ask("GET", "/friends")]);
    this.requests.replaceChildren(...requests.map((/** @type {import("../lib/api.js").Request} */ request) => this.request(request)));
    this.friends.replaceChildren(...friends.map((/** @type {import("../lib/api.js").Friend} */ friend) => this.friend(friend)));
    this.count.className = "hint";
    this.count.textContent = friends.length > 0 ? String(friends.length) : "";
    if (friends.length === 0 && requests.length === 0) {
      this.friends.replaceChildren(el("p", { class: "hint" }, "Nobody yet. Send somebody an invite; once both have said yes, you see each other's moments."));
    }
  }

  /** @param {import("../lib/api.js").Request} request */
  request(request) {
    const expected = request.expected && request.expected !== request.name ? ` You expected ${request.expected}.` : "";
    if (request.via === "accepted") {
      return el("div", { class: "request" }, el("p", {}, el("strong", {}, request.name), " has your yes. You are friends once they confirm."));
    }
    const answer = (/** @type {"confirm"|"decline"} */ word) => (/** @type {Event} */ event) =>
      during(/** @type {HTMLElement} */ (event.currentTarget), async () => {
        await ask("POST", `/requests/${part(request.id)}/${word}`);
        await this.load();
      });
    return el("div", { class: "request" }, el("p", {}, el("strong", {}, request.name), ` would like to be your friend.${expected}`),
      el("div", { class: "row" }, el("button", { class: "main", type: "button", onclick: answer("confirm") }, "Confirm"),
        el("button", { type: "button", onclick: answer("decline") }, "Decline")));
  }

  /** @param {import("../lib/api.js").Friend} friend */
  friend(friend) {
    const tags = friend.tags.map((tag) => `#${tag}`).join(" ");
    const state = friend.online ? "here now" : friend.last_seen ? "away" : "not met yet";
    return el("button", { class: "person", type: "button", onclick: () => friendSheet(friend, () => this.load()) }, face(friend, true),
      el("span", { class: "who" }, friend.name, el("small", {}, [friend.verified ? "verified" : "", tags || state].filter(Boolean).join(" · "))),
      el("span", { class: friend.online ? "dot on" : "dot", role: "img", "aria-label": state }));
  }
}

/**
 * One friend: safety words, tags.
 * @param {import("../lib/api.js").Friend} friend
 * @param {() => void} onChange
 */
async function friendSheet(friend, onChange) {
  const path = `/friends/${part(friend.id)}`;
  let safety;
  try {
    safety = await ask("GET", `${path}/safety`);
  } catch (error) {
    notice(error instanceof Error ? error.message : String(error));
    return;
  }
  dialog("sheet", (close) => {
    const compared = (/** @type {boolean} */ matches) => (/** @type {Event} */ event) =>
      during(/** @type {HTMLElement} */ (event.currentTarget), async () => {
        await ask("PUT", `${path}/safety`, { matches });
        notice(matches ? `${friend.name} is verified.` : "Somebody may stand between you. Do not share anything yet; invite each other again in person.");
        close();
        onChange();
      });
    const tag = /** @type {HTMLInputElement} */ (el("input", { type: "text", placeholder: "New tag, such as family", "aria-label": "New tag", maxlength: 64 }));
    const add = el("button", { type: "submit" }, "Add");
    const tags = el("form", {}, el("div", { class: "chips" }, ...friend.tags.map((name) => el("span", { class: "chip tag" }, name))),
      el("div", { class: "row" }, el("span", { class: "grow" }, tag), add));
    tags.addEventListener("submit", (event) => {
      event.preventDefault();
      const name = tag.value.trim();
      if (name) during(add, async () => { await ask("POST", `/tags/${part(name)}/add`, { friends: [friend.id] }); close(); onChange(); });
    });
    return [el("div", { class: "stack" },
      el("div", { class: "row" }, face(friend), el("div", {}, el("h2", {}, friend.name), el("p", { class: "hint" }, friend.online ? "Here now" : "Last here ", friend.online || !friend.last_seen ? null : when(friend.last_seen)))),
      el("p", {}, safety.verified ? "You said that these words match." : `Ask ${friend.name} to read theirs to you. The same words mean that nobody stands between you.`),
      el("ol", { class: "safety", "aria-label": "Safety words" }, ...safety.words.map((/** @type {string} */ word) => el("li", {}, word))),
      el("div", { class: "row" }, el("button", { class: "main", type: "button", onclick: compared(true) }, "They match"), el("button", { type: "button", onclick: compared(false) }, "They differ")),
      tags,
      el("div", { class: "row end" }, el("button", { class: "quiet", type: "button", onclick: close }, "Close")))];
  });
}
