// @ts-check
/**
 * Where a moment is made: text, up to nine photos with descriptions, and for whom.
 * @module
 */
import { ask } from "../lib/api.js";
import { Audience } from "./audience.js";
import { during, el, icon, notice } from "../lib/dom.js";

const PHOTO_LIMIT = 9;

/** @typedef {{file: File, url: string, alt: HTMLInputElement, node: HTMLElement}} Chosen */

/**
 * The composer.
 * @param {(moment: import("../lib/api.js").Moment) => void} onPosted
 */
export function composer(onPosted) {
  /** @type {Chosen[]} */
  let photos = [];
  let audience = new Audience();
  const text = /** @type {HTMLTextAreaElement} */ (el("textarea", { rows: 2, placeholder: "What would you like to share?", "aria-label": "Text of the moment" }));
  const shelf = el("ul", { class: "shelf", hidden: true });
  const picker = /** @type {HTMLInputElement} */ (el("input", { type: "file", accept: "image/jpeg,image/png,image/webp,image/gif", multiple: true, hidden: true }));
  const choose = el("button", { class: "quiet icon", type: "button", "aria-label": "Add photos", onclick: () => picker.click() }, icon("photo"));
  const forWhom = el("button", { class: "quiet", type: "button", "aria-expanded": "false", onclick: () => open(place.hidden) }, "All friends");
  const send = el("button", { class: "main", type: "submit" }, "Share");
  const place = el("div", { hidden: true }, audience.node);
  const form = el("form", { class: "panel composer", "aria-label": "Share a moment" }, text, shelf, place, el("div", { class: "row" }, choose, forWhom, el("span", { class: "grow" }), send), picker);

  const labelAudience = () => { forWhom.textContent = audience.label(); };
  /** @param {boolean} show */
  const open = (show) => {
    place.hidden = !show;
    forWhom.setAttribute("aria-expanded", String(show));
    if (show) audience.explain();
  };
  place.addEventListener("click", () => setTimeout(labelAudience));

  /** @param {Iterable<File>} files */
  const add = (files) => {
    for (const file of files) {
      if (!file.type.startsWith("image/")) { notice(`${file.name} is no picture.`); continue; }
      if (photos.length >= PHOTO_LIMIT) { notice(`A moment has at most ${PHOTO_LIMIT} photos.`); break; }
      photos.push(chosen(file));
    }
    shelf.replaceChildren(...photos.map((photo) => photo.node));
    shelf.hidden = photos.length === 0;
  };
  /** @param {File} file */
  const chosen = (file) => {
    const url = URL.createObjectURL(file);
    const alt = /** @type {HTMLInputElement} */ (el("input", { type: "text", placeholder: "Describe it", "aria-label": `Description of ${file.name}`, maxlength: 1000 }));
    const node = el("li", {}, el("img", { src: url, alt: "" }),
      el("button", { type: "button", class: "icon", "aria-label": `Leave out ${file.name}`, onclick: () => {
        URL.revokeObjectURL(url);
        photos = photos.filter((photo) => photo.url !== url);
        add([]);
      } }, icon("close")), alt);
    return { file, url, alt, node };
  };
  const clear = () => {
    for (const photo of photos) URL.revokeObjectURL(photo.url);
    photos = [];
    audience = new Audience();
    place.replaceChildren(audience.node);
    text.value = "";
    open(false);
    labelAudience();
    add([]);
  };

  picker.addEventListener("change", () => { add(picker.files ?? []); picker.value = ""; });
  form.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (files.length > 0) { event.preventDefault(); add(files); }
  });
  for (const kind of ["dragenter", "dragover"]) form.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => { event.preventDefault(); add(event.dataTransfer?.files ?? []); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.dispatchEvent(new Event("submit", { cancelable: true }));
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!text.value.trim() && photos.length === 0) { text.focus(); return; }
    if (audience.missing()) { open(true); notice(audience.missing()); return; }
    during(send, async () => {
      const draft = { text: text.value.trim(), alts: photos.map((photo) => photo.alt.value.trim() || null), ...audience.words() };
      let body = /** @type {any} */ (draft);
      if (photos.length > 0) {
        body = new FormData();
        body.append("draft", new Blob([JSON.stringify(draft)], { type: "application/json" }));
        for (const photo of photos) body.append("photo", photo.file, "photo");
      }
      onPosted(await ask("POST", "/moments", body));
      clear();
    });
  });
  return form;
}
