// @ts-check
/**
 * A video in its place: a still picture until it plays, then by ranges as one watches. One plays at a time.
 * @module
 */
import { blob } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { clock } from "../lib/when.js";
import { paint } from "../lib/thumbhash.js";
import { t } from "../lib/words.js";
import { awaited, fitting } from "./photos.js";

/**
 * @param {import("../lib/api.js").Video} film
 * @param {Set<string>} missing blobs that are not here yet
 */
export function video(film, missing) {
  const ratio = fitting(film.width / film.height);
  const screen = /** @type {HTMLVideoElement} */ (el("video", { controls: true, preload: "none", playsinline: true, "aria-label": film.alt ?? t("photos.video", { length: clock(film.duration_ms) }) }));
  const state = el("p", { class: "video-state" });
  const length = el("span", { class: "video-length", "aria-hidden": "true" }, clock(film.duration_ms));
  const node = el("figure", { class: "video" }, paint(film.thumbhash, ratio), screen, length, state);
  node.style.setProperty("--ratio", String(ratio));
  if (film.poster) {
    const { poster } = film;
    awaited(screen, poster, missing, () => { screen.poster = blob(poster); });
  }
  state.textContent = t("photos.video.arriving");
  const marker = el("span", { hidden: true });
  node.append(marker);
  awaited(marker, film.id, missing, () => { screen.src = blob(film.id); state.textContent = ""; });
  screen.addEventListener("play", () => {
    length.hidden = true;
    for (const other of document.querySelectorAll("video")) if (other !== screen) other.pause();
  });
  screen.addEventListener("error", () => {
    state.replaceChildren(t("photos.video.failed"), " ", el("a", { href: `${blob(film.id)}?download=true`, download: "" }, t("photos.video.download")));
  });
  return node;
}
