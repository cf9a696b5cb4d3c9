// @ts-check
/**
 * A person's page, mine or a friend's: who they are, and their album.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { during, el, icon } from "../lib/dom.js";
import * as live from "../lib/live.js";
import { whoami } from "../lib/me.js";
import { t } from "../lib/words.js";
import { when } from "../lib/when.js";
import { Album } from "../parts/album.js";
import { cover } from "../parts/cover.js";
import { Moments } from "../parts/moments.js";
import { standing, statusSheet, whenOver } from "../parts/status.js";

/** @typedef {import("../lib/api.js").Friend} Friend */
/** @typedef {import("../parts/profile-editor.js").Profile} Profile */

const PAGE = 20;
/** How the node says the windows that people choose from. */
const WINDOWS = /** @type {Record<number, import("../lib/words.js").Word>} */ ({ 183: "person.window.6m", 31: "person.window.1m", 3: "person.window.3d" });

/**
 * @param {string[]} parts of the address
 * @returns {Promise<import("../lib/router.js").Page>}
 */
export async function open([who]) {
  if (who === "me" || who === whoami().user) return new Me(await ask("GET", "/profile")).page();
  try {
    return new Theirs(await ask("GET", `/friends/${part(who)}`)).page();
  } catch (error) {
    const node = el("div", { class: "empty" }, el("h1", {}, t("person.nobody")), el("p", {}, error instanceof Error ? error.message : String(error)),
      el("a", { href: "/people" }, t("person.nobody.back")));
    return { title: t("person.nobody"), node };
  }
}

/** What both have: a head, an album, and the same moments as a list. */
class PersonPage {
  /** @param {{id: string, isMe: boolean}} person */
  constructor(person) {
    this.person = person;
    this.head = el("div");
    this.note = el("div");
    this.album = new Album(person, { empty: () => this.empty(), end: () => this.end() });
    /** @type {Moments | null} */
    this.list = null;
    this.place = el("div", {}, this.album.node);
    this.cancel = () => {};
    /** @type {(() => void)[]} */
    this.offs = [];
    this.views = el("div", { class: "chips views", role: "group", "aria-label": t("person.view") },
      ...[false, true].map((isList) => el("button", { class: "chip", type: "button", "aria-pressed": String(!isList),
        onclick: (/** @type {Event} */ event) => during(null, () => this.view(isList, /** @type {HTMLElement} */ (event.currentTarget))) },
        t(isList ? "person.list" : "person.album"))));
    this.node = el("div", { class: "page person-page" }, this.head, this.note,
      el("div", { class: "row views-row" }, el("h2", {}, t("person.moments")), this.views), this.place);
  }

  /** @returns {Promise<import("../lib/router.js").Page>} */
  async page() {
    this.draw();
    await this.album.load();
    return { title: this.name(), node: this.node, shown: () => this.draw(), closed: () => this.close() };
  }

  /** @param {boolean} isList @param {HTMLElement} chosen */
  async view(isList, chosen) {
    for (const chip of this.views.children) chip.setAttribute("aria-pressed", String(chip === chosen));
    if (!isList) { this.place.replaceChildren(this.album.node); return; }
    if (!this.list) {
      const from = this.person.isMe ? "me" : this.person.id;
      this.list = new Moments({
        label: t("person.moments"),
        read: (before) => ask("GET", `/timeline?from=${from}&limit=${PAGE}${before ? `&before=${before}` : ""}`),
        empty: () => this.empty(),
      });
      await this.list.begin();
    }
    this.place.replaceChildren(this.list.node);
  }

  /** Draws the head anew, and once more when the status is over. */
  draw() {
    this.cancel();
    const { head, status } = this.face();
    this.head.replaceChildren(head);
    this.cancel = whenOver(status, () => this.draw());
  }

  close() {
    this.cancel();
    this.album.close();
    this.list?.close();
    for (const off of this.offs) off();
  }

  /** @returns {{head: HTMLElement, status: import("../lib/api.js").StatusLine | null}} */
  face() { throw new Error("each page has its own"); }
  /** @returns {string} */
  name() { return ""; }
  /** @returns {HTMLElement} */
  empty() { return el("p", { class: "album-line hint" }, t("person.empty")); }
  /** @returns {HTMLElement | null} */
  end() { return null; }
}

/** @param {number} days */
const windowName = (days) => (WINDOWS[days] ? t(WINDOWS[days]) : t("person.window.days", { n: days }));

/** My own page. */
class Me extends PersonPage {
  /** @param {Profile} profile */
  constructor(profile) {
    super({ id: whoami().user, isMe: true });
    this.profile = profile;
    this.offs.push(live.on("me", () => this.draw()));
  }

  name() { return whoami().name; }

  face() {
    const me = whoami();
    const edit = el("button", { type: "button", onclick: () => during(edit, async () => {
      const { profileEditor } = await import("../parts/profile-editor.js");
      await profileEditor((profile) => { this.profile = profile; this.draw(); });
    }) }, icon("pen"), t("person.edit"));
    const say = el("button", { type: "button", onclick: () => statusSheet() }, icon("smile"), t(standing(me.status) ? "person.status.change" : "person.status.title"));
    const head = cover({ id: me.user, name: me.name, own_name: me.name, about: this.profile.about, avatar: me.avatar, cover: me.cover, status: me.status }, { actions: [say, edit] });
    return { head, status: me.status };
  }

  empty() {
    return el("div", { class: "empty" }, el("p", {}, t("person.empty.mine")), el("a", { href: "/" }, t("person.empty.share")));
  }

  end() {
    const days = this.profile.window_days;
    return el("div", { class: "album-line" },
      el("p", { class: "hint" }, days > 0 ? t("person.window.mine", { window: windowName(days) }) : t("person.window.mine.all"), " ", el("a", { href: "/settings" }, t("person.window.change"))),
      el("p", { class: "hint" }, t("person.export"), " ", el("code", {}, "tidings export album")));
  }
}

/** A friend's page. */
class Theirs extends PersonPage {
  /** @param {Friend} friend */
  constructor(friend) {
    super({ id: friend.id, isMe: false });
    this.friend = friend;
    this.offs.push(
      live.on("friend", (event) => { if (event.friend.id === this.friend.id) this.change(event.friend); }),
      live.on("unfriended", (event) => { if (event.id === this.friend.id) this.gone(); }));
  }

  name() { return this.friend.name; }

  /** @param {Friend} friend */
  change(friend) {
    const before = this.friend;
    this.friend = friend;
    this.draw();
    if (before.window_days !== friend.window_days || before.hide_theirs !== friend.hide_theirs || before.blocked !== friend.blocked) {
      this.album.load().catch(() => {});
      this.list?.begin().catch(() => {});
    }
  }

  gone() {
    this.cancel();
    this.node.replaceChildren(el("div", { class: "empty" }, el("h1", {}, this.friend.name), el("p", {}, t("person.gone", { name: this.friend.name })),
      el("a", { href: "/people" }, t("person.nobody.back"))));
  }

  face() {
    const { friend } = this;
    const hints = [
      friend.online ? t("person.here") : friend.last_seen ? el("span", {}, t("person.last_seen"), " ", when(friend.last_seen)) : t("person.not_met"),
      friend.verified && t("person.verified"),
      friend.tags.map((tag) => `#${tag}`).join(" "),
      friend.introduced_by && t("person.introduced_by", { name: friend.introduced_by.name }),
      friend.muted && t("person.muted"),
    ];
    const manage = el("button", { type: "button", onclick: () => during(manage, async () => { await (await import("../parts/friend-sheet.js")).friendSheet(friend.id); }) }, icon("gear"), t("people.manage"));
    const as = el("a", { class: "button", href: `/people/${friend.id}/as-they-see` }, t("people.as", { name: friend.name }));
    const head = cover(friend, { actions: friend.blocked ? [] : [as, manage], hints: /** @type {(Node | string)[]} */ (hints.filter(Boolean)) });
    if (friend.note) head.append(el("p", { class: "hint note", dir: "auto" }, t("person.note", { note: friend.note })));
    this.note.replaceChildren(...this.notes());
    return { head, status: friend.status };
  }

  /** What explains an album that shows less than it might. */
  notes() {
    const { friend } = this;
    if (friend.blocked) return [el("p", { class: "panel hint" }, t("person.blocked", { name: friend.name }), " ", el("a", { href: "/people" }, t("person.nobody.back")))];
    if (!friend.hide_theirs) return [];
    const again = el("button", { type: "button", onclick: () => during(again, async () => {
      await ask("PATCH", "/privacy", { show_theirs: [friend.id] });
      this.change(await ask("GET", `/friends/${friend.id}`));
    }) }, t("person.hidden.show"));
    return [el("div", { class: "panel" }, el("p", {}, t("person.hidden", { name: friend.name })), el("div", { class: "row" }, again))];
  }

  empty() {
    const { friend } = this;
    if (friend.hide_theirs || friend.blocked) return el("p");
    return el("p", { class: "album-line hint" }, t("person.empty"));
  }

  end() {
    const days = this.friend.window_days;
    return days > 0 ? el("p", { class: "album-line hint" }, t("person.window.theirs", { name: this.friend.name, window: windowName(days) })) : null;
  }
}
