// @ts-check
/**
 * A list of some of my friends for which something holds, with a way to add one and to take one off.
 * @module
 */
import { attempt, complaint, el, face } from "../lib/dom.js";
import { t } from "../lib/words.js";

/** @typedef {import("../lib/api.js").Person} Person */

/**
 * @param {object} list
 * @param {string} list.title
 * @param {string} list.hint what it means to be on it
 * @param {string} list.none what is said where nobody is
 * @param {string} list.off what taking somebody off is called
 * @param {Person[]} list.people who is on it
 * @param {Person[]} [list.others] who could be put on it; without them it only gets shorter
 * @param {(person: Person, isOn: boolean) => Promise<void>} list.change
 */
export function peopleList({ title, hint, none, off, people, others, change }) {
  const id = `list-${crypto.randomUUID()}`;
  const wrong = complaint();
  const status = el("p", { class: "visually-hidden", role: "status" });
  const rows = el("ul", { class: "people" });
  const choice = /** @type {HTMLSelectElement} */ (el("select", { "aria-labelledby": id }));
  const add = el("button", { type: "submit" }, t("settings.people.add"));
  const form = el("form", { class: "row", hidden: !others }, choice, add);
  const on = [...people];
  const draw = () => {
    rows.replaceChildren(...on.map((person) => line(person)));
    if (on.length === 0) rows.append(el("li", { class: "hint" }, none));
    const left = (others ?? []).filter((person) => !on.some((known) => known.id === person.id)).sort((a, b) => a.name.localeCompare(b.name));
    choice.replaceChildren(el("option", { value: "" }, t("settings.people.choose")), ...left.map((person) => el("option", { value: person.id }, person.name)));
    form.hidden = left.length === 0;
  };
  const line = (/** @type {Person} */ person) => {
    const button = el("button", { type: "button", "aria-label": `${off}: ${person.name}`, onclick: () => attempt(wrong, button, async () => {
      await change(person, false);
      on.splice(on.findIndex((known) => known.id === person.id), 1);
      draw();
      status.textContent = t("settings.people.taken", { name: person.name });
      (choice.checkVisibility() ? choice : heading).focus();
    }) }, off);
    return el("li", { class: "row" }, face(person, true), el("bdi", { class: "grow" }, person.name), button);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const person = others?.find((known) => known.id === choice.value);
    if (person) attempt(wrong, add, async () => {
      await change(person, true);
      on.push(person);
      draw();
      status.textContent = t("settings.people.added", { name: person.name });
    });
  });
  const heading = el("h2", { id, tabindex: "-1" }, title);
  draw();
  return el("section", { class: "panel", "aria-labelledby": id }, heading, el("p", { class: "hint" }, hint), rows, form, wrong, status);
}
