// @ts-check
/**
 * One of several, kept as soon as it is chosen; where that fails, the choice goes back and says why.
 * @module
 */
import { el } from "../lib/dom.js";
import { t } from "../lib/words.js";

/**
 * @param {object} choice
 * @param {string} choice.title
 * @param {string} choice.value what holds now
 * @param {{value: string, label: string, hint?: string, lang?: string}[]} choice.options
 * @param {(value: string) => Promise<void>} choice.keep
 */
export function choice({ title, value, options, keep }) {
  const group = crypto.randomUUID();
  const status = el("p", { class: "hint", role: "status" });
  let held = value;
  const fields = options.map((option) => {
    const field = /** @type {HTMLInputElement} */ (el("input", { type: "radio", name: group, value: option.value, checked: option.value === value }));
    field.addEventListener("change", async () => {
      status.className = "hint";
      status.textContent = "";
      try {
        await keep(option.value);
        held = option.value;
        status.textContent = t("settings.kept");
      } catch (error) {
        for (const other of fields) other.field.checked = other.field.value === held;
        status.className = "wrong";
        status.textContent = error instanceof Error ? error.message : String(error);
      }
    });
    return { field, node: el("label", { class: "choice", lang: option.lang }, field, el("span", {}, option.label, option.hint && el("span", { class: "hint" }, option.hint))) };
  });
  return el("fieldset", { class: "panel choices" }, el("legend", {}, title), ...fields.map(({ node }) => node), status);
}
