// @ts-check
/**
 * The viewer: one photo at a time over everything, by keys, buttons, swipe and wheel; zoom by pinch, double tap, wheel and
 * keys; what is zoomed can be dragged about. The preview is there at once, the photo follows, its neighbours are fetched.
 * Closed, the focus is on the photo that was seen last.
 * @module
 */
import { blob } from "../lib/api.js";
import { dialog, el, icon } from "../lib/dom.js";
import { t } from "../lib/words.js";

/** @typedef {import("../lib/api.js").Photo} Photo */
/** @typedef {{x: number, y: number}} Point */

const ZOOM_LIMIT = 6;
const ZOOM_STEP = 1.5;
/** A finger that moved less than this has tapped, px. */
const TAP = 8;
/** A swipe of at least this goes on, px. */
const SWIPE = 50;
/** Two taps within this are one double tap, ms. */
const DOUBLE_TAP = 320;

/**
 * @param {Photo[]} photos
 * @param {number} at
 * @param {Set<string>} missing blobs that were not here when the moment was read
 */
export function lightbox(photos, at, missing) {
  new Lightbox(photos, at, missing);
}

/** What is on screen. */
class Lightbox {
  /**
   * @param {Photo[]} photos
   * @param {number} at
   * @param {Set<string>} missing
   */
  constructor(photos, at, missing) {
    this.photos = photos;
    this.missing = missing;
    this.at = at;
    this.zoom = 1;
    this.x = 0;
    this.y = 0;
    /** @type {Map<number, Point>} fingers or the mouse, by pointer */
    this.pointers = new Map();
    /** @type {{start: Point, last: Point, apart: number, tapped: boolean} | null} */
    this.drag = null;
    this.lastTap = 0;
    this.opener = document.activeElement;
    this.stage = el("div", { class: "stage" });
    this.caption = el("figcaption", { "aria-live": "polite", dir: "auto" });
    this.count = el("span", { class: "viewer-count" });
    this.box = dialog("viewer", (close) => this.build(close));
    this.box.setAttribute("aria-label", t("photos.viewer"));
    this.listen();
    this.step(0);
    this.stage.tabIndex = -1;
    this.stage.focus();
  }

  /** @param {() => void} close */
  build(close) {
    const turn = (/** @type {"back" | "next"} */ side, /** @type {number} */ by) => this.photos.length > 1
      ? el("button", { class: `icon turn ${side}`, type: "button", "aria-label": t(`photos.${side}`), onclick: () => this.step(by) }, icon(side)) : null;
    return [el("figure", {}, this.stage, this.caption), turn("back", -1), turn("next", 1), this.count,
      el("button", { class: "icon close", type: "button", "aria-label": t("photos.close"), onclick: close }, icon("close"))];
  }

  listen() {
    const { stage, box } = this;
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("close", () => this.closed());
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of /** @type {const} */ (["pointerup", "pointercancel"])) stage.addEventListener(kind, (event) => this.up(event));
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomTo(this.zoom * Math.exp(-event.deltaY / 300), event);
    }, { passive: false });
  }

  /** The focus goes to the photo that was seen last, where the first was opened. */
  closed() {
    const place = this.opener?.parentElement;
    const seen = place?.classList.contains("photos") ? place.children[this.at] : this.opener;
    if (seen instanceof HTMLElement) seen.focus();
  }

  /** @param {number} by */
  step(by) {
    const { photos } = this;
    this.at = (this.at + by + photos.length) % photos.length;
    this.show(photos[this.at]);
    this.zoomTo(1);
    if (photos.length > 1) {
      this.count.textContent = t("photos.count", { at: this.at + 1, of: photos.length });
      for (const near of [1, photos.length - 1]) {
        const { id } = photos[(this.at + near) % photos.length];
        if (!this.missing.has(id)) new Image().src = blob(id);
      }
    }
  }

  /** @param {Photo} photo */
  show(photo) {
    const image = (/** @type {string} */ id, /** @type {string} */ alt) => /** @type {HTMLImageElement} */ (el("img", { src: blob(id), alt, draggable: "false" }));
    const full = image(photo.id, photo.alt ?? t("photos.nth", { at: this.at + 1, of: this.photos.length }));
    const preview = photo.preview && !this.missing.has(photo.preview) ? image(photo.preview, "") : null;
    full.addEventListener("load", () => preview?.remove());
    full.addEventListener("error", () => { this.caption.textContent = t("photos.late"); full.remove(); });
    this.stage.replaceChildren(...[preview, full].filter((layer) => layer !== null));
    this.caption.textContent = photo.alt ?? "";
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const isRight = getComputedStyle(this.box).direction === "rtl";
    const forth = isRight ? -1 : 1;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => this.step(-forth), ArrowRight: () => this.step(forth),
      Home: () => this.step(-this.at), End: () => this.step(this.photos.length - 1 - this.at),
      "+": () => this.zoomTo(this.zoom * ZOOM_STEP), "=": () => this.zoomTo(this.zoom * ZOOM_STEP),
      "-": () => this.zoomTo(this.zoom / ZOOM_STEP), 0: () => this.zoomTo(1),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  }

  /**
   * Zooms so that what lies under a point stays there.
   * @param {number} zoom
   * @param {{clientX: number, clientY: number}} [around] the middle, if it is not said
   */
  zoomTo(zoom, around) {
    const to = Math.min(ZOOM_LIMIT, Math.max(1, zoom));
    const box = this.stage.getBoundingClientRect();
    const [px, py] = around ? [around.clientX - box.left - box.width / 2, around.clientY - box.top - box.height / 2] : [0, 0];
    this.x = px - ((px - this.x) * to) / this.zoom;
    this.y = py - ((py - this.y) * to) / this.zoom;
    this.zoom = to;
    this.draw();
  }

  draw() {
    const [width, height] = [this.stage.clientWidth, this.stage.clientHeight].map((size) => (size * (this.zoom - 1)) / 2);
    this.x = Math.min(width, Math.max(-width, this.x));
    this.y = Math.min(height, Math.max(-height, this.y));
    this.stage.style.setProperty("--move", `${this.x}px ${this.y}px`);
    this.stage.style.setProperty("--zoom", String(this.zoom));
    this.stage.classList.toggle("zoomed", this.zoom > 1);
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button !== 0) return;
    this.stage.setPointerCapture(event.pointerId);
    const point = { x: event.clientX, y: event.clientY };
    this.pointers.set(event.pointerId, point);
    this.drag = { start: point, last: this.middle(), apart: this.apart(), tapped: this.pointers.size === 1 };
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.drag || !this.pointers.has(event.pointerId)) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [middle, apart] = [this.middle(), this.apart()];
    if (Math.hypot(middle.x - this.drag.start.x, middle.y - this.drag.start.y) > TAP) this.drag.tapped = false;
    if (this.pointers.size > 1 && this.drag.apart > 0) {
      this.zoomTo((this.zoom * apart) / this.drag.apart, { clientX: middle.x, clientY: middle.y });
    }
    if (this.zoom > 1) {
      this.x += middle.x - this.drag.last.x;
      this.y += middle.y - this.drag.last.y;
      this.draw();
    } else if (this.pointers.size === 1) {
      this.stage.style.setProperty("--move", `${middle.x - this.drag.start.x}px 0px`);
    }
    this.drag.last = middle;
    this.drag.apart = apart;
  }

  /** @param {PointerEvent} event */
  up(event) {
    const { drag } = this;
    if (!drag || !this.pointers.delete(event.pointerId)) return;
    if (this.pointers.size > 0) {
      // One finger of two is left: it goes on from where it is.
      this.drag = { start: this.middle(), last: this.middle(), apart: 0, tapped: false };
      return;
    }
    this.drag = null;
    const across = event.clientX - drag.start.x;
    if (event.type === "pointerup" && drag.tapped) this.tap(event);
    else if (this.zoom === 1 && Math.abs(across) >= SWIPE && this.photos.length > 1) this.step((across < 0 ? 1 : -1) * (getComputedStyle(this.box).direction === "rtl" ? -1 : 1));
    else this.draw();
  }

  /** @param {PointerEvent} event */
  tap(event) {
    const isSecond = event.timeStamp - this.lastTap < DOUBLE_TAP;
    this.lastTap = isSecond ? 0 : event.timeStamp;
    if (isSecond) this.zoomTo(this.zoom > 1 ? 1 : 2.5, event);
    else this.draw();
  }

  /** @returns {Point} */
  middle() {
    const all = [...this.pointers.values()];
    const mean = (/** @type {"x" | "y"} */ side) => all.reduce((sum, point) => sum + point[side], 0) / Math.max(1, all.length);
    return { x: mean("x"), y: mean("y") };
  }

  /** How far two fingers are from each other; 0 for one. */
  apart() {
    const [a, b] = [...this.pointers.values()];
    return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  }
}
