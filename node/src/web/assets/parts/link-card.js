// @ts-check
/**
 * The card of a link. Its picture came with the moment; nothing is loaded from the page it leads to.
 * @module
 */
import { el, icon } from "../lib/dom.js";
import { pictures } from "./photos.js";
import { webAddress } from "./text.js";

/**
 * @param {import("../lib/api.js").Link} link
 * @param {Set<string>} missing blobs that are not here yet
 */
export function linkCard(link, missing) {
  const url = webAddress(link.url);
  // Where it leads is always said: a title can pretend anything.
  const host = url?.host ?? link.url;
  const site = link.site && link.site !== host ? [el("bdi", {}, link.site), " · "] : [];
  const inside = [
    el("span", { class: "link-picture" }, ...(link.image ? pictures({ id: link.image, preview: link.preview, thumbhash: link.thumbhash, ratio: 1, alt: "" }, missing) : [icon("link")])),
    el("span", { class: "link-words" },
      el("strong", { dir: "auto" }, link.title || link.url),
      link.description && el("span", { class: "link-about", dir: "auto" }, link.description),
      el("small", {}, ...site, el("bdi", { dir: "ltr" }, host))),
  ];
  return url ? el("a", { class: "link-card", href: url.href, rel: "noopener noreferrer", target: "_blank" }, ...inside) : el("div", { class: "link-card" }, ...inside);
}
