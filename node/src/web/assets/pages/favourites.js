// @ts-check
/**
 * My favourites: moments that are kept here with their pictures, the newest mark first. Nobody else sees them.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { el, icon } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { Moments } from "../parts/moments.js";

const PAGE = 20;

/** @returns {Promise<import("../lib/router.js").Page>} */
export async function open() {
  const list = new Moments({
    label: t("nav.favourites"),
    read: (before) => ask("GET", `/faves?limit=${PAGE}${before ? `&before=${before}` : ""}`),
    empty: () => el("div", { class: "empty" }, icon("star"), el("h2", {}, t("favourites.none")), el("p", {}, t("favourites.none.how")), el("a", { href: "/" }, t("favourites.none.back"))),
    dress: (card) => card.node.append(line(card)),
  });
  await list.begin();
  return {
    title: t("nav.favourites"),
    node: el("div", { class: "page" }, el("h1", {}, t("nav.favourites")), el("p", { class: "hint" }, t("favourites.what")), list.node),
    closed: () => list.close(),
  };
}

/**
 * What stands beneath a favourite: to take it out, and for as long as one is here, to put it back.
 * @param {import("../parts/moment.js").Card} card
 */
function line(card) {
  const said = el("span", { class: "hint grow", role: "status" });
  const button = /** @type {HTMLButtonElement} */ (el("button", { class: "quiet", type: "button" }));
  const draw = (/** @type {boolean} */ isIn) => {
    card.node.classList.toggle("out", !isIn);
    said.textContent = isIn ? "" : t("favourites.removed");
    button.textContent = t(isIn ? "favourites.remove" : "favourites.undo");
  };
  // The menu of the card takes it out as well.
  const update = card.update.bind(card);
  card.update = (moment) => { update(moment); draw(moment.faved); };
  button.addEventListener("click", async () => {
    const { moment } = card;
    const isIn = !moment.faved;
    // It is done at once here; if the node refuses, it is undone.
    card.update({ ...moment, faved: isIn });
    button.disabled = true;
    try {
      await ask(isIn ? "PUT" : "DELETE", `/moments/${part(moment.id)}/fave`);
    } catch (error) {
      card.update({ ...card.moment, faved: !isIn });
      said.textContent = error instanceof Error ? error.message : String(error);
    }
    button.disabled = false;
    button.focus();
  });
  draw(card.moment.faved);
  return el("div", { class: "row end favourite-line" }, said, button);
}
