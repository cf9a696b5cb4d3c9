// @ts-check
/**
 * Marks the words of a search where they stand, compared as the node compares them: without case and accents, and inside of
 * longer words too. Only text nodes are split; nothing is parsed.
 * @module
 */

/** What says nothing of the moment itself. */
const APART = ".meta, .beneath, .bubble, form, button, time, svg, .visually-hidden";

/**
 * A text as it is compared, and where each of its units began.
 * @param {string} text
 */
function folded(text) {
  let out = "";
  /** @type {number[]} */
  const from = [];
  let at = 0;
  for (const letter of text) {
    const plain = letter.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
    for (let n = 0; n < plain.length; n++) from.push(at);
    out += plain;
    at += letter.length;
  }
  from.push(at);
  return { out, from };
}

/** @param {string} search */
export const wordsOf = (search) => search.split(/\s+/).map((word) => folded(word).out).filter(Boolean);

/**
 * Where words occur in a text: from and to, in order, without overlap.
 * @param {string} text
 * @param {string[]} words folded
 */
export function hits(text, words) {
  const { out, from } = folded(text);
  /** @type {[number, number][]} */
  const found = [];
  for (const word of words) {
    for (let at = out.indexOf(word); at >= 0; at = out.indexOf(word, at + word.length)) {
      // What makes one letter of several is marked whole.
      let next = at + word.length;
      while (from[next] === from[at + word.length - 1]) next++;
      found.push([from[at], from[next]]);
    }
  }
  found.sort((a, b) => a[0] - b[0]);
  /** @type {[number, number][]} */
  const apart = [];
  for (const [start, end] of found) {
    const before = apart.at(-1);
    if (before && start <= before[1]) before[1] = Math.max(before[1], end);
    else apart.push([start, end]);
  }
  return apart;
}

/**
 * Marks them in what a card says.
 * @param {HTMLElement} root
 * @param {string[]} words folded
 */
export function mark(root, words) {
  if (words.length === 0) return;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement?.closest(APART) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  /** @type {Text[]} */
  const texts = [];
  while (walker.nextNode()) texts.push(/** @type {Text} */ (walker.currentNode));
  for (const text of texts) {
    for (const [start, end] of hits(text.data, words).reverse()) {
      const hit = text.splitText(start);
      hit.splitText(end - start);
      const box = document.createElement("mark");
      hit.replaceWith(box);
      box.append(hit);
    }
  }
}
