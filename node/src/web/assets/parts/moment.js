// @ts-check
/**
 * One moment as a card. What it shows stays; what was said beneath it and how far it has come change in place, so that a
 * half-written comment survives and nothing that has the focus goes away.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, complaint, el, face, icon } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { when } from "../lib/when.js";
import { around } from "./around.js";
import { answer, Bubble } from "./bubble.js";
import { Delivery } from "./delivery.js";
import { linkCard } from "./link-card.js";
import { momentMenu } from "./moment-menu.js";
import { grid } from "./photos.js";
import { shared } from "./shared.js";
import { someone, written } from "./text.js";
import { video } from "./video.js";

/** @typedef {import("../lib/api.js").Moment} Moment */

const LONG_TEXT = 700;
const LONG_LINES = 9;

/** A card on screen. */
export class Card {
  /**
   * @param {Moment} moment
   * @param {string} me my user id
   * @param {{isWhole?: boolean, onGone?: () => void}} [options] whether all that was said is shown at once; what to do once it is withdrawn
   */
  constructor(moment, me, options = {}) {
    /** As the node tells it. */
    this.moment = moment;
    this.me = me;
    this.onGone = options.onGone ?? (() => this.node.remove());
    /** @type {boolean | null} what was clicked and the node has not heard yet */
    this.wish = null;
    this.isSending = false;
    this.path = `/moments/${part(moment.id)}`;
    this.name = someone(moment.author);
    this.marks = el("span", { class: "marks" });
    this.delivery = new Delivery(this.path);
    this.heart = el("button", { class: "quiet icon", type: "button", onclick: () => this.like() });
    this.problem = complaint();
    this.bubble = new Bubble(this, options.isWhole ?? false);
    this.line = el("div", { class: "line" });
    this.node = this.build(moment);
    this.update(moment);
  }

  /** @param {Moment} moment */
  build(moment) {
    const missing = new Set(moment.missing);
    const media = [moment.photos.length > 0 && grid(moment.photos, missing), moment.video && video(moment.video, missing)];
    const content = moment.shared_from ? [shared(moment.shared_from, media, missing)] : media;
    return el("article", { class: "moment", "aria-label": t("moment.of", { name: moment.author.name }), dataset: { id: moment.id } },
      el("a", { class: "face-link", href: `/people/${moment.author.id}`, tabindex: "-1", "aria-hidden": "true" }, face(moment.author)),
      el("div", { class: "moment-body" },
        el("div", { class: "moment-head" }, this.name, this.marks),
        ...text(moment),
        ...content,
        moment.link && linkCard(moment.link, missing),
        around(moment),
        el("div", { class: "meta" },
          el("a", { class: "time", href: `/moments/${moment.id}` }, when(moment.created_at)),
          this.delivery.line,
          el("span", { class: "acts" }, this.heart,
            el("button", { class: "quiet icon", type: "button", "aria-label": t("moment.comment"), title: t("moment.comment"), onclick: () => this.answer(null) }, icon("comment")),
            ...momentMenu(this))),
        this.delivery.node, this.problem, this.bubble.node, this.line));
  }

  /** @param {Moment} moment */
  update(moment) {
    this.moment = moment;
    this.draw();
  }

  /** As it is to be shown: what was clicked counts at once. */
  shown() {
    return this.wish === null ? this.moment : withLike(this.moment, this.wish, { id: this.me, name: t("moment.me") });
  }

  draw() {
    const moment = this.shown();
    const { liked_by_me: isLiked } = moment;
    if (this.name.textContent !== moment.author.name) this.name.textContent = moment.author.name;
    this.heart.replaceChildren(icon("heart", isLiked));
    this.heart.classList.toggle("liked", isLiked);
    this.heart.setAttribute("aria-pressed", String(isLiked));
    this.heart.setAttribute("aria-label", t(isLiked ? "moment.unlike" : "moment.like"));
    this.heart.title = t(isLiked ? "moment.unlike" : "moment.like");
    this.delivery.update(moment);
    this.bubble.update(moment);
    const mark = (/** @type {boolean} */ is, /** @type {Parameters<typeof icon>[0]} */ shape, /** @type {string} */ words) =>
      is && el("span", { class: "mark", role: "img", "aria-label": words, title: words }, icon(shape));
    const isMentioned = !moment.author.me && moment.mentions.some((person) => person.id === this.me);
    this.marks.replaceChildren(...[
      isMentioned && el("span", { class: "mentioned" }, t("moment.mentions.me")),
      mark(moment.pinned, "tack", t("moment.pinned")), mark(moment.faved, "star", t("moment.faved")), mark(moment.muted, "mute", t("moment.muted")),
    ].filter((shown) => shown instanceof Node));
  }

  /** Likes or takes it back: shown at once, and undone if the node says no. Whoever clicks on means the last click. */
  async like() {
    this.wish = !this.shown().liked_by_me;
    this.draw();
    if (this.isSending) return;
    this.isSending = true;
    await attempt(this.problem, null, async () => {
      while (this.wish !== null) {
        const wish = this.wish;
        await ask(wish ? "PUT" : "DELETE", `${this.path}/like`);
        this.moment = withLike(this.moment, wish, { id: this.me, name: t("moment.me") });
        if (this.wish === wish) this.wish = null;
      }
    });
    this.wish = null;
    this.isSending = false;
    this.draw();
  }

  /** @param {import("../lib/api.js").Comment | null} target */
  answer(target) {
    const field = this.line.querySelector("input");
    if (field && !target && !field.dataset.target) { field.focus(); return; }
    this.line.replaceChildren(answer(this.moment, target, (isSent) => {
      this.line.replaceChildren();
      if (isSent) this.refresh().catch(() => {});
    }));
  }

  /** Whether something here would be lost if the card went away: words half written, a video that plays, the focus. */
  isBusy() {
    const isWriting = [...this.node.querySelectorAll("input")].some((field) => field.value !== "");
    const isPlaying = [...this.node.querySelectorAll("video")].some((film) => !film.paused);
    return isWriting || isPlaying || this.node.contains(document.activeElement);
  }

  async refresh() {
    this.update(await ask("GET", this.path));
  }
}

/**
 * @param {Moment} moment
 * @param {boolean} isLiked
 * @param {import("../lib/api.js").Person} me
 * @returns {Moment}
 */
function withLike(moment, isLiked, me) {
  const others = moment.likes.filter((person) => person.id !== me.id);
  const mine = moment.likes.find((person) => person.id === me.id) ?? me;
  return { ...moment, liked_by_me: isLiked, likes: isLiked ? (moment.liked_by_me ? moment.likes : [...others, mine]) : others };
}

/** @param {Moment} moment */
function text({ text: words, mentions }) {
  if (!words) return [];
  const isLong = words.length > LONG_TEXT || words.split("\n").length > LONG_LINES;
  const body = el("p", { class: isLong ? "said long" : "said", dir: "auto" }, ...written(words, mentions));
  if (!isLong) return [body];
  const more = el("button", { class: "quiet more", type: "button", "aria-expanded": "false", onclick: () => {
    const isOpen = body.classList.toggle("open");
    more.textContent = t(isOpen ? "moment.text.less" : "moment.text.more");
    more.setAttribute("aria-expanded", String(isOpen));
  } }, t("moment.text.more"));
  return [body, more];
}
