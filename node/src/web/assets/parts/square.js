// @ts-check
/**
 * Cutting a square out of a picture: move it with the mouse, a finger or the arrow keys, and come closer with the slider.
 * What is seen is what is sent: the canvas itself.
 * @module
 */
import { el } from "../lib/dom.js";
import { t } from "../lib/words.js";

/** Side of the square, pixels: what the node keeps of a small picture. */
const SIDE = 512;
/** How far an arrow key moves the picture, pixels. */
const STEP = 16;

/**
 * @param {Blob} file
 * @returns {Promise<{node: HTMLElement, take: () => Promise<Blob>}>} fails if the browser cannot read the picture
 */
export async function square(file) {
  const picture = await createImageBitmap(file).catch(() => { throw new Error(t("onboarding.picture.unreadable")); });
  const canvas = /** @type {HTMLCanvasElement} */ (el("canvas", { class: "square", width: SIDE, height: SIDE, tabindex: 0, role: "img", "aria-label": t("onboarding.picture.move") }));
  const zoom = /** @type {HTMLInputElement} */ (el("input", { type: "range", min: 1, max: 4, step: 0.05, value: 1, "aria-label": t("onboarding.picture.zoom") }));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const middle = { x: picture.width / 2, y: picture.height / 2 };

  /** Pixels of the canvas for one of the picture. */
  const scale = () => (SIDE / Math.min(picture.width, picture.height)) * Number(zoom.value);
  const draw = () => {
    const half = SIDE / 2 / scale();
    middle.x = Math.min(Math.max(middle.x, half), picture.width - half);
    middle.y = Math.min(Math.max(middle.y, half), picture.height - half);
    context.fillStyle = "white";
    context.fillRect(0, 0, SIDE, SIDE);
    context.drawImage(picture, middle.x - half, middle.y - half, 2 * half, 2 * half, 0, 0, SIDE, SIDE);
  };
  const move = (/** @type {number} */ x, /** @type {number} */ y) => {
    middle.x -= x / scale();
    middle.y -= y / scale();
    draw();
  };
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    const drawn = SIDE / canvas.getBoundingClientRect().width;
    move(event.movementX * drawn, event.movementY * drawn);
  });
  canvas.addEventListener("keydown", (event) => {
    const way = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] })[event.key];
    if (!way) return;
    event.preventDefault();
    move(...way);
  });
  zoom.addEventListener("input", draw);
  draw();
  return {
    node: el("div", { class: "stack" }, canvas, el("label", { class: "slider" }, el("span", { class: "hint" }, t("onboarding.picture.zoom")), zoom)),
    take: () => new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(t("onboarding.picture.unreadable")))), "image/jpeg", 0.92)),
  };
}
