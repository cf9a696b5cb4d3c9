// @ts-check
/**
 * The web app: the first run if it is one, then the frame with its pages, live.
 * @module
 */
import { ask } from "./lib/api.js";
import { el, notice } from "./lib/dom.js";
import * as friends from "./lib/friends.js";
import * as live from "./lib/live.js";
import * as router from "./lib/router.js";
import { t } from "./lib/words.js";
import { frame } from "./parts/frame.js";
import * as badge from "./parts/notices-badge.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));

/** Every page, by its address. The last is shown where there is none. */
const ROUTES = /** @type {import("./lib/router.js").Route[]} */ ([
  { path: /^\/$/, stays: true, open: async () => (await import("./pages/timeline.js")).open() },
  { path: /^\/welcome$/, open: async () => (await import("./pages/welcome.js")).open() },
  { path: /^\/people\/([0-9a-f]+)\/as-they-see$/, open: async (parts) => (await import("./pages/view-as.js")).open(parts) },
  { path: /^\/people\/([^/]+)$/, open: async (parts) => (await import("./pages/person.js")).open(parts) },
  { path: /^\/search$/, open: async (_, query, key) => (await import("./pages/search.js")).open(query, key) },
  { path: /^\/favourites$/, open: async () => (await import("./pages/favourites.js")).open() },
  { path: /^\/moments\/([^/]+)$/, open: async (parts) => (await import("./pages/moment.js")).open(parts) },
  { path: /^\/people$/, open: async () => (await import("./pages/people.js")).open() },
  { path: /^\/notices$/, open: async () => (await import("./pages/notices.js")).open() },
  { path: /^\/settings(?:\/([a-z]+))?$/, open: async ([section]) => (await import("./pages/settings.js")).open(section) },
  { path: /^/, open: async () => nothing() },
]);

/** @returns {import("./lib/router.js").Page} */
function nothing() {
  return { title: t("frame.nothing.title"), node: el("div", { class: "empty" }, el("h1", {}, t("frame.nothing.title")),
    el("p", {}, t("frame.nothing.text")), el("a", { href: "/" }, t("frame.nothing.back"))) };
}

// What is let fall beside a place that takes it would open instead of the page, and what was half written would be lost.
for (const kind of ["dragover", "drop"]) {
  window.addEventListener(kind, (event) => { if (!(event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement)) event.preventDefault(); });
}

async function start() {
  const state = await ask("GET", "/onboarding");
  if (state.state !== "done") {
    const { onboarding } = await import("./parts/onboarding.js");
    await onboarding(root, state);
  }
  const { node, main, shown } = frame(await ask("GET", "/whoami"));
  root.replaceChildren(node);
  if ((state.state === "done" ? state.words : (await ask("GET", "/onboarding")).words).length > 0) {
    main.before((await import("./parts/onboarding.js")).reminder());
  }
  await router.begin(main, ROUTES, (page) => { shown(page); badge.titled(page.title); });
  badge.begin();
  friends.begin();
  live.begin();
}

start().catch((error) => notice(error instanceof Error ? error.message : String(error)));
