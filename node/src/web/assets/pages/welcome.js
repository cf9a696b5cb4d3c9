// @ts-check
/**
 * The first friend: an invite to show, or one to take. The last step of the first run, with an address of its own, so that it
 * survives a reload; it can be passed over, and it can be found again from an empty timeline.
 * @module
 */
import { el } from "../lib/dom.js";
import { go } from "../lib/router.js";
import { t } from "../lib/words.js";
import { acceptBox, inviteBox } from "../parts/invite.js";
import { STEPS, progress } from "../parts/onboarding.js";

/** @returns {Promise<import("../lib/router.js").Page>} */
export async function open() {
  const place = el("div", { class: "panel", id: "welcome-place", role: "tabpanel", "aria-label": t("onboarding.friend.title") });
  /** @type {import("../parts/invite.js").Place | null} */
  let shown = null;
  const skip = el("button", { class: "quiet", type: "button", onclick: () => go("/") }, t("onboarding.friend.skip"));
  const became = () => { skip.textContent = t("onboarding.friend.on"); };
  const kinds = /** @type {[import("../lib/words.js").Word, typeof inviteBox][]} */ ([["people.invite", inviteBox], ["people.accept", acceptBox]]);
  const tabs = kinds.map(([word], at) => el("button", { type: "button", role: "tab", "aria-controls": "welcome-place", onclick: () => choose(at), dataset: { at } }, t(word)));
  const choose = (/** @type {number} */ at) => {
    shown?.closed();
    shown = kinds[at][1](became, () => { go("/"); });
    place.replaceChildren(shown.node);
    tabs.forEach((tab, index) => { tab.setAttribute("aria-selected", String(index === at)); tab.tabIndex = index === at ? 0 : -1; });
  };
  const bar = el("div", { class: "tabs", role: "tablist", "aria-label": t("onboarding.friend.title") }, ...tabs);
  bar.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const next = tabs[1 - tabs.findIndex((tab) => tab === document.activeElement)];
    next?.focus();
    next?.click();
  });
  choose(0);
  return {
    title: t("onboarding.friend.title"),
    node: el("div", { class: "door" }, progress(STEPS.length - 1, document.querySelector(".reminder") ? [2, 3] : []), el("h1", { class: "brand" }, t("onboarding.friend.title")), el("p", {}, t("onboarding.friend.what")), bar, place, el("div", { class: "row end" }, skip)),
    closed: () => shown?.closed(),
  };
}
