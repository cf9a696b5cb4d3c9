// @ts-check
/**
 * Settings: one page of sections, each with an address of its own and a part that is loaded when it is first wanted.
 * @module
 */
import { el, icon } from "../lib/dom.js";
import { t } from "../lib/words.js";

/** What a section gives: what it shows, and what ends with it. @typedef {{node: Node, hidden?: () => void, closed?: () => void}} Section */
/** @typedef {import("../lib/words.js").Key} Key */

const SECTIONS = /** @type {{name: string, title: Key, about: Key, open: () => Promise<Section>}[]} */ ([
  { name: "privacy", title: "settings.privacy", about: "settings.privacy.about", open: async () => (await import("../parts/privacy-settings.js")).open() },
  { name: "notices", title: "settings.notices", about: "settings.notices.about", open: async () => (await import("../parts/notice-settings.js")).open() },
  { name: "storage", title: "settings.storage", about: "settings.storage.about", open: async () => (await import("../parts/storage.js")).open() },
  { name: "programs", title: "settings.programs", about: "settings.programs.about", open: async () => (await import("../parts/programs.js")).open() },
  { name: "network", title: "settings.network", about: "settings.network.about", open: async () => (await import("../parts/network.js")).open() },
  { name: "language", title: "settings.language", about: "settings.language.about", open: async () => (await import("../parts/language.js")).open() },
  { name: "about", title: "settings.about", about: "settings.about.about", open: async () => (await import("../parts/about.js")).open() },
]);

/**
 * @param {string} name of a section; empty for all of them
 * @returns {Promise<import("../lib/router.js").Page>}
 */
export async function open(name) {
  const section = SECTIONS.find((known) => known.name === name);
  if (!section) return all();
  const { node, hidden, closed } = await section.open();
  const title = t(section.title);
  return {
    title,
    node: el("div", { class: "settings" }, places(section.name),
      el("div", { class: "settings-section" },
        el("a", { class: "settings-back", href: "/settings" }, icon("back"), t("nav.settings")),
        el("h1", {}, title), node)),
    hidden,
    closed,
  };
}

/** @returns {import("../lib/router.js").Page} */
function all() {
  return {
    title: t("nav.settings"),
    node: el("div", { class: "page" }, el("h1", {}, t("nav.settings")),
      el("ul", { class: "panel settings-all" }, ...SECTIONS.map(({ name, title, about }) =>
        el("li", {}, el("a", { href: `/settings/${name}` }, el("span", {}, el("strong", {}, t(title)), el("span", { class: "hint" }, t(about))), icon("next")))))),
  };
}

/** @param {string} here */
function places(here) {
  return el("nav", { class: "settings-places", "aria-label": t("nav.settings") },
    ...SECTIONS.map(({ name, title }) => el("a", { href: `/settings/${name}`, "aria-current": name === here && "page" }, t(title))));
}
