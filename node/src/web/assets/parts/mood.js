// @ts-check
/**
 * How a moment felt: one emoji, words, or both.
 * @module
 */
import { el } from "../lib/dom.js";
import { byteLength } from "../lib/files.js";
import { t } from "../lib/words.js";

/** @typedef {{emoji: string, text: string}} Mood */

const EMOJI = ["😀", "🥰", "😌", "🤔", "😴", "😢", "😤", "🎉", "☕", "🏃", "📚", "🌧️"];

/** The fields of a mood. */
export class MoodField {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    this.emoji = "";
    this.limit = 200;
    this.choices = el("div", { class: "chips", role: "group", "aria-label": t("mood.emoji") }, ...EMOJI.map((emoji) =>
      el("button", { type: "button", class: "chip emoji", dataset: { emoji }, onclick: () => { this.pick(emoji === this.emoji ? "" : emoji); changed(); } }, emoji)));
    this.text = /** @type {HTMLInputElement} */ (el("input", { type: "text", dir: "auto", placeholder: t("mood.text"), "aria-label": t("mood.text"), oninput: () => { this.check(); changed(); } }));
    this.wrong = el("p", { class: "wrong", role: "status" });
    this.node = el("div", { class: "stack" }, this.choices, this.text, this.wrong);
    this.pick("");
  }

  /** @param {string} emoji */
  pick(emoji) {
    this.emoji = emoji;
    for (const chip of this.choices.querySelectorAll("button")) chip.setAttribute("aria-pressed", String(chip.dataset.emoji === emoji));
  }

  /** Why it is not taken; empty if it is. */
  check() {
    this.wrong.textContent = byteLength(this.text.value.trim()) > this.limit ? t("composer.too_long", { n: this.limit }) : "";
    return this.wrong.textContent;
  }

  /** What the node is told. @returns {Mood | null} */
  value() {
    const text = this.text.value.trim();
    return text || this.emoji ? { emoji: this.emoji, text } : null;
  }

  /** In a few words, for the button. */
  label() {
    return [this.emoji, this.text.value.trim()].filter(Boolean).join(" ");
  }

  /** @param {Mood | null} mood */
  set(mood) {
    this.pick(mood?.emoji ?? "");
    this.text.value = mood?.text ?? "";
    this.check();
  }
}
