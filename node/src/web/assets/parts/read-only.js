// @ts-check
/**
 * A moment to look at: as a card of the timeline, without anything that could be done with it.
 * @module
 */
import { Card } from "./moment.js";

/**
 * @param {import("../lib/api.js").Moment} moment
 * @returns {HTMLElement}
 */
export function readOnly(moment) {
  const card = new Card(moment, "", { isWhole: true });
  // A click on a comment would answer it.
  card.answer = () => {};
  card.node.classList.add("read-only");
  card.node.querySelector(".acts")?.remove();
  return card.node;
}
