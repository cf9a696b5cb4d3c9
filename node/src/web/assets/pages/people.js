// @ts-check
/**
 * Friends and requests.
 * @module
 */
import { el } from "../lib/dom.js";
import * as live from "../lib/live.js";
import { t } from "../lib/words.js";
import { People } from "../parts/people.js";

/** @returns {Promise<import("../lib/router.js").Page>} */
export async function open() {
  const people = new People();
  await people.load();
  const load = () => { people.load().catch(() => {}); };
  const offs = ["open", "friend", "unfriended", "request"].map((kind) => live.on(kind, load));
  return {
    title: t("nav.people"),
    node: el("div", { class: "page" }, el("h1", {}, t("nav.people")), people.node),
    closed: () => offs.forEach((off) => off()),
  };
}
