// @ts-check
/**
 * Changing who may see an old moment of mine. What that can do and what it cannot is said before: who loses it and who
 * gains it comes from the node's dry run, and nobody can be made to forget.
 * @module
 */
import { ask } from "../lib/api.js";
import { attempt, complaint, dialog, el, notice } from "../lib/dom.js";
import { list, t } from "../lib/words.js";
import { Audience } from "./audience.js";
import { audienceWords } from "./delivery.js";

/** @typedef {import("../lib/api.js").Person} Person */

/** How long a choice stands still before the node is asked what it would do, ms. */
const PAUSE = 150;

/** @param {import("./moment.js").Card} card */
export function audienceSheet(card) {
  const audience = new Audience();
  const problem = complaint();
  const effect = el("p", { role: "status" });
  const send = el("button", { class: "main", type: "submit" }, t("moment.audience.change"));
  const words = () => {
    const said = audience.words();
    return { to: said.to, except: said.except, private: said.private, everyone: said.to.length + said.except.length === 0 && !said.private };
  };
  let turn = 0;
  const look = async () => {
    const mine = ++turn;
    await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    if (mine !== turn || audience.missing()) return;
    await attempt(problem, null, async () => {
      const run = await ask("PUT", `${card.path}/audience?dry_run=true`, words());
      if (mine === turn) effect.textContent = effects(run.taken_from, run.given_to);
    });
  };
  dialog("sheet", (close) => {
    const now = card.moment.audience;
    const form = el("form", {}, el("h2", {}, t("moment.audience.title")),
      now && el("p", { class: "hint" }, t("moment.audience.now", { who: audienceWords(now) })),
      audience.node, effect, el("p", { class: "hint" }, t("moment.audience.limits")), problem,
      el("div", { class: "row end" }, el("button", { type: "button", onclick: close }, t("moment.cancel")), send));
    for (const kind of ["click", "input", "keyup"]) audience.node.addEventListener(kind, () => { look(); });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (audience.missing()) { problem.textContent = audience.missing(); return; }
      turn++;
      const isDone = await attempt(problem, send, async () => {
        const { taken_from: taken, given_to: given, ...moment } = await ask("PUT", `${card.path}/audience`, words());
        card.update(moment);
        notice(effects(taken, given) || t("moment.audience.done"));
      });
      if (isDone) close();
    });
    return [form];
  });
  audience.explain();
  look();
}

/**
 * @param {Person[]} taken
 * @param {Person[]} given
 */
function effects(taken, given) {
  const names = (/** @type {Person[]} */ people) => list(people.map((person) => person.name));
  return [
    taken.length > 0 && t("moment.audience.taken", { names: names(taken) }),
    given.length > 0 && t("moment.audience.given", { names: names(given) }),
  ].filter(Boolean).join(" ");
}
