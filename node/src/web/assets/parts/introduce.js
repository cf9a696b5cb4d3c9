// @ts-check
/**
 * Offering two friends to each other.
 * @module
 */
import { ask } from "../lib/api.js";
import { attempt, dialog, el, notice } from "../lib/dom.js";
import { known } from "../lib/friends.js";
import { t } from "../lib/words.js";
import { picker } from "./tags.js";

/**
 * @param {import("../lib/api.js").Friend} friend one of the two
 */
export async function introduceSheet(friend) {
  const others = (await known()).filter((other) => other.id !== friend.id);
  const chosen = /** @type {Set<string>} */ (new Set());
  const wrong = el("p", { class: "wrong", role: "alert" });
  const what = el("p", { class: "hint" }, t("people.introduce.what"));
  const send = el("button", { class: "main", type: "submit", disabled: true }, t("people.introduce.send"));
  const change = () => {
    const other = others.find((one) => chosen.has(one.id));
    send.toggleAttribute("disabled", !other);
    what.textContent = other ? t("people.introduce.both", { a: friend.name, b: other.name }) : t("people.introduce.what");
  };
  const form = el("form", {}, el("h2", {}, t("people.introduce.title", { name: friend.name })), picker(others, chosen, "radio", change), what, wrong);
  const box = dialog("sheet", (close) => {
    form.append(el("div", { class: "row end" }, el("button", { class: "quiet", type: "button", onclick: close }, t("people.cancel")), send));
    return [form];
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(wrong, send, async () => {
      const told = await ask("POST", "/introductions", { a: friend.id, b: [...chosen][0] });
      box.close();
      notice(t("people.introduce.done", { a: told.people[0].name, b: told.people[1].name }));
    });
  });
}
