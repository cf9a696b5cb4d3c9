// @ts-check
/**
 * What can be done with a moment besides liking and commenting.
 * @module
 */
import { ask, part } from "../lib/api.js";
import { attempt, notice } from "../lib/dom.js";
import { t } from "../lib/words.js";
import { menu } from "./menu.js";
import { sure } from "./sure.js";

/** @typedef {import("./moment.js").Card} Card */

/**
 * The button with the menu of a card.
 * @param {Card} card
 * @returns {HTMLElement[]}
 */
export function momentMenu(card) {
  return [menu(t("moment.menu"), () => {
    const { moment } = card;
    const isMine = moment.author.me;
    return [
      isMine && { label: t("moment.menu.who"), icon: "eye", run: () => card.delivery.toggle() },
      isMine && { label: t("moment.menu.audience"), icon: "people", run: () => audience(card) },
      isMine && mark(card, "pin", "pinned", t(moment.pinned ? "moment.menu.unpin" : "moment.menu.pin")),
      { ...mark(card, "fave", "faved", t(moment.faved ? "moment.menu.unfave" : "moment.menu.fave")), icon: "star" },
      { label: t(moment.muted ? "moment.menu.unmute" : "moment.menu.mute"), icon: moment.muted ? "bell" : "mute", run: () => mute(card) },
      moment.shareable && { label: t("moment.menu.share"), icon: "share", run: () => share(card) },
      { label: t("moment.menu.copy"), icon: "link", run: () => copy(card) },
      moment.shareable && { label: t("moment.menu.proof"), icon: "proof", run: () => proof(card) },
      isMine && { label: t("moment.menu.withdraw"), icon: "bin", isGrave: true, run: () => withdraw(card) },
    ];
  })];
}

/**
 * @param {Card} card
 * @param {"pin" | "fave"} word
 * @param {"pinned" | "faved"} field
 * @param {string} label
 * @returns {import("./menu.js").Item}
 */
const mark = (card, word, field, label) => ({ label, icon: "tack", run: () => change(card, field, `${card.path}/${word}`) });

/** @param {Card} card */
const mute = (card) => change(card, "muted", `/mutes/${part(card.moment.id)}`);

/**
 * Turns a mark on or off: shown at once, and turned back if the node says no.
 * @param {Card} card
 * @param {"pinned" | "faved" | "muted"} field
 * @param {string} path
 */
async function change(card, field, path) {
  const was = card.moment[field];
  card.update({ ...card.moment, [field]: !was });
  const isDone = await attempt(card.problem, null, () => ask(was ? "DELETE" : "PUT", path));
  if (!isDone) card.update({ ...card.moment, [field]: was });
}

/** @param {Card} card */
async function audience(card) {
  await attempt(card.problem, null, async () => (await import("./audience-change.js")).audienceSheet(card));
}

/** @param {Card} card */
async function share(card) {
  await attempt(card.problem, null, async () => (await import("./share.js")).shareSheet(card.moment));
}

/** @param {Card} card */
async function proof(card) {
  await attempt(card.problem, null, async () => (await import("./proof.js")).proofSheet(card.moment));
}

/** @param {Card} card */
async function copy(card) {
  await attempt(card.problem, null, async () => {
    await navigator.clipboard.writeText(`${location.origin}/moments/${card.moment.id}`);
    notice(t("moment.copied"));
  });
}

/** @param {Card} card */
function withdraw(card) {
  sure({ title: t("moment.withdraw.title"), text: t("moment.withdraw.text"), yes: t("moment.withdraw.yes") }, async () => {
    await ask("DELETE", card.path);
    card.onGone();
    notice(t("moment.withdraw.done"));
  });
}
