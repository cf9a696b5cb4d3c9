// @ts-check
/**
 * The page in the person's language. The node lays the words into the page (`words/*.json`); here they are filled in.
 * Numbers and dates are said as the browser says them in that language.
 * @module
 */

/** @typedef {keyof typeof import("../words/en.json")} Key */
/**
 * The stem of a key that has a form for each number.
 * @template {string} K
 * @typedef {K extends `${infer Stem}.other` ? Stem : never} Counted
 */
/**
 * A key, or the stem of keys that differ by number: `{"friends.one": …, "friends.other": …}` is asked for as `friends`.
 * @typedef {Key | Counted<Key>} Word
 */

/** @param {string} id @returns {Record<string, string>} */
const block = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "{}");
const words = block("words");

/** What every language calls itself, by its code. */
export const languages = block("languages");

/** The language of the page, as BCP 47 says it. */
export const language = document.documentElement.lang || "en";

const plural = new Intl.PluralRules(language);
const number = new Intl.NumberFormat(language);

/**
 * The text of a key with its places filled in; if there is a value `n`, in the form which that number asks for.
 * @param {Word} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  return filled(text(key, values), values);
}

/** @param {string} template @param {Record<string, string | number>} values */
const filled = (template, values) => template.replace(/\{(\w+)\}/g, (whole, name) => said(values[name] ?? whole));

/**
 * The same, where places are filled with elements: what `el` takes as children.
 * @param {Word} key
 * @param {Record<string, Node | string | number>} values
 * @returns {(Node | string)[]}
 */
export function parts(key, values) {
  const n = values.n;
  return text(key, typeof n === "number" ? { n } : {})
    .split(/(\{\w+\})/)
    .filter(Boolean)
    .map((piece) => {
      const name = /^\{(\w+)\}$/.exec(piece)?.[1];
      const value = name === undefined ? undefined : values[name];
      return value instanceof Node ? value : said(value ?? piece);
    });
}

/**
 * A text whose key is not known when this is written, such as the one of an error's code; undefined if there is none, or
 * if it needs a value that is not there.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function perhaps(key, values = {}) {
  if (!Object.hasOwn(words, key)) return undefined;
  const places = [...words[key].matchAll(/\{(\w+)\}/g)];
  return places.every(([, name]) => Object.hasOwn(values, name)) ? filled(words[key], values) : undefined;
}

/** @param {string} key @param {Record<string, string | number>} values */
function text(key, values) {
  const form = typeof values.n === "number" ? words[`${key}.${plural.select(values.n)}`] ?? words[`${key}.other`] : undefined;
  return form ?? words[key] ?? key;
}

/** Signs that turn the direction of what follows, and letters that are written from the right. */
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const FROM_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * A value as it stands in a sentence. What others wrote, such as a name, must not turn the words around it: what could is
 * set apart, without the signs that would end that.
 * @param {string | number} value
 */
function said(value) {
  if (typeof value === "number") return number.format(value);
  const plain = value.replace(TURNS, "");
  return plain !== value || FROM_RIGHT.test(value) ? `\u2068${plain}\u2069` : value;
}

/**
 * Several things in a row, as the language says it: "Ada, Ben and Cleo".
 * @param {string[]} items
 */
export const list = (items) => new Intl.ListFormat(language, { type: "conjunction" }).format(items);

/**
 * A number of bytes for people.
 * @param {number} bytes
 */
export function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return new Intl.NumberFormat(language, { style: "unit", unit: units[step], unitDisplay: step === 0 ? "long" : "short", maximumFractionDigits: value < 10 && step > 0 ? 1 : 0 }).format(value);
}
