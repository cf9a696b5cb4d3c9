// @ts-check
/**
 * One moment as a card. What it says stays; what was said beneath it and how far it has come change in place, so that a
 * half-written comment survives.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { answer, bubble, toggleLike, withdrawComment } from "./bubble.js";
import { dialog, during, el, face, icon, notice } from "../lib/dom.js";
import { grid } from "./photos.js";
import { when } from "../lib/when.js";

/** @typedef {import("../lib/api.js").Moment} Moment */

const LONG_TEXT = 700;

/** A card on screen. */
export class Card {
  /**
   * @param {Moment} moment
   * @param {string} me my user id
   */
  constructor(moment, me) {
    this.moment = moment;
    this.me = me;
    this.meta = el("div", { class: "meta" });
    this.said = el("div", { class: "beneath" });
    this.said.style.width = "100%";
    this.line = el("div");
    this.line.style.width = "100%";
    this.node = el("article", { class: "moment", "aria-label": `Moment of ${moment.author.name}`, dataset: { id: moment.id } },
      face(moment.author),
      el("div", { class: "moment-body" },
        el("span", { class: "name" }, moment.author.name),
        ...this.text(),
        moment.photos.length > 0 && grid(moment.photos),
        moment.place && el("span", { class: "hint" }, moment.place.name),
        this.meta, this.said, this.line));
    this.update(moment);
  }

  text() {
    const { text } = this.moment;
    if (!text) return [];
    const isLong = text.length > LONG_TEXT || text.split("\n").length > 9;
    const body = el("p", { class: isLong ? "said long" : "said" }, text);
    if (!isLong) return [body];
    const more = el("button", { class: "quiet", type: "button", onclick: () => {
      more.textContent = body.classList.toggle("open") ? "Less" : "All of it";
    } }, "All of it");
    return [body, more];
  }

  /** @param {Moment} moment */
  update(moment) {
    this.moment = moment;
    this.meta.replaceChildren(
      when(moment.created_at),
      ...(moment.audience ? [el("span", {}, audience(moment))] : []),
      el("span", { class: "acts" },
        moment.author.me && el("button", { class: "quiet icon", type: "button", "aria-label": "Withdraw this moment", onclick: () => this.withdraw() }, icon("bin")),
        el("button", { class: `quiet icon${moment.liked_by_me ? " liked" : ""}`, type: "button", "aria-pressed": String(moment.liked_by_me), "aria-label": moment.liked_by_me ? "Take the like back" : "Like",
          onclick: (/** @type {Event} */ event) => this.like(/** @type {HTMLElement} */ (event.currentTarget)) }, icon("heart", moment.liked_by_me)),
        el("button", { class: "quiet icon", type: "button", "aria-label": "Comment", onclick: () => this.answer(null) }, icon("comment"))));
    const thread = bubble(moment, (comment) => (comment.author.id === this.me ? this.ownComment(comment) : this.answer(comment)));
    this.said.replaceChildren(...(thread ? [thread] : []));
  }

  /** @param {HTMLElement} button */
  like(button) {
    during(button, async () => {
      await toggleLike(this.moment);
      await this.refresh();
    });
  }

  /** @param {import("../lib/api.js").Comment | null} target */
  answer(target) {
    const done = () => { this.line.replaceChildren(); this.refresh().catch(() => {}); };
    this.line.replaceChildren(answer(this.moment, target, done));
  }

  /** @param {import("../lib/api.js").Comment} comment */
  ownComment(comment) {
    sure("Withdraw your comment?", "Your friends' nodes are asked to forget it.", "Withdraw it", async () => {
      await withdrawComment(comment);
      await this.refresh();
    });
  }

  withdraw() {
    sure("Withdraw this moment?", "It disappears here and from your friends' nodes as they hear of it.", "Withdraw it", async () => {
      await ask("DELETE", `/moments/${part(this.moment.id)}`);
      this.node.remove();
      notice("The moment was withdrawn.");
    });
  }

  async refresh() {
    this.update(await ask("GET", `/moments/${part(this.moment.id)}`));
  }
}

/**
 * Who may see my moment, and how far it has come.
 * @param {Moment} moment
 */
function audience(moment) {
  const { audience: rule, delivery } = moment;
  if (!rule) return "";
  const named = [...rule.tags.map((tag) => `#${tag}`), ...rule.people.map((p) => p.name)].join(", ");
  const who = { everyone: "all friends", only: `only ${named}`, except: `all but ${named}`, private: "only me" }[rule.rule] ?? rule.rule;
  if (!delivery || delivery.may_read === 0) return who;
  return `${who} · ${delivery.have} of ${delivery.may_read} have it`;
}

/**
 * Asks before something that cannot be taken back.
 * @param {string} title
 * @param {string} text
 * @param {string} yes
 * @param {() => Promise<void>} work
 */
function sure(title, text, yes, work) {
  dialog("sheet", (close) => {
    const button = el("button", { class: "main", type: "button", onclick: () => during(button, async () => { await work(); close(); }) }, yes);
    return [el("div", { class: "stack" }, el("h2", {}, title), el("p", {}, text),
      el("div", { class: "row end" }, el("button", { type: "button", onclick: close }, "Keep it"), button))];
  });
}
