// @ts-check
/**
 * One moment with all that was said beneath it: where its time leads, and notices and favourites.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { el } from "../lib/dom.js";
import * as live from "../lib/live.js";
import { whoami } from "../lib/me.js";
import { t } from "../lib/words.js";
import { Card } from "../parts/moment.js";
import { arrived } from "../parts/photos.js";

/**
 * @param {string[]} parts of the address: the id
 * @returns {Promise<import("../lib/router.js").Page>}
 */
export async function open([id]) {
  const place = el("div", {});
  const node = el("div", { class: "page moment-page" }, el("p", {}, el("a", { class: "back-link", href: "/" }, t("moment.page.back"))), place);
  /** @type {Card | null} */
  let card = null;
  const gone = (/** @type {string} */ text) => {
    card = null;
    place.replaceChildren(el("div", { class: "empty" }, el("h1", {}, t("moment.page.gone")), el("p", {}, text)));
  };
  const show = (/** @type {import("../lib/api.js").Moment} */ moment) => {
    if (card) { card.update(moment); return; }
    card = new Card(moment, whoami().user, { isWhole: true, onGone: () => gone(t("moment.page.withdrawn")) });
    place.replaceChildren(el("h1", { class: "visually-hidden" }, t("moment.of", { name: moment.author.name })), card.node);
  };
  const load = async () => {
    try {
      show(await ask("GET", `/moments/${part(id)}`));
    } catch (error) {
      if (!card) gone(error instanceof Error ? error.message : String(error));
    }
  };
  await load();
  const isMine = (/** @type {string} */ other) => other === (card ? card.moment.id : id);
  const offs = [
    live.on("open", load),
    live.on("moment", (event) => { if (isMine(event.moment.id)) show(event.moment); }),
    live.on("interaction", (event) => { if (isMine(event.moment.id)) show(event.moment); }),
    live.on("withdrawn", (event) => { if (isMine(event.id)) gone(t("moment.page.withdrawn")); }),
    live.on("delivery", (event) => { if (card && isMine(event.id)) card.update({ ...card.moment, delivery: event.delivery }); }),
    live.on("blob", (event) => arrived(event.id)),
  ];
  return { title: card ? t("moment.of", { name: /** @type {Card} */ (card).moment.author.name }) : t("moment.page.gone"), node, closed: () => offs.forEach((off) => off()) };
}
