// @ts-check
/**
 * Editing one photo: a part of it, a turn, a filter, its description. What is shown under a filter is the node's own
 * picture, not an imitation: what will be sent.
 *
 * The part is chosen in the picture as it is seen (upright and turned), in shares of its sides; the node is told it in the
 * upright picture (`toUpright`).
 * @module
 */
import { ask } from "../lib/api.js";
import { dialog, el, icon } from "../lib/dom.js";
import { bytes, form } from "../lib/files.js";
import { perhaps, t } from "../lib/words.js";

/** @typedef {import("./shelf.js").Edit} Edit */
/** @typedef {{x: number, y: number, width: number, height: number}} Box */
/** @typedef {"nw" | "ne" | "sw" | "se"} Corner */

/** Longest side of the picture on which the part is chosen, of a preview and of a filter's example, pixels. */
const STAGE_SIDE = 1024;
const PREVIEW_SIDE = 1024;
const EXAMPLE_SIDE = 160;
/** A part has at least this share of each side, and this many pixels, as the node wants it. */
const LEAST_SHARE = 0.04;
const LEAST_PIXELS = 16;
/** How far an arrow key moves, as a share; and with Shift. */
const STEP = 0.01;
const LONG_STEP = 0.1;
/** How long choosing has to rest before a preview is asked for, ms. */
const REST_MS = 120;

const WHOLE = /** @type {Box} */ ({ x: 0, y: 0, width: 1, height: 1 });
/** Width by height; 0 for any. */
const RATIOS = /** @type {[import("../lib/words.js").Word, number][]} */ ([["editor.free", 0], ["editor.square", 1], ["editor.r43", 4 / 3], ["editor.r169", 16 / 9]]);

/** A box in the upright picture, as it is seen after so many quarter turns. @param {Box} box @param {number} quarters @returns {Box} */
export function toSeen(box, quarters) {
  let seen = box;
  for (let n = 0; n < quarters; n++) seen = { x: 1 - seen.y - seen.height, y: seen.x, width: seen.height, height: seen.width };
  return seen;
}

/** The same back. @param {Box} box @param {number} quarters @returns {Box} */
export const toUpright = (box, quarters) => toSeen(box, (4 - quarters) % 4);

/**
 * Opens the editor.
 * @param {{file: Blob, edit: Edit | null, alt: string, altLimit: number}} photo
 * @param {(edit: Edit | null, alt: string) => void} done
 */
export function photoEditor(photo, done) {
  const editor = new Editor(photo);
  const box = dialog("sheet editor", (close) => [
    el("form", { method: "dialog", class: "stack", onsubmit: () => done(editor.edit(), editor.alt.value.trim()) },
      el("h2", {}, t("editor.title")), editor.node,
      el("div", { class: "row end" }, el("button", { type: "button", class: "quiet", onclick: () => editor.reset() }, t("editor.reset")), el("span", { class: "grow" }),
        el("button", { type: "button", onclick: close }, t("editor.cancel")), el("button", { class: "main", type: "submit" }, t("editor.done")))),
  ]);
  box.addEventListener("close", () => editor.close());
  editor.begin();
}

class Editor {
  /** @param {{file: Blob, edit: Edit | null, alt: string, altLimit: number}} photo */
  constructor({ file, edit, alt, altLimit }) {
    this.file = file;
    this.quarters = Math.round((edit?.rotate ?? 0) / 90);
    this.box = toSeen(edit?.crop ?? WHOLE, this.quarters);
    this.ratio = 0;
    this.filter = edit?.filter ?? "none";
    this.turn = 0;
    this.examplesOf = "";
    this.asking = new AbortController();
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.frame = el("div", { class: "part", tabindex: "0", role: "group", "aria-label": t("editor.part"), onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event, null),
      onpointerdown: (/** @type {PointerEvent} */ event) => this.grab(event, null) },
    ...(/** @type {Corner[]} */ (["nw", "ne", "sw", "se"])).map((corner) => el("button", { type: "button", class: `corner ${corner}`, "aria-label": t(`editor.corner.${corner}`),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event, corner), onpointerdown: (/** @type {PointerEvent} */ event) => this.grab(event, corner) })));
    this.stage = el("div", { class: "stage" }, this.canvas, this.frame);
    this.result = /** @type {HTMLImageElement} */ (el("img", { class: "result", alt: t("editor.result") }));
    this.wrong = el("p", { class: "wrong", role: "alert" });
    this.ratios = el("div", { class: "chips", role: "group", "aria-label": t("editor.shape") }, ...RATIOS.map(([word, ratio]) =>
      el("button", { type: "button", class: "chip", dataset: { ratio: String(ratio) }, onclick: () => this.shape(ratio) }, t(word))));
    this.filters = el("div", { class: "filters", role: "radiogroup", "aria-label": t("editor.filters") });
    this.alt = /** @type {HTMLInputElement} */ (el("input", { type: "text", dir: "auto", maxlength: altLimit, placeholder: t("shelf.alt") }));
    this.alt.value = alt;
    this.node = el("div", { class: "stack" },
      el("div", { class: "sides" }, this.stage, el("div", { class: "seen" }, this.result)),
      el("div", { class: "row" }, this.ratios, el("button", { type: "button", class: "quiet", onclick: () => this.rotate() }, icon("turn"), el("span", {}, t("editor.rotate")))),
      this.filters, this.wrong, el("label", { class: "stack" }, el("span", { class: "hint" }, t("editor.alt")), this.alt));
  }

  async begin() {
    try {
      this.picture = await createImageBitmap(this.file);
      this.draw();
      this.changed();
      const { filters } = await ask("GET", "/filters");
      this.offer(["none", ...filters.map((/** @type {{name: string}} */ filter) => filter.name)]);
      this.changed();
    } catch (error) {
      this.tell(error);
    }
  }

  close() {
    this.asking.abort();
    this.picture?.close();
    URL.revokeObjectURL(this.result.src);
    for (const image of this.filters.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  }

  /** What the node is told; null for nothing. @returns {Edit | null} */
  edit() {
    const upright = toUpright(this.box, this.quarters);
    const isWhole = upright.width > 0.999 && upright.height > 0.999;
    const cut = (/** @type {number} */ value) => Math.min(1, Math.max(0, Math.round(value * 1e4) / 1e4));
    /** @type {Edit} */
    const edit = {};
    if (!isWhole) edit.crop = { x: cut(upright.x), y: cut(upright.y), width: cut(upright.width), height: cut(upright.height) };
    if (this.quarters > 0) edit.rotate = this.quarters * 90;
    if (this.filter !== "none") edit.filter = this.filter;
    return Object.keys(edit).length > 0 ? edit : null;
  }

  reset() {
    [this.box, this.quarters, this.ratio] = [WHOLE, 0, 0];
    this.pick("none");
    this.draw();
    this.changed();
  }

  rotate() {
    this.quarters = (this.quarters + 1) % 4;
    this.box = toSeen(this.box, 1);
    this.draw();
    if (this.ratio) this.shape(this.ratio);
    this.changed();
  }

  /** Draws the picture as it is seen, turned. */
  draw() {
    if (!this.picture) return;
    const { width, height } = this.picture;
    const scale = Math.min(1, STAGE_SIDE / Math.max(width, height));
    const [wide, high] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    const isTurned = this.quarters % 2 === 1;
    [this.canvas.width, this.canvas.height] = isTurned ? [high, wide] : [wide, high];
    const context = this.canvas.getContext("2d");
    context?.translate(this.canvas.width / 2, this.canvas.height / 2);
    context?.rotate((this.quarters * Math.PI) / 2);
    context?.drawImage(this.picture, -wide / 2, -high / 2, wide, high);
    this.stage.style.setProperty("--ratio", String(this.canvas.width / this.canvas.height));
  }

  /** Places the frame, and asks for what it would look like. */
  changed() {
    for (const [name, value] of /** @type {[string, number][]} */ ([["left", this.box.x], ["top", this.box.y], ["width", this.box.width], ["height", this.box.height]])) {
      this.frame.style.setProperty(name, `${value * 100}%`);
    }
    for (const chip of this.ratios.querySelectorAll("button")) chip.setAttribute("aria-pressed", String(Number(chip.dataset.ratio) === this.ratio));
    const mine = ++this.turn;
    this.asking.abort();
    this.asking = new AbortController();
    setTimeout(() => { if (mine === this.turn) this.preview(mine); }, REST_MS);
  }

  /** @param {number} mine */
  async preview(mine) {
    const { signal } = this.asking;
    try {
      const edit = this.edit();
      const picture = await bytes("/previews", form({ edit, size: PREVIEW_SIDE }, [["photo", this.file]]), signal);
      if (mine !== this.turn) return;
      URL.revokeObjectURL(this.result.src);
      this.result.src = URL.createObjectURL(picture);
      this.result.dataset.of = JSON.stringify(edit);
      this.wrong.textContent = "";
      await this.examples(mine, signal);
    } catch (error) {
      if (!signal.aborted) this.tell(error);
    }
  }

  /** Shows each filter on the part as it is chosen. @param {number} mine @param {AbortSignal} signal */
  async examples(mine, signal) {
    const of = JSON.stringify([this.box, this.quarters]);
    if (of === this.examplesOf) return;
    const small = document.createElement("canvas");
    const { x, y, width, height } = this.box;
    const [w, h] = [this.canvas.width * width, this.canvas.height * height];
    const scale = EXAMPLE_SIDE / Math.max(w, h);
    [small.width, small.height] = [Math.max(LEAST_PIXELS, Math.round(w * scale)), Math.max(LEAST_PIXELS, Math.round(h * scale))];
    small.getContext("2d")?.drawImage(this.canvas, this.canvas.width * x, this.canvas.height * y, w, h, 0, 0, small.width, small.height);
    const source = await new Promise((/** @type {(made: Blob | null) => void} */ resolve) => small.toBlob(resolve, "image/png"));
    for (const chip of this.filters.querySelectorAll("button")) {
      if (!source || mine !== this.turn) return;
      const picture = await bytes("/previews", form({ edit: { filter: chip.dataset.filter }, size: EXAMPLE_SIDE }, [["photo", source]]), signal);
      const image = chip.querySelector("img");
      if (!image) continue;
      URL.revokeObjectURL(image.src);
      image.src = URL.createObjectURL(picture);
    }
    this.examplesOf = of;
  }

  /** @param {string[]} all */
  offer(all) {
    this.filters.replaceChildren(...all.map((name) => el("button", { type: "button", class: "filter", role: "radio", dataset: { filter: name }, onclick: () => { this.pick(name); this.changed(); } },
      el("img", { alt: "" }), el("span", {}, perhaps(`filter.${name}`) ?? name))));
    this.filters.onkeydown = (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      const next = all[(all.indexOf(this.filter) + by + all.length) % all.length];
      this.pick(next);
      this.changed();
      /** @type {HTMLElement | null} */ (this.filters.querySelector("[aria-checked=true]"))?.focus();
    };
    this.pick(this.filter);
  }

  /** @param {string} name */
  pick(name) {
    this.filter = name;
    for (const chip of this.filters.querySelectorAll("button")) {
      chip.setAttribute("aria-checked", String(chip.dataset.filter === name));
      chip.tabIndex = chip.dataset.filter === name ? 0 : -1;
    }
  }

  /** The largest part of this shape around the middle of the one that is chosen. @param {number} ratio */
  shape(ratio) {
    this.ratio = ratio;
    if (ratio) {
      const share = this.share();
      const { x, y, width, height } = this.box;
      const w = Math.min(width, height * share);
      const h = w / share;
      this.box = { x: x + (width - w) / 2, y: y + (height - h) / 2, width: w, height: h };
    }
    this.changed();
  }

  /** Width by height of the chosen shape, in shares of the sides. */
  share() {
    return (this.ratio * this.canvas.height) / this.canvas.width;
  }

  /** The least width and height, in shares. */
  least() {
    const { width, height } = this.picture ?? { width: 1, height: 1 };
    const [w, h] = this.quarters % 2 === 1 ? [height, width] : [width, height];
    return [Math.min(1, Math.max(LEAST_SHARE, LEAST_PIXELS / w)), Math.min(1, Math.max(LEAST_SHARE, LEAST_PIXELS / h))];
  }

  /**
   * Moves a corner, or all of it.
   * @param {Corner | null} corner
   * @param {Box} from
   * @param {number} dx
   * @param {number} dy
   */
  pull(corner, from, dx, dy) {
    const clamp = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.min(high, Math.max(low, value));
    if (!corner) {
      this.box = { ...from, x: clamp(from.x + dx, 0, 1 - from.width), y: clamp(from.y + dy, 0, 1 - from.height) };
      return;
    }
    const [leastW, leastH] = this.least();
    const isLeft = corner.endsWith("w");
    const isTop = corner.startsWith("n");
    // The corner across stays.
    const [fixX, fixY] = [isLeft ? from.x + from.width : from.x, isTop ? from.y + from.height : from.y];
    const [roomX, roomY] = [isLeft ? fixX : 1 - fixX, isTop ? fixY : 1 - fixY];
    let width = clamp(from.width + (isLeft ? -dx : dx), leastW, roomX);
    let height = clamp(from.height + (isTop ? -dy : dy), leastH, roomY);
    if (this.ratio) {
      const share = this.share();
      // The side that was moved further leads.
      width = clamp(Math.abs(dx) >= Math.abs(dy) * share ? width : height * share, Math.max(leastW, leastH * share), Math.min(roomX, roomY * share));
      height = width / share;
    }
    this.box = { x: isLeft ? fixX - width : fixX, y: isTop ? fixY - height : fixY, width, height };
  }

  /** @param {KeyboardEvent} event @param {Corner | null} corner */
  key(event, corner) {
    if (event.target !== event.currentTarget) return;
    const step = event.shiftKey ? LONG_STEP : STEP;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (!by) return;
    event.preventDefault();
    this.pull(corner, this.box, by[0], by[1]);
    this.changed();
  }

  /** @param {PointerEvent} event @param {Corner | null} corner */
  grab(event, corner) {
    if (event.button !== 0) return;
    event.stopPropagation();
    const handle = /** @type {HTMLElement} */ (event.currentTarget);
    const from = this.box;
    const { width, height } = this.stage.getBoundingClientRect();
    handle.setPointerCapture(event.pointerId);
    const over = new AbortController();
    handle.addEventListener("pointermove", (now) => {
      this.pull(corner, from, (now.clientX - event.clientX) / width, (now.clientY - event.clientY) / height);
      this.changed();
    }, { signal: over.signal });
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => over.abort(), { signal: over.signal });
  }

  /** @param {unknown} error */
  tell(error) {
    this.wrong.textContent = error instanceof Error ? error.message : String(error);
  }
}
