// @ts-check
/**
 * Where a moment is made: on the timeline it is one line. Whoever goes to it, or lets a photo fall on it, opens it; what it
 * then holds is loaded at that moment (`composer-open.js`).
 * @module
 */
import { el, icon, notice } from "../lib/dom.js";
import { t } from "../lib/words.js";

const ACCEPT = "image/*,.heic,.heif,video/mp4,video/quicktime,video/webm";

/** How long after the line the rest is loaded, if nobody wants it before, ms. */
const LOAD_AFTER_MS = 1500;

/**
 * The composer.
 * @param {(moment: import("../lib/api.js").Moment) => void} onPosted
 */
export function composer(onPosted) {
  const text = /** @type {HTMLTextAreaElement} */ (el("textarea", { rows: 1, dir: "auto", placeholder: t("composer.placeholder"), "aria-label": t("composer.text"), onfocus: () => open() }));
  const picker = /** @type {HTMLInputElement} */ (el("input", { type: "file", accept: ACCEPT, multiple: true, hidden: true, onchange: () => {
    take(picker.files);
    picker.value = "";
  } }));
  const choose = el("button", { class: "quiet icon choose", type: "button", "aria-label": t("composer.photos"), title: t("composer.photos"), onclick: () => picker.click() }, icon("photo"));
  const tools = el("div", { class: "row tools" }, choose);
  const form = el("form", { class: "panel composer closed", "aria-label": t("composer.title"), novalidate: true, onsubmit: (/** @type {Event} */ event) => event.preventDefault() }, text, tools, picker);
  const node = el("div", {}, form);

  /** @type {Promise<import("./composer-open.js").Composer> | null} */
  let loading = null;
  const load = () => {
    loading ??= import("./composer-open.js").then(({ Composer }) => new Composer({ node, form, text, tools, onPosted }));
    // What could not be loaded is tried again.
    loading.catch(() => { loading = null; });
    return loading;
  };
  const open = async () => {
    try {
      const opened = await load();
      opened.open();
      return opened;
    } catch {
      notice(t("error.no_node"));
      return null;
    }
  };
  // Once the page stands, so that it opens at once, and while the node is away as well.
  setTimeout(() => load().catch(() => {}), LOAD_AFTER_MS);
  /** @param {Iterable<File> | null | undefined} list */
  const take = async (list) => {
    // A list of the browser's own is emptied before the rest is loaded.
    const files = [...(list ?? [])];
    if (files.length > 0) (await open())?.take(files);
  };

  form.addEventListener("paste", (event) => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
  for (const kind of ["dragenter", "dragover"]) form.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => { event.preventDefault(); take(event.dataTransfer?.files); });
  return node;
}
