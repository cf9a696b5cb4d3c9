// @ts-check
/**
 * What stands around a moment: its mood, its place and whom I mentioned.
 * @module
 */
import { el, icon } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { someone } from "./text.js";

/** @typedef {import("../lib/api.js").Moment} Moment */

/**
 * Mood, place and whom I mentioned, in one line.
 * @param {{mood: Moment["mood"], place: Moment["place"], author: Moment["author"], mentions: Moment["mentions"], text: string}} moment
 */
export function around({ mood, place, author, mentions, text: words }) {
  const unsaid = author.me ? mentions.filter((person) => !words.includes(`@${person.name}`)) : [];
  const pieces = [
    mood && el("span", { class: "mood", dir: "auto" }, [mood.emoji, mood.text].filter(Boolean).join(" ")),
    place && el("span", { class: "where", dir: "auto" }, icon("place"), placeName(place)),
    unsaid.length > 0 && el("span", { class: "with" }, t("moment.mentions"), " ", ...unsaid.flatMap((person, at) => [at > 0 ? ", " : "", someone(person)])),
  ].filter((piece) => piece instanceof Node);
  return pieces.length > 0 ? el("div", { class: "around" }, ...pieces) : null;
}

/** @param {import("../lib/api.js").Place} place */
const placeName = (place) => place.name || `${place.lat?.toFixed(2)}, ${place.lon?.toFixed(2)}`;
