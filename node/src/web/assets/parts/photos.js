// @ts-check
/**
 * The photos of a moment: a blur at once, then the preview, then the picture. Their room is known from the beginning, so
 * nothing moves as they come; what is not here yet is asked for when an event says that it came.
 * @module
 */
import { blob } from "../lib/api.js";
import { el, icon, notice } from "../lib/dom.js";
import { paint } from "../lib/thumbhash.js";
import { t } from "../lib/words.js";

/** @typedef {import("../lib/api.js").Photo} Photo */

const SHAPE = /** @type {Record<number, string>} */ ({ 1: "photos one", 2: "photos two", 4: "photos four" });
/** Narrower or wider pictures are shown in part: a strip would be too thin to see or to touch. */
const [NARROWEST, WIDEST] = [0.56, 2.4];
/** How many blobs that came lately are remembered: a moment may have been read just before, and be shown just after. */
const REMEMBERED = 500;

/** @type {Set<string>} */
const came = new Set();

/** @param {number} ratio width by height */
export const fitting = (ratio) => Math.min(WIDEST, Math.max(NARROWEST, ratio || 1));

/**
 * One large, two, two by two, or rows of three.
 * @param {Photo[]} photos
 * @param {Set<string>} [missing] blobs that are not here yet
 */
export function grid(photos, missing = new Set()) {
  return el("div", { class: SHAPE[photos.length] ?? "photos" }, ...photos.map((photo, at) => cell(photo, photos, at, missing)));
}

/**
 * @param {Photo} photo
 * @param {Photo[]} all
 * @param {number} at
 * @param {Set<string>} missing
 */
function cell(photo, all, at, missing) {
  const label = photo.alt ?? t("photos.nth", { at: at + 1, of: all.length });
  const node = el("button", { class: "photo", type: "button", "aria-label": t("photos.open", { label }), onclick: () => open(all, at, missing) });
  const ratio = all.length === 1 ? fitting(photo.width / photo.height) : 1;
  node.style.setProperty("--ratio", String(ratio));
  node.append(...pictures({ ...photo, alt: photo.alt ?? "", ratio: photo.width / photo.height }, missing));
  return node;
}

/**
 * The viewer is fetched when it is first wanted.
 * @param {Photo[]} photos
 * @param {number} at
 * @param {Set<string>} missing
 */
function open(photos, at, missing) {
  import("./lightbox.js").then(({ lightbox }) => lightbox(photos, at, missing), (error) => notice(error.message));
}

/**
 * The layers of one picture, the last of which is the picture itself.
 * @param {{id: string, preview: string | null, thumbhash: string, ratio: number, alt: string}} picture
 * @param {Set<string>} missing
 * @returns {Node[]}
 */
export function pictures({ id, preview, thumbhash, ratio, alt }, missing) {
  const blur = paint(thumbhash, ratio);
  const full = layer(id, alt, missing);
  const isLate = missing.has(id) && !came.has(id);
  const hint = isLate ? el("span", { class: "late", role: "img", "aria-label": t("photos.late"), title: t("photos.late") }, icon("clock")) : null;
  full.addEventListener("load", () => hint?.remove());
  return /** @type {Node[]} */ ([blur, preview && layer(preview, "", missing), hint, full].filter(Boolean));
}

/**
 * A picture that fades in once it is here.
 * @param {string} id
 * @param {string} alt
 * @param {Set<string>} missing
 */
function layer(id, alt, missing) {
  const image = /** @type {HTMLImageElement} */ (el("img", { alt, loading: "lazy", decoding: "async" }));
  image.addEventListener("load", () => image.classList.add("here"));
  awaited(image, id, missing, () => { image.src = blob(id); });
  return image;
}

/**
 * Does something for an element now, or once the blob is here that it waits for.
 * @param {HTMLElement} node in the document by then
 * @param {string} id
 * @param {Set<string>} missing
 * @param {() => void} take
 */
export function awaited(node, id, missing, take) {
  if (!missing.has(id) || came.has(id)) { take(); return; }
  node.dataset.blob = id;
  node.addEventListener("arrived", () => { delete node.dataset.blob; take(); }, { once: true });
}

/**
 * A blob has come: whatever waits for it takes it.
 * @param {string} id
 */
export function arrived(id) {
  came.add(id);
  for (const old of came) {
    if (came.size <= REMEMBERED) break;
    came.delete(old);
  }
  for (const node of document.querySelectorAll(`[data-blob="${CSS.escape(id)}"]`)) node.dispatchEvent(new Event("arrived"));
}
