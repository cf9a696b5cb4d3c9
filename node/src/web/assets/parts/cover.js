// @ts-check
/**
 * The head of a person's page: their large picture, their face, name, line and status.
 * @module
 */
import { blob } from "../lib/api.js";
import { el, face } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { standing, statusLine } from "./status.js";

/**
 * @typedef {object} Shown
 * @property {string} id
 * @property {string} name as I call them
 * @property {string} own_name as they call themselves
 * @property {string} about
 * @property {string | null} avatar
 * @property {string | null} cover
 * @property {import("../lib/api.js").StatusLine | null} status
 */

/**
 * @param {Shown} person
 * @param {{actions?: Node[], hints?: (Node | string)[]}} [more] what can be done, and what is said of them in small letters
 */
export function cover(person, { actions = [], hints = [] } = {}) {
  const status = standing(person.status);
  return el("header", { class: "person-head" },
    picture(person),
    el("div", { class: "person-row" }, face(person, "large"), el("div", { class: "row person-acts" }, ...actions)),
    el("h1", { dir: "auto" }, person.name),
    person.own_name !== person.name && el("p", { class: "hint" }, t("person.own_name", { name: person.own_name })),
    status && statusLine(status),
    person.about && el("p", { class: "about", dir: "auto" }, person.about),
    hints.length > 0 && el("p", { class: "hint" }, ...hints.flatMap((hint, at) => (at > 0 ? [" · ", hint] : [hint]))));
}

/** @param {Shown} person */
function picture(person) {
  const box = el("div", { class: "person-cover" });
  box.style.setProperty("--hue", String(parseInt(person.id.slice(0, 4), 16) % 360));
  if (person.cover) {
    const image = el("img", { src: blob(person.cover), alt: t("person.cover.of", { name: person.name }), decoding: "async" });
    image.addEventListener("load", () => image.classList.add("here"));
    image.addEventListener("error", () => image.remove());
    box.append(image);
  }
  return box;
}
