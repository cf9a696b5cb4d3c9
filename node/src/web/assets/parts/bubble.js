// @ts-check
/**
 * What was said beneath a moment: likes and comments as one bubble, and the line to answer in.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { during, el, icon, notice } from "../lib/dom.js";

/** @typedef {import("../lib/api.js").Moment} Moment */

/**
 * The bubble; null if nothing was said.
 * @param {Moment} moment
 * @param {(comment: import("../lib/api.js").Comment) => void} onReply
 */
export function bubble(moment, onReply) {
  const { likes, comments } = moment;
  if (likes.length === 0 && comments.length === 0) return null;
  const byId = new Map(comments.map((comment) => [comment.id, comment]));
  return el(
    "div",
    { class: "bubble" },
    likes.length > 0 && el("p", { class: "likes" }, icon("heart", true), el("span", {}, likes.map((p) => p.name).join(", "))),
    comments.length > 0 && el("ul", { class: "comments", "aria-label": "Comments" }, ...comments.map((comment) => {
      const target = comment.reply_to ? byId.get(comment.reply_to) : undefined;
      const line = el("button", { class: "comment", type: "button", "aria-label": `Answer ${comment.author.name}`, onclick: () => onReply(comment) },
        el("span", { class: "name" }, comment.author.name),
        target ? " to " : null,
        target ? el("span", { class: "name" }, target.author.name) : null,
        `: ${comment.text}`);
      line.removeAttribute("aria-label");
      return el("li", {}, line);
    })),
  );
}

/**
 * The line to comment or answer in.
 * @param {Moment} moment
 * @param {import("../lib/api.js").Comment | null} target
 * @param {() => void} onDone
 */
export function answer(moment, target, onDone) {
  const label = target ? `Answer ${target.author.name}` : "Write a comment";
  const input = /** @type {HTMLInputElement} */ (el("input", { type: "text", placeholder: label, "aria-label": label, maxlength: 2048 }));
  const send = el("button", { class: "main", type: "submit" }, "Send");
  const form = el("form", { class: "answer" }, input, send);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    during(send, async () => {
      await ask("POST", `/moments/${part(moment.id)}/comments`, { text, reply_to: target?.id ?? null });
      onDone();
    });
  });
  form.addEventListener("keydown", (event) => { if (event.key === "Escape") onDone(); });
  setTimeout(() => input.focus());
  return form;
}

/**
 * Likes, or takes it back.
 * @param {Moment} moment
 */
export async function toggleLike(moment) {
  await ask(moment.liked_by_me ? "DELETE" : "PUT", `/moments/${part(moment.id)}/like`);
}

/**
 * Withdraws one's own comment.
 * @param {import("../lib/api.js").Comment} comment
 */
export async function withdrawComment(comment) {
  await ask("DELETE", `/comments/${part(comment.id)}`);
  notice("The comment was withdrawn.");
}
