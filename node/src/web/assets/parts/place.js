// @ts-check
/**
 * Where a moment was: a name, a position if one likes, and how exactly that is told. The node rounds it before anything is
 * sealed; the browser is never asked where it is.
 * @module
 */
import { el } from "../lib/dom.js";
import { byteLength } from "../lib/files.js";
import { t } from "../lib/words.js";

/** @typedef {{name: string, lat?: number, lon?: number, precision: string}} Place */

const PRECISIONS = /** @type {const} */ (["exact", "area", "city"]);

/** The fields of a place. */
export class PlaceField {
  /** @param {() => void} changed */
  constructor(changed) {
    this.limit = 200;
    this.name = /** @type {HTMLInputElement} */ (el("input", { type: "text", dir: "auto", placeholder: t("place.name"), "aria-label": t("place.name"), oninput: changed }));
    this.position = /** @type {HTMLInputElement} */ (el("input", { type: "text", dir: "ltr", inputmode: "text", placeholder: t("place.position"), "aria-label": t("place.position.label"), oninput: () => { this.check(); changed(); } }));
    this.wrong = el("p", { class: "wrong", role: "status" });
    this.precisions = PRECISIONS.map((precision) => /** @type {HTMLInputElement} */ (el("input", { type: "radio", name: "precision", value: precision, onchange: changed })));
    this.precisions[1].checked = true;
    this.exact = el("fieldset", { hidden: true }, el("legend", { class: "hint" }, t("place.precision")),
      ...this.precisions.map((radio, at) => el("label", { class: "option" }, radio, t(`place.precision.${PRECISIONS[at]}`))));
    this.node = el("div", { class: "stack" }, this.name, this.position, this.wrong, this.exact);
  }

  /** Why it is not taken; empty if it is. */
  check() {
    const text = this.position.value.trim();
    this.exact.hidden = !text;
    const isLong = byteLength(this.name.value.trim()) > this.limit;
    this.wrong.textContent = text && !this.at() ? t("place.position.wrong") : isLong ? t("composer.too_long", { n: this.limit }) : "";
    return this.wrong.textContent;
  }

  /** @returns {[number, number] | null} */
  at() {
    const found = /^(-?\d{1,2}(?:\.\d+)?)\s*[,;\s]\s*(-?\d{1,3}(?:\.\d+)?)$/.exec(this.position.value.trim());
    if (!found) return null;
    const [lat, lon] = [Number(found[1]), Number(found[2])];
    return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? [lat, lon] : null;
  }

  /** What the node is told. @returns {Place | null} */
  value() {
    const name = this.name.value.trim();
    const at = this.at();
    if (!name && !at) return null;
    const precision = this.precisions.find((radio) => radio.checked)?.value ?? "area";
    return { name, ...(at ? { lat: at[0], lon: at[1] } : {}), precision };
  }

  /** In a few words, for the button. */
  label() {
    return this.name.value.trim() || (this.at() ? this.position.value.trim() : "");
  }

  /** @param {Place | null} place */
  set(place) {
    this.name.value = place?.name ?? "";
    this.position.value = typeof place?.lat === "number" && typeof place.lon === "number" ? `${place.lat}, ${place.lon}` : "";
    for (const radio of this.precisions) radio.checked = radio.value === (place?.precision ?? "area");
    this.check();
  }
}
