// @ts-check
/**
 * The language of the pages: one of those there are, or whatever the browser asks for. The node keeps it, for every
 * browser of this person.
 * @module
 */
import { ask } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { languages, t } from "../lib/words.js";
import { choice } from "./choice.js";

/** @returns {Promise<import("../pages/settings.js").Section>} */
export async function open() {
  const { language } = await ask("GET", "/settings");
  return {
    node: el("div", { class: "stack" },
      choice({
        title: t("settings.language"), value: language ?? "",
        options: [
          { value: "", label: t("settings.language.browser") },
          ...Object.entries(languages).map(([value, label]) => ({ value, label, lang: value })),
        ],
        keep: async (value) => {
          await ask("PATCH", "/settings", { language: value || null });
          // The node renders the frame: it comes anew, at the same address.
          location.reload();
        },
      }),
      el("p", { class: "hint" }, t("settings.language.hint"))),
  };
}
