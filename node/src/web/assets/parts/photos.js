// @ts-check
/**
 * The photos of a moment: a blur at once, then the preview, then the picture; and the viewer.
 * @module
 */
import { blob } from "../lib/api.js";
import { dialog, el, icon } from "../lib/dom.js";
import { paint } from "../lib/thumbhash.js";

/** @typedef {import("../lib/api.js").Photo} Photo */

const SHAPE = /** @type {Record<number, string>} */ ({ 1: "photos one", 2: "photos two", 4: "photos four" });

/**
 * One large, two, two by two, or rows of three.
 * @param {Photo[]} photos
 */
export function grid(photos) {
  const cells = photos.map((photo, at) => cell(photo, photos, at));
  return el("div", { class: SHAPE[photos.length] ?? "photos" }, ...cells);
}

/**
 * @param {Photo} photo
 * @param {Photo[]} all
 * @param {number} at
 */
function cell(photo, all, at) {
  const label = photo.alt ?? `Photo ${at + 1} of ${all.length}`;
  const node = el("button", { class: "photo", type: "button", "aria-label": `Open: ${label}`, onclick: () => view(all, at) });
  const ratio = photo.width / photo.height;
  node.style.setProperty("--ratio", String(ratio));
  const blur = paint(photo.thumbhash, ratio);
  if (blur) node.append(blur);
  if (photo.preview) node.append(layer(photo.preview, ""));
  node.append(layer(photo.id, photo.alt ?? ""));
  return node;
}

/**
 * A picture that fades in once it is here. One that is not yet is asked for again when an event says that it came.
 * @param {string} id
 * @param {string} alt
 */
function layer(id, alt) {
  const image = /** @type {HTMLImageElement} */ (
    el("img", { src: blob(id), alt, loading: "lazy", decoding: "async", dataset: { blob: id } })
  );
  image.addEventListener("load", () => image.classList.add("here"));
  return image;
}

/**
 * A blob has come: pictures that failed before are loaded again.
 * @param {string} id
 */
export function arrived(id) {
  for (const image of document.querySelectorAll(`img[data-blob="${CSS.escape(id)}"]:not(.here)`)) {
    image.setAttribute("src", blob(id));
  }
}

/**
 * The viewer: one photo at a time, arrows and Escape.
 * @param {Photo[]} photos
 * @param {number} at
 */
function view(photos, at) {
  const image = /** @type {HTMLImageElement} */ (el("img"));
  const caption = el("figcaption");
  const step = (/** @type {number} */ by) => {
    at = (at + by + photos.length) % photos.length;
    const photo = photos[at];
    image.src = blob(photo.id);
    image.alt = photo.alt ?? "";
    caption.textContent = photo.alt ?? (photos.length > 1 ? `${at + 1} of ${photos.length}` : "");
  };
  step(0);
  const turn = (/** @type {"back"|"next"} */ side, /** @type {number} */ by, /** @type {string} */ label) =>
    photos.length > 1 ? el("button", { class: `icon ${side}`, type: "button", "aria-label": label, onclick: () => step(by) }, icon(side)) : null;
  const box = dialog("viewer", (close) => [
    el("figure", {}, image, caption),
    turn("back", -1, "Previous photo"),
    turn("next", 1, "Next photo"),
    el("button", { class: "icon close", type: "button", "aria-label": "Close", onclick: close }, icon("close")),
  ]);
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
}
