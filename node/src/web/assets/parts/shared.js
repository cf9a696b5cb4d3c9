// @ts-check
/**
 * The moment that another one shares on: whose it is, checked by this node, and what it says.
 * @module
 */
import { el, icon } from "../lib/dom.js";
import { parts, t } from "../lib/words.js";
import { when } from "../lib/when.js";
import { around } from "./around.js";
import { linkCard } from "./link-card.js";
import { someone, written } from "./text.js";

/**
 * @param {import("../lib/api.js").SharedFrom} from
 * @param {(Node | null | false)[]} media its pictures or its video
 * @param {Set<string>} missing blobs that are not here yet
 */
export function shared(from, media, missing) {
  const name = from.known ? someone(from) : el("span", { class: "name", dir: "auto" }, from.name);
  return el("blockquote", { class: "shared" },
    el("div", { class: "shared-head" }, el("span", {}, ...parts("moment.shared.from", { name })),
      from.device_revoked
        ? el("span", { class: "wrong", title: t("moment.shared.revoked.why") }, t("moment.shared.revoked"))
        : el("span", { class: "checked", title: t("moment.shared.checked.why") }, icon("proof"), t("moment.shared.checked"))),
    from.text && el("p", { class: "said-first", dir: "auto" }, ...written(from.text)),
    ...media,
    from.link && linkCard(from.link, missing),
    around({ ...from, author: { id: from.id, name: from.name, me: false, avatar: null }, mentions: [] }),
    el("small", { class: "hint" }, from.known ? null : `${t("moment.shared.stranger")} `, when(from.created_at)));
}
