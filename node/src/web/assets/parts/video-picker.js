// @ts-check
/**
 * The video of a moment that is being made: how long it is, whether it is cut, which of its pictures stands for it.
 * @module
 */
import { el, icon } from "../lib/dom.js";
import { size, t } from "../lib/words.js";

/** @typedef {import("../lib/files.js").Limits} Limits */

/** Longest side of the picture that stands for it, pixels; and how good that JPEG is. */
const POSTER_SIDE = 1280;
const POSTER_QUALITY = 0.9;
/** How long the browser may take to understand a video, ms. */
const LOOK_MS = 8000;

/** The video. */
export class VideoPicker {
  /**
   * @param {object} options
   * @param {() => void} options.changed
   * @param {(text: string) => void} options.say
   */
  constructor({ changed, say }) {
    this.changed = changed;
    this.say = say;
    /** @type {Blob | null} */
    this.file = null;
    /** @type {string | null} */
    this.kept = null;
    /** @type {Blob | null} */
    this.poster = null;
    /** @type {string | null} */
    this.keptPoster = null;
    this.node = el("div", { class: "video-picker stack", hidden: true });
    this.film = /** @type {HTMLVideoElement} */ (el("video", { controls: true, playsinline: true, preload: "auto" }));
    this.alt = /** @type {HTMLInputElement} */ (el("input", { type: "text", dir: "auto", placeholder: t("shelf.alt"), "aria-label": t("video.alt"), oninput: () => changed() }));
    this.trim = /** @type {HTMLInputElement} */ (el("input", { type: "checkbox", onchange: () => this.changed() }));
  }

  /**
   * Takes a video in, if it is one that can be shared.
   * @param {Blob} file
   * @param {Limits} limits
   * @param {{trim?: boolean, alt?: string, poster?: Blob | null, kept?: string | null, keptPoster?: string | null}} [known]
   */
  async set(file, limits, known = {}) {
    if (file.size > limits.video_bytes) { this.say(t("video.too_large", { size: size(file.size), limit: size(limits.video_bytes) })); return; }
    this.clear();
    this.film.src = URL.createObjectURL(file);
    const seconds = await this.look();
    const most = limits.video_ms / 1000;
    const isLong = seconds !== null && seconds > most;
    const said = { seconds: Math.ceil((seconds ?? 0) * 10) / 10, limit: most };
    if (isLong && !limits.can_trim) { this.say(t("video.too_long", said)); this.clear(); return; }
    this.file = file;
    [this.poster, this.kept, this.keptPoster] = [known.poster ?? null, known.kept ?? null, known.keptPoster ?? null];
    this.alt.value = known.alt ?? "";
    this.alt.maxLength = limits.alt_bytes;
    this.trim.checked = known.trim ?? false;
    this.isLong = isLong;
    const still = el("img", { class: "poster", alt: t("video.poster.alt"), hidden: true });
    if (this.poster) this.shown(still, this.poster);
    this.node.replaceChildren(
      el("div", { class: "picture" }, this.film, el("button", { type: "button", class: "icon", "aria-label": t("video.remove"), onclick: () => { this.clear(); this.changed(); } }, icon("close"))),
      ...(isLong ? [el("label", { class: "option" }, this.trim, t("video.trim", said))] : []),
      ...(seconds === null ? [el("p", { class: "hint" }, t("video.unseen"))] : [this.scrubber(isLong ? most : seconds, still)]),
      this.alt);
    this.node.hidden = false;
    this.changed();
  }

  /** Its length in seconds; null if this browser cannot play it. @returns {Promise<number | null>} */
  look() {
    return new Promise((resolve) => {
      const over = setTimeout(() => resolve(null), LOOK_MS);
      const end = (/** @type {number | null} */ seconds) => { clearTimeout(over); resolve(seconds); };
      this.film.onloadeddata = () => end(Number.isFinite(this.film.duration) ? this.film.duration : null);
      this.film.onerror = () => end(null);
    });
  }

  /** Why it cannot be shared yet; empty if it can. */
  missing() {
    return this.file && this.isLong && !this.trim.checked ? t("video.must_trim") : "";
  }

  /**
   * The slider that finds the picture.
   * @param {number} seconds
   * @param {HTMLElement} still
   */
  scrubber(seconds, still) {
    const slider = /** @type {HTMLInputElement} */ (el("input", { type: "range", min: 0, max: seconds, step: 0.05, value: 0, "aria-label": t("video.scrub"), oninput: () => {
      this.film.pause();
      this.film.currentTime = Number(slider.value);
    } }));
    const take = el("button", { type: "button", onclick: async () => {
      const picture = await this.frame();
      if (!picture) return;
      [this.poster, this.keptPoster] = [picture, null];
      this.shown(still, picture);
      this.changed();
    } }, t("video.take"));
    return el("div", { class: "stack" }, el("p", { class: "hint" }, t("video.poster")), slider, el("div", { class: "row" }, take, still));
  }

  /** The picture that is seen now. @returns {Promise<Blob | null>} */
  async frame() {
    if (this.film.seeking) await new Promise((resolve) => this.film.addEventListener("seeked", resolve, { once: true }));
    const { videoWidth, videoHeight } = this.film;
    if (!videoWidth || !videoHeight) return null;
    const scale = Math.min(1, POSTER_SIDE / Math.max(videoWidth, videoHeight));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
    canvas.getContext("2d")?.drawImage(this.film, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", POSTER_QUALITY));
  }

  /** @param {HTMLElement} still @param {Blob} picture */
  shown(still, picture) {
    URL.revokeObjectURL(still.getAttribute("src") ?? "");
    still.setAttribute("src", URL.createObjectURL(picture));
    still.hidden = false;
  }

  clear() {
    for (const shown of this.node.querySelectorAll("[src^='blob:']")) URL.revokeObjectURL(shown.getAttribute("src") ?? "");
    this.film.removeAttribute("src");
    this.film.load();
    [this.file, this.kept, this.poster, this.keptPoster] = [null, null, null, null];
    this.isLong = false;
    this.trim.checked = false;
    this.node.replaceChildren();
    this.node.hidden = true;
  }
}
