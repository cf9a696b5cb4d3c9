// @ts-check
/**
 * The web app: first run if it is one, then the timeline, live.
 * @module
 */
import { ask } from "./api.js";
import { composer } from "./composer.js";
import { el, face, icon, notice } from "./dom.js";
import { listen } from "./live.js";
import { onboarding } from "./onboarding.js";
import { People } from "./people.js";
import { Timeline } from "./timeline.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));

async function start() {
  await onboarding(root, await ask("GET", "/onboarding"));
  const me = await ask("GET", "/whoami");
  const timeline = new Timeline(me.user);
  const people = new People();
  const main = el("main", { id: "main" }, el("h1", { class: "visually-hidden" }, "Moments"), composer((moment) => timeline.posted(moment)), timeline.node);
  const frame = el("div", { class: "frame" }, main, people.node);
  const toggle = el("button", { class: "quiet icon only-narrow", type: "button", "aria-label": "Friends", "aria-expanded": "false", onclick: () => {
    toggle.setAttribute("aria-expanded", String(frame.classList.toggle("people-open")));
  } }, icon("people"));
  root.replaceChildren(
    el("header", { class: "top" }, el("div", {}, el("span", { class: "brand" }, "Tidings"),
      el("span", { class: "me" }, el("span", {}, me.name), face({ id: me.user, name: me.name }, true)), toggle)),
    frame);
  listen(timeline, people);
}

start().catch((error) => notice(error instanceof Error ? error.message : String(error)));
