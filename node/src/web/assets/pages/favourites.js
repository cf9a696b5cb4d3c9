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
    dress: (card) => card.node.append(line(card.moment.id, card.node)),
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
 * @param {string} id
 * @param {HTMLElement} card
 */
function line(id, card) {
  const said = el("span", { class: "hint grow", role: "status" });
  let isOut = false;
  const button = /** @type {HTMLButtonElement} */ (el("button", { class: "quiet", type: "button" }));
  const draw = () => {
    card.classList.toggle("out", isOut);
    said.textContent = isOut ? t("favourites.removed") : "";
    button.textContent = t(isOut ? "favourites.undo" : "favourites.remove");
  };
  button.addEventListener("click", async () => {
    // It is done at once here; if the node refuses, it is undone.
    isOut = !isOut;
    draw();
    button.disabled = true;
    try {
      await ask(isOut ? "DELETE" : "PUT", `/moments/${part(id)}/fave`);
    } catch (error) {
      isOut = !isOut;
      draw();
      said.textContent = error instanceof Error ? error.message : String(error);
    }
    button.disabled = false;
    button.focus();
  });
  draw();
  return el("div", { class: "row end favourite-line" }, said, button);
}
