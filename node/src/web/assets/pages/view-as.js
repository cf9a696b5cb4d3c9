// @ts-check
/**
 * My moments as one friend sees them, by the code that seals and serves them.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { during, el, face } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { readOnly } from "../parts/read-only.js";

const PAGE = 20;

/**
 * @param {string[]} parts the friend's id
 * @returns {Promise<import("../lib/router.js").Page>}
 */
export async function open([id]) {
  const friend = await ask("GET", `/friends/${part(id)}`);
  const list = el("div", { class: "as-they-see" });
  /** @type {string | null} */
  let next = null;
  const more = el("button", { class: "quiet", type: "button", hidden: true, onclick: () => during(more, read) }, t("timeline.more"));
  const read = async () => {
    const page = await ask("GET", `/timeline?as=${part(friend.id)}&limit=${PAGE}${next ? `&before=${part(next)}` : ""}`);
    list.append(...page.moments.map(readOnly));
    next = page.next;
    more.hidden = !next;
    if (list.childElementCount === 0) list.append(el("p", { class: "hint" }, t("people.as.nothing", { name: friend.name })));
  };
  await read();
  const title = t("people.as.title", { name: friend.name });
  return {
    title,
    node: el("div", { class: "page" }, el("div", { class: "banner", role: "note" }, face(friend), el("div", { class: "stack" }, el("h1", {}, title),
      el("p", {}, t("people.as.what", { name: friend.name })), el("a", { href: "/people" }, t("people.as.back")))), list, more),
  };
}
