// @ts-check
/**
 * The card of a link, seen before it is shared. The node fetches the page when that is asked for, never while one types;
 * the browser and whoever reads the moment fetch nothing.
 * @module
 */
import { ask } from "../lib/api.js";
import { during, el, icon } from "../lib/dom.js";
import { t } from "../lib/words.js";

/** @typedef {{url: string, title: string, description: string, site: string, image: string | null, warnings?: string[]}} Card */

const LINK = /https?:\/\/[^\s<>"']+/;

/** The first address of a page in a text. @param {string} text */
export const linkIn = (text) => LINK.exec(text)?.[0].replace(/[.,;:!?)\]}，。；：！？）]+$/u, "") ?? "";

/** The field of a link, and its card. */
export class LinkField {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    /** @type {string} */
    this.url = "";
    this.turn = 0;
    this.field = /** @type {HTMLInputElement} */ (el("input", { type: "url", dir: "ltr", inputmode: "url", maxlength: 2048, placeholder: "https://", "aria-label": t("link.address"),
      onkeydown: (/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter") { event.preventDefault(); this.show(); } } }));
    this.button = el("button", { type: "button", onclick: () => this.show() }, t("link.show"));
    this.wrong = el("p", { class: "wrong", role: "alert" });
    this.asked = el("div", { class: "stack" }, el("div", { class: "row" }, el("span", { class: "grow" }, this.field), this.button), el("p", { class: "hint" }, t("link.hint")), this.wrong);
    this.card = el("div", { class: "link-card", hidden: true });
    this.node = el("div", { class: "stack" }, this.asked, this.card);
  }

  /** What the node is told. */
  value() {
    return this.url || null;
  }

  label() {
    try {
      return this.url ? new URL(this.url).host : "";
    } catch {
      return "";
    }
  }

  /** Fetches the page and shows its card. @param {string} [address] */
  async show(address) {
    if (address !== undefined) this.field.value = address;
    const url = this.field.value.trim();
    if (!url) { this.field.focus(); return; }
    const mine = ++this.turn;
    this.wrong.textContent = "";
    await during(this.button, async () => {
      try {
        const card = await ask("POST", "/links", { url });
        if (mine !== this.turn) return;
        this.url = url;
        this.draw(card);
        this.changed();
      } catch (error) {
        if (mine === this.turn) this.wrong.textContent = error instanceof Error ? error.message : String(error);
      }
    });
  }

  /** @param {Card} card */
  draw(card) {
    const remove = el("button", { type: "button", class: "quiet icon", "aria-label": t("link.remove"), onclick: () => { this.set(null); this.changed(); this.field.focus(); } }, icon("close"));
    this.card.replaceChildren(
      ...(card.image ? [el("img", { src: `data:image/jpeg;base64,${card.image}`, alt: "" })] : []),
      el("div", { class: "grow" }, el("p", { class: "title", dir: "auto" }, card.title || card.url), card.description && el("p", { class: "hint clamp", dir: "auto" }, card.description),
        el("p", { class: "hint", dir: "auto" }, card.site || this.label()), ...(card.warnings ?? []).map((warning) => el("p", { class: "hint" }, warning))),
      remove);
    this.card.hidden = false;
    this.asked.hidden = true;
  }

  /** @param {string | null} url one whose card is shown when it is asked for again, or none */
  set(url) {
    this.turn++;
    this.url = url ?? "";
    this.field.value = url ?? "";
    this.wrong.textContent = "";
    this.asked.hidden = !!url;
    this.card.hidden = true;
    this.card.replaceChildren();
    if (url) this.draw({ url, title: url, description: "", site: "", image: null });
  }
}
