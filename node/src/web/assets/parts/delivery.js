// @ts-check
/**
 * Of my own moment: for whom it is and how far it has come, in a few words; and opened, where it stands with each.
 * @module
 */
import { ask } from "../lib/api.js";
import { attempt, complaint, el, face } from "../lib/dom.js";
import { list, perhaps, t } from "../lib/words.js";
import { someone } from "./text.js";

/** @typedef {import("../lib/api.js").Moment} Moment */
/** @typedef {import("../lib/api.js").Person} Person */

/** The line and the panel that it opens. Others' moments have neither. */
export class Delivery {
  /** @param {string} path of the moment */
  constructor(path) {
    this.path = path;
    this.told = "";
    this.line = el("button", { class: "quiet delivery", type: "button", "aria-expanded": "false", hidden: true, onclick: () => this.toggle() });
    this.node = el("div", { class: "standing", hidden: true });
  }

  /** @param {Moment} moment */
  update(moment) {
    const told = summary(moment);
    this.line.hidden = told === "";
    if (told === this.told) return;
    this.told = told;
    this.line.textContent = told;
    if (!this.node.hidden) this.fill();
  }

  toggle() {
    this.node.hidden = !this.node.hidden;
    this.line.setAttribute("aria-expanded", String(!this.node.hidden));
    if (!this.node.hidden) return this.fill();
    return undefined;
  }

  async fill() {
    const problem = complaint();
    if (!this.node.firstChild) this.node.append(problem);
    await attempt(problem, null, async () => {
      const { people } = await ask("GET", `${this.path}/who`);
      this.node.replaceChildren(people.length === 0 ? el("p", { class: "hint" }, t("moment.who.nobody"))
        : el("ul", {}, ...people.map((/** @type {WhoState} */ person) => el("li", {}, face(person, true), someone(person), el("span", { class: "hint" }, standing(person))))));
    });
  }
}

/** @typedef {Person & {state: string, by: Person[], last_seen: string | null}} WhoState */

/** @param {WhoState} person */
function standing({ state, by }) {
  if (state === "carried") return t("moment.who.carried", { names: list(by.map((friend) => friend.name)) });
  return perhaps(`moment.who.${state}`) ?? state;
}

/**
 * @param {Moment} moment
 * @returns {string}
 */
function summary({ audience, delivery }) {
  if (!audience) return "";
  const who = audienceWords(audience);
  if (!delivery || delivery.may_read === 0) return who;
  return `${who} · ${t("moment.delivery", { have: delivery.have, of: delivery.may_read })}`;
}

/**
 * An audience in a few words.
 * @param {import("../lib/api.js").Audience} audience
 */
export function audienceWords(audience) {
  const names = (/** @type {{tags: string[], people: Person[]}} */ named) => [...named.tags.map((tag) => `#${tag}`), ...named.people.map((person) => person.name)].join(t("moment.likes.between"));
  const values = { names: names(audience), except: audience.except ? names(audience.except) : "" };
  if (audience.rule === "only" && audience.except) return t("moment.audience.only_except", values);
  if (audience.rule === "only") return t("moment.audience.only", values);
  if (audience.rule === "except") return t("moment.audience.except", values);
  return t(audience.rule === "private" ? "moment.audience.private" : "moment.audience.everyone");
}
