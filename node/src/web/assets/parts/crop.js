// @ts-check
/**
 * Choosing the part of a picture that stays, in a fixed shape: by dragging and a slider, or with arrows and + and -. What
 * comes out is a JPEG made here, so that nothing else of the file is sent to the node.
 * @module
 */
import { el } from "../lib/dom.js";
import { t } from "../lib/words.js";

/** How far one may go in. */
const ZOOM_LIMIT = 4;
/** What an arrow moves, as a share of the frame. */
const STEP = 0.04;
const QUALITY = 0.92;

/** The frame with a picture in it. */
export class Crop {
  /**
   * @param {ImageBitmap} picture
   * @param {number} ratio width by height of what comes out
   * @param {number} width of what comes out, at most
   */
  constructor(picture, ratio, width) {
    this.picture = picture;
    this.ratio = ratio;
    this.width = width;
    this.zoom = 1;
    // The middle of what stays, as shares of the picture.
    this.at = { x: 0.5, y: 0.5 };
    this.canvas = /** @type {HTMLCanvasElement} */ (el("canvas", { class: "crop", tabindex: "0", role: "img", "aria-label": t("person.crop.frame") }));
    this.canvas.width = Math.min(width, 800);
    this.canvas.height = Math.round(this.canvas.width / ratio);
    this.slider = /** @type {HTMLInputElement} */ (el("input", { type: "range", min: 1, max: ZOOM_LIMIT, step: 0.01, value: 1, "aria-label": t("person.crop.zoom") }));
    this.slider.addEventListener("input", () => this.zoomTo(Number(this.slider.value)));
    this.node = el("div", { class: "crop-box" }, this.canvas, this.slider, el("p", { class: "hint" }, t("person.crop.how")));
    this.listen();
    this.draw();
  }

  /** The part that stays, in pixels of the picture. */
  part() {
    const { width, height } = this.picture;
    const whole = Math.min(width, height * this.ratio);
    const wide = whole / this.zoom;
    const high = wide / this.ratio;
    const held = (/** @type {number} */ middle, /** @type {number} */ size, /** @type {number} */ all) => Math.min(all - size, Math.max(0, middle * all - size / 2));
    return { x: held(this.at.x, wide, width), y: held(this.at.y, high, height), wide, high };
  }

  /** @param {number} zoom */
  zoomTo(zoom) {
    this.zoom = Math.min(ZOOM_LIMIT, Math.max(1, zoom));
    this.slider.value = String(this.zoom);
    this.draw();
  }

  /**
   * @param {number} right as a share of the frame
   * @param {number} down
   */
  move(right, down) {
    const { x, y, wide, high } = this.part();
    this.at = { x: (x + wide / 2 + right * wide) / this.picture.width, y: (y + high / 2 + down * high) / this.picture.height };
    const held = this.part();
    this.at = { x: (held.x + held.wide / 2) / this.picture.width, y: (held.y + held.high / 2) / this.picture.height };
    this.draw();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      this.move(-event.movementX / canvas.clientWidth, -event.movementY / canvas.clientHeight);
    });
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.zoomTo(this.zoom * (event.deltaY < 0 ? 1.08 : 0.926)); }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const moves = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] });
      if (moves[event.key]) this.move(...moves[event.key]);
      else if (event.key === "+" || event.key === "=") this.zoomTo(this.zoom * 1.1);
      else if (event.key === "-") this.zoomTo(this.zoom / 1.1);
      else return;
      event.preventDefault();
    });
  }

  draw() {
    const { x, y, wide, high } = this.part();
    const context = this.canvas.getContext("2d");
    if (context) paint(context, this.picture, [x, y, wide, high]);
  }

  /** @returns {Promise<Blob>} */
  async cut() {
    const { x, y, wide, high } = this.part();
    const width = Math.max(1, Math.round(Math.min(this.width, wide)));
    const out = new OffscreenCanvas(width, Math.max(1, Math.round(width / this.ratio)));
    const context = out.getContext("2d");
    if (!context) throw new Error(t("person.crop.unreadable"));
    context.imageSmoothingQuality = "high";
    paint(context, this.picture, [x, y, wide, high]);
    return out.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  }
}

/**
 * A part of a picture over the whole of a canvas; white where one can see through it, as a JPEG has no such places.
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
 * @param {ImageBitmap} picture
 * @param {[number, number, number, number]} part
 */
function paint(context, picture, part) {
  const { width, height } = context.canvas;
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, ...part, 0, 0, width, height);
}

/**
 * Reads a file that somebody chose.
 * @param {File} file
 * @returns {Promise<ImageBitmap>}
 */
export async function readPicture(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error(t("person.crop.unreadable"));
  }
}
