// @ts-check
/**
 * Text that people wrote: letter for letter, with links where it names addresses and people where it mentions them.
 * Nothing in it is ever read as markup.
 * @module
 */
import { el } from "../lib/dom.js";

/**
 * Where an address begins; it ends at a space or at what no address contains in prose, Chinese marks included, nor signs
 * that turn the direction: with them an address can be made to look like another.
 */
const ADDRESS = /https?:\/\/[^\s<>"“”‘’「」『』《》（），。；：！？、\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gi;

/**
 * The address of a web page; null for whatever else somebody wrote.
 * @param {string} text
 */
export function webAddress(text) {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url && (url.protocol === "http:" || url.protocol === "https:") ? url : null;
}

/**
 * @param {string} text
 * @param {import("../lib/api.js").Person[]} [mentions]
 * @returns {(Node | string)[]}
 */
export function written(text, mentions = []) {
  /** @type {(Node | string)[]} */
  const pieces = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutEnd(match[0]);
    const url = webAddress(address);
    if (!url) continue;
    pieces.push(...named(text.slice(at, match.index), mentions));
    // Apart from what stands around it, which may run backwards.
    pieces.push(el("a", { href: url.href, dir: "ltr", rel: "noopener noreferrer", target: "_blank" }, address));
    at = match.index + address.length;
  }
  pieces.push(...named(text.slice(at), mentions));
  return pieces;
}

/**
 * What ends the sentence is no part of the address, nor is a bracket that was opened before it.
 * @param {string} address
 */
function withoutEnd(address) {
  const count = (/** @type {string} */ sign) => address.split(sign).length - 1;
  let [end, spare] = [address.length, count(")") - count("(")];
  for (; end > 0; end--) {
    const last = address[end - 1];
    if (last === ")" && spare > 0) spare--;
    else if (!".,;:!?'…]}".includes(last)) break;
  }
  return address.slice(0, end);
}

/**
 * @param {string} text
 * @param {import("../lib/api.js").Person[]} mentions
 * @returns {(Node | string)[]}
 */
function named(text, mentions) {
  /** @type {(Node | string)[]} */
  let pieces = [text];
  for (const person of mentions) {
    if (!person.name) continue;
    pieces = pieces.flatMap((piece) => (typeof piece === "string" ? between(piece.split(`@${person.name}`), () => someone(person, `@${person.name}`)) : [piece]));
  }
  return pieces.filter((piece) => piece !== "");
}

/**
 * @param {string[]} texts
 * @param {() => Node} make
 */
const between = (texts, make) => texts.flatMap((text, at) => (at === 0 ? [text] : [make(), text]));

/**
 * A person by name, leading to their page.
 * @param {import("../lib/api.js").Person} person
 * @param {string} [text]
 */
export const someone = (person, text = person.name) => el("a", { class: "name", dir: "auto", href: `/people/${person.id}` }, text);
