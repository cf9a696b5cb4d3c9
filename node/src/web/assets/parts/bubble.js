// @ts-check
/**
 * What was said beneath a moment: likes and comments as one bubble, and the line to answer in.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, complaint, el, icon } from "../lib/dom.js";
import { parts, t } from "../lib/words.js";
import { menu } from "./menu.js";
import { sure } from "./sure.js";
import { someone, written } from "./text.js";

/** @typedef {import("../lib/api.js").Moment} Moment */
/** @typedef {import("../lib/api.js").Comment} Comment */

/** How much of it a card in a list shows: one that everybody talks about must not fill the page. */
const LIKES_SHOWN = 20;
const COMMENTS_SHOWN = 12;

/** The bubble of a card; it takes no room while nothing was said. */
export class Bubble {
  /**
   * @param {import("./moment.js").Card} card
   * @param {boolean} isWhole whether all of it is shown
   */
  constructor(card, isWhole) {
    this.card = card;
    this.isWhole = isWhole;
    this.said = "";
    this.node = el("div", { class: "beneath" });
  }

  /** @param {Moment} moment */
  update(moment) {
    const { likes, comments } = moment;
    const said = JSON.stringify([likes, comments, this.isWhole]);
    if (said === this.said) return;
    this.said = said;
    const focused = document.activeElement?.closest("[data-comment]");
    const held = focused instanceof HTMLElement && this.node.contains(focused) ? focused.dataset.comment : undefined;
    this.node.replaceChildren(...(likes.length + comments.length > 0 ? [el("div", { class: "bubble" }, this.likes(likes), ...this.comments(comments))] : []));
    if (held) /** @type {HTMLElement | null} */ (this.node.querySelector(`[data-comment="${CSS.escape(held)}"] button`))?.focus();
  }

  whole() {
    this.isWhole = true;
    this.update(this.card.shown());
  }

  /** @param {import("../lib/api.js").Person[]} likes */
  likes(likes) {
    if (likes.length === 0) return null;
    const shown = this.isWhole ? likes : likes.slice(0, LIKES_SHOWN);
    const names = shown.flatMap((person, at) => [at > 0 ? t("moment.likes.between") : "", someone(person)]);
    return el("p", { class: "likes" }, icon("heart", true), el("span", { class: "visually-hidden" }, t("moment.likes")), el("span", {}, ...names,
      likes.length > shown.length && el("button", { class: "quiet more", type: "button", onclick: () => this.whole() }, t("moment.likes.more", { n: likes.length - shown.length }))));
  }

  /** @param {Comment[]} comments @returns {Node[]} */
  comments(comments) {
    if (comments.length === 0) return [];
    const byId = new Map(comments.map((comment) => [comment.id, comment]));
    const shown = this.isWhole ? comments : comments.slice(-COMMENTS_SHOWN);
    const all = el("ul", { class: "comments", "aria-label": t("moment.comments") },
      ...shown.map((comment) => this.comment(comment, comment.reply_to ? byId.get(comment.reply_to) : undefined)));
    if (shown.length === comments.length) return [all];
    return [el("button", { class: "quiet more", type: "button", onclick: () => this.whole() }, t("moment.comments.all", { n: comments.length })), all];
  }

  /**
   * @param {Comment} comment
   * @param {Comment | undefined} target
   */
  comment(comment, target) {
    const said = el("span", { dir: "auto" }, ...written(comment.text));
    const line = target
      ? parts("moment.comment.reply", { name: someone(comment.author), to: someone(target.author), said })
      : parts("moment.comment.line", { name: someone(comment.author), said });
    return el("li", { class: comment.hidden ? "comment hidden-one" : "comment", dataset: { comment: comment.id }, onclick: (/** @type {MouseEvent} */ event) => this.click(event, comment) },
      el("p", {}, ...line, comment.hidden && el("small", {}, " ", t("moment.comment.hidden"))), this.menu(comment));
  }

  /**
   * A click on what somebody said answers it; one on a link in it, or one that marks text, does not.
   * @param {MouseEvent} event
   * @param {Comment} comment
   */
  click(event, comment) {
    const isElsewhere = event.target instanceof Element && event.target.closest("a, button, [popover]");
    if (!isElsewhere && window.getSelection()?.isCollapsed !== false) this.card.answer(comment);
  }

  /** @param {Comment} comment */
  menu(comment) {
    const { card } = this;
    const isMine = comment.author.id === card.me;
    return menu(t("moment.comment.menu", { name: comment.author.name }), () => [
      { label: t("moment.comment.answer"), icon: "reply", run: () => card.answer(comment) },
      isMine && { label: t("moment.comment.delete"), icon: "bin", isGrave: true, run: () => this.take(comment, "delete") },
      !isMine && card.moment.author.me && { label: t("moment.comment.hide"), icon: "mute", isGrave: true, run: () => this.take(comment, "hide") },
    ]);
  }

  /**
   * Withdraws my own comment, or takes away another's beneath my moment.
   * @param {Comment} comment
   * @param {"delete" | "hide"} what
   */
  take(comment, what) {
    const path = `/comments/${part(comment.id)}`;
    const { name } = comment.author;
    sure({ title: t(`moment.comment.${what}.title`), text: t(`moment.comment.${what}.text`, { name }), yes: t(`moment.comment.${what}.yes`) }, async () => {
      await (what === "delete" ? ask("DELETE", path) : ask("PUT", `${path}/hide`));
      await this.card.refresh();
    });
  }
}

/**
 * The line to comment or answer in.
 * @param {Moment} moment
 * @param {Comment | null} target
 * @param {(isSent: boolean) => void} onDone
 */
export function answer(moment, target, onDone) {
  const label = target ? t("moment.answer.to", { name: target.author.name }) : t("moment.answer");
  const problem = complaint();
  const input = /** @type {HTMLInputElement} */ (el("input", { type: "text", placeholder: label, "aria-label": label, maxlength: 2048, dir: "auto", enterkeyhint: "send", dataset: target ? { target: target.id } : {} }));
  const send = el("button", { class: "main", type: "submit" }, t("moment.answer.send"));
  const form = el("form", { class: "answer" }, input, send, problem);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text || send.hasAttribute("disabled")) return;
    const isSent = await attempt(problem, send, () => ask("POST", `/moments/${part(moment.id)}/comments`, { text, reply_to: target?.id ?? null }));
    if (isSent) onDone(true);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const card = form.closest("article");
    onDone(false);
    /** @type {HTMLElement | null | undefined} */ (card?.querySelector(".acts button:nth-child(2)"))?.focus();
  });
  setTimeout(() => input.focus());
  return form;
}
