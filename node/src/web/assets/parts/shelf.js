// @ts-check
/**
 * The photos of a moment that is being made: in their order, each with its description, to be moved, edited, left out.
 * They are moved by drag (a mouse at once, a finger after a moment of holding still) or by the buttons beneath each.
 * @module
 */
import { el, icon } from "../lib/dom.js";
import { bytes, form } from "../lib/files.js";
import { t } from "../lib/words.js";

/**
 * What is done to a photo, as the node takes it.
 * @typedef {{filter?: string, crop?: {x: number, y: number, width: number, height: number}, rotate?: number}} Edit
 */
/**
 * @typedef {object} Item
 * @property {Blob} file as it will be sent
 * @property {string} url what is shown
 * @property {Edit | null} edit
 * @property {string | null} kept its id in the draft, once it is kept
 * @property {HTMLInputElement} alt
 * @property {HTMLElement} node
 */

/** Types that the node takes as they are. */
const TAKEN = ["image/jpeg", "image/png", "image/webp", "image/gif"];
/** Quality of a picture that the browser had to read, as JPEG. */
const QUALITY = 0.92;
/** Side of the picture on the shelf, pixels. */
const SHOWN_SIDE = 512;
/** How far a mouse moves, pixels, and how long a finger rests, ms, before it drags. */
const DRAG_AFTER = 6;
const HOLD_MS = 350;

/** The photos. */
export class Shelf {
  /**
   * @param {object} options
   * @param {() => void} options.changed
   * @param {(text: string) => void} options.say tells what went wrong, beside the photos
   */
  constructor({ changed, say }) {
    this.changed = changed;
    this.say = say;
    /** @type {Item[]} */
    this.items = [];
    this.limit = 9;
    this.altLimit = 1000;
    this.list = el("ol", { class: "shelf", "aria-label": t("shelf.title") });
    this.told = el("p", { class: "visually-hidden", role: "status" });
    this.node = el("div", { hidden: true }, this.list, this.told);
  }

  /**
   * Takes pictures in. One that the node does not take is read by the browser, if it can.
   * @param {Iterable<File | Blob>} files
   */
  async add(files) {
    for (const file of files) {
      if (this.items.length >= this.limit) { this.say(t("shelf.limit", { n: this.limit })); break; }
      const name = file instanceof File ? file.name : "";
      try {
        this.put(await readable(file));
      } catch {
        this.say(t(/hei[cf]/i.test(file.type + name) ? "shelf.heic" : "shelf.no_picture", { name: name || t("shelf.photo") }));
      }
    }
    this.show();
    this.changed();
  }

  /**
   * Puts one at the end.
   * @param {Blob} file
   * @param {{edit?: Edit | null, alt?: string, kept?: string | null}} [known]
   */
  put(file, known = {}) {
    const alt = /** @type {HTMLInputElement} */ (el("input", { type: "text", placeholder: t("shelf.alt"), maxlength: this.altLimit, dir: "auto", oninput: () => this.changed() }));
    alt.value = known.alt ?? "";
    /** @type {Item} */
    const item = { file, url: URL.createObjectURL(file), edit: known.edit ?? null, kept: known.kept ?? null, alt, node: el("li") };
    const button = (/** @type {string} */ does, /** @type {Parameters<typeof icon>[0]} */ shape, /** @type {() => void} */ work) =>
      el("button", { type: "button", class: "icon", dataset: { does }, onclick: work }, icon(shape));
    item.node.append(
      el("div", { class: "picture" }, el("img", { src: item.url, alt: "", draggable: "false" }), button("remove", "close", () => this.remove(item))),
      el("div", { class: "row" }, button("earlier", "back", () => this.move(item, -1)), button("edit", "pencil", () => this.edit(item)), button("later", "next", () => this.move(item, 1))),
      alt);
    item.node.querySelector(".picture")?.addEventListener("pointerdown", (event) => this.grab(item, /** @type {PointerEvent} */ (event)));
    this.items.push(item);
    if (item.edit) this.sketch(item);
    this.show();
  }

  /**
   * Names and order as they are now.
   * @param {Item} [moved] stays in the document while the others go around it: it has the focus, or a finger on it
   */
  show(moved) {
    const count = this.items.length;
    this.node.hidden = count === 0;
    const nodes = this.items.map((item) => item.node);
    if (moved) {
      const at = this.items.indexOf(moved);
      moved.node.before(...nodes.slice(0, at));
      moved.node.after(...nodes.slice(at + 1));
    } else if (nodes.some((node, at) => this.list.children[at] !== node) || this.list.children.length !== count) {
      this.list.replaceChildren(...nodes);
    }
    this.items.forEach((item, at) => {
      const n = at + 1;
      item.alt.setAttribute("aria-label", t("shelf.alt_of", { n }));
      for (const button of item.node.querySelectorAll("button")) {
        const does = /** @type {"remove" | "earlier" | "edit" | "later"} */ (button.dataset.does);
        button.setAttribute("aria-label", t(`shelf.${does}`, { n }));
        button.title = t(`shelf.${does}`, { n });
        button.setAttribute("aria-disabled", String((does === "earlier" && at === 0) || (does === "later" && n === count)));
      }
    });
  }

  /** @param {Item} item */
  remove(item) {
    const at = this.items.indexOf(item);
    URL.revokeObjectURL(item.url);
    this.items.splice(at, 1);
    this.show();
    const next = this.items[Math.min(at, this.items.length - 1)];
    /** @type {HTMLElement | null | undefined} */ (next?.node.querySelector("[data-does=remove]"))?.focus();
    this.told.textContent = t("shelf.removed", { n: this.items.length });
    this.changed();
  }

  /** @param {Item} item @param {number} by */
  move(item, by) {
    const from = this.items.indexOf(item);
    const to = Math.min(this.items.length - 1, Math.max(0, from + by));
    if (to === from) return;
    this.items.splice(from, 1);
    this.items.splice(to, 0, item);
    this.show(item);
    this.told.textContent = t("shelf.moved", { at: to + 1, n: this.items.length });
    this.changed();
  }

  /** @param {Item} item */
  async edit(item) {
    const { photoEditor } = await import("./photo-editor.js");
    photoEditor({ file: item.file, edit: item.edit, alt: item.alt.value, altLimit: this.altLimit }, (edit, alt) => {
      item.edit = edit;
      item.alt.value = alt;
      this.sketch(item);
      this.changed();
    });
  }

  /** Shows the photo as it would be sent. @param {Item} item */
  async sketch(item) {
    const edit = item.edit;
    try {
      const picture = edit ? await bytes("/previews", form({ edit, size: SHOWN_SIDE }, [["photo", item.file]])) : item.file;
      if (item.edit !== edit) return;
      URL.revokeObjectURL(item.url);
      item.url = URL.createObjectURL(picture);
      item.node.querySelector("img")?.setAttribute("src", item.url);
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * Drags a photo to another place.
   * @param {Item} item
   * @param {PointerEvent} event
   */
  grab(item, event) {
    if (event.button !== 0 || (event.target instanceof Element && event.target.closest("button"))) return;
    const box = /** @type {HTMLElement} */ (event.currentTarget);
    const [x, y] = [event.clientX, event.clientY];
    const isTouch = event.pointerType === "touch";
    let isOn = false;
    const begin = () => {
      isOn = true;
      box.setPointerCapture(event.pointerId);
      item.node.classList.add("dragged");
    };
    const holding = isTouch ? window.setTimeout(begin, HOLD_MS) : 0;
    const end = () => {
      clearTimeout(holding);
      item.node.classList.remove("dragged");
      over.abort();
    };
    const move = (/** @type {PointerEvent} */ now) => {
      const isFar = Math.hypot(now.clientX - x, now.clientY - y) > DRAG_AFTER;
      if (!isOn && isFar) { if (isTouch) { end(); return; } begin(); }
      if (!isOn) return;
      const beneath = document.elementsFromPoint(now.clientX, now.clientY).find((node) => node.parentElement === this.list && node !== item.node);
      const to = this.items.findIndex((other) => other.node === beneath);
      if (to >= 0) this.move(item, to - this.items.indexOf(item));
    };
    const over = new AbortController();
    const heard = { signal: over.signal };
    box.addEventListener("pointermove", move, heard);
    box.addEventListener("pointerup", end, heard);
    box.addEventListener("pointercancel", end, heard);
    // A finger that drags does not scroll.
    box.addEventListener("touchmove", (touch) => { if (isOn) touch.preventDefault(); }, { signal: over.signal, passive: false });
  }

  /** What each shows. */
  alts() {
    return this.items.map((item) => item.alt.value.trim() || null);
  }

  clear() {
    for (const item of this.items) URL.revokeObjectURL(item.url);
    this.items = [];
    this.show();
  }
}

/**
 * The file as the node takes it: as it is, or read by the browser and made a JPEG.
 * @param {Blob} file
 * @returns {Promise<Blob>}
 */
async function readable(file) {
  const picture = await createImageBitmap(file);
  try {
    if (TAKEN.includes(file.type)) return file;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [picture.width, picture.height];
    canvas.getContext("2d")?.drawImage(picture, 0, 0);
    return await new Promise((resolve, reject) => canvas.toBlob((made) => (made ? resolve(made) : reject(new Error("no picture"))), "image/jpeg", QUALITY));
  } finally {
    picture.close();
  }
}
