// @ts-check
/**
 * What stands above the timeline: my cover, my face, and what I and friends are at.
 * @module
 */
import { blob } from "../lib/api.js";
import { el, face } from "../lib/dom.js";
import { known } from "../lib/friends.js";
import * as live from "../lib/live.js";
import { whoami } from "../lib/me.js";
import { t } from "../lib/words.js";

/** How many friends' statuses stand there. */
const SHOWN = 30;

/** The head. Its room is the same with a cover and without one, so nothing moves when it comes. */
export class TimelineHead {
  /** @param {import("../lib/me.js").Me} me */
  constructor(me) {
    this.me = me;
    this.cover = el("div", { class: "cover-picture" });
    this.cover.style.setProperty("--hue", String(parseInt(me.user.slice(0, 4), 16) % 360));
    this.face = el("a", { class: "cover-face", href: `/people/${me.user}`, "aria-label": t("nav.me") });
    this.name = el("span", { class: "cover-name", dir: "auto" }, me.name);
    this.status = el("span", { class: "cover-status", dir: "auto" });
    this.others = el("ul", { class: "statuses", "aria-label": t("timeline.statuses") });
    this.node = el("header", { class: "timeline-head" },
      el("div", { class: "cover" }, this.cover, el("div", { class: "cover-words" }, this.name, this.status), this.face), this.others);
    this.shown = "";
    this.showMe(me);
  }

  /** Shows what there is, and from then on what changes. */
  async load() {
    this.friends(await known());
    live.on("friends", () => { known().then((friends) => this.friends(friends), () => {}); });
    live.on("me", () => this.showMe(whoami()));
  }

  /** @param {import("../lib/me.js").Me} profile */
  showMe(profile) {
    this.name.textContent = profile.name;
    this.status.textContent = words(profile.status);
    this.face.replaceChildren(face({ id: this.me.user, name: profile.name, avatar: profile.avatar }, "large"));
    if (this.shown === (profile.cover ?? "")) return;
    this.shown = profile.cover ?? "";
    this.cover.replaceChildren(...(profile.cover ? [el("img", { src: blob(profile.cover), alt: "", decoding: "async" })] : []));
  }

  /** @param {import("../lib/api.js").Friend[]} friends */
  friends(friends) {
    const said = friends.filter((friend) => words(friend.status) !== "").slice(0, SHOWN);
    this.others.replaceChildren(...said.map((friend) => el("li", {}, el("a", { href: `/people/${friend.id}` }, face(friend, true),
      el("span", {}, el("strong", { dir: "auto" }, friend.name), el("small", { dir: "auto" }, words(friend.status)))))));
  }
}

/** @param {import("../lib/api.js").StatusLine | null} status */
const words = (status) => (status && new Date(status.until) > new Date() ? [status.emoji, status.text].filter(Boolean).join(" ") : "");
