// @ts-check
/**
 * Becoming friends: making an invite (QR code and link) and redeeming one (link, picture or camera). Both stay where they are
 * until the two are friends: the request, its answer and the safety words appear in the same place.
 * @module
 */
import { ask } from "../lib/api.js";
import { attempt, el, notice } from "../lib/dom.js";
import * as live from "../lib/live.js";
import { language, t } from "../lib/words.js";
import { camera, linkIn } from "./qr.js";
import { requestCard } from "./requests.js";
import { safetyWords } from "./safety.js";

/**
 * A place on the page that can be ended.
 * @typedef {{node: HTMLElement, closed: () => void}} Place
 */

/** How long redeeming waits for the other, ms: they may be there and say yes at once. */
const WAIT_MS = 15_000;

/** Makes an invite, in a sheet. @param {() => void} [onFriend] */
export const inviteSheet = (onFriend) => sheet(t("people.invite.title"), (done) => inviteBox(() => { onFriend?.(); }, done));

/** Redeems an invite, in a sheet. @param {() => void} [onFriend] */
export const acceptSheet = (onFriend) => sheet(t("people.accept.title"), (done) => acceptBox(() => { onFriend?.(); }, done));

/**
 * @param {string} title
 * @param {(done: () => void) => Place} fill
 */
function sheet(title, fill) {
  const box = /** @type {HTMLDialogElement} */ (el("dialog", { class: "sheet" }));
  const place = fill(() => box.close());
  box.addEventListener("close", () => { place.closed(); box.remove(); });
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  box.append(el("div", { class: "stack" }, el("h2", {}, title), place.node,
    el("div", { class: "row end" }, el("button", { class: "quiet", type: "button", onclick: () => box.close() }, t("people.close")))));
  document.body.append(box);
  box.showModal();
}

/**
 * @param {() => void} onFriend
 * @param {() => void} done
 * @returns {Place}
 */
export function inviteBox(onFriend, done) {
  const name = /** @type {HTMLInputElement} */ (el("input", { type: "text", id: "expected", autocomplete: "off", maxlength: 64, dir: "auto" }));
  const make = el("button", { class: "main", type: "submit" }, t("people.invite.make"));
  const wrong = el("p", { class: "wrong", role: "alert" });
  const form = el("form", { class: "stack" }, el("p", { class: "hint" }, t("people.invite.what")),
    el("label", { for: "expected" }, t("people.invite.expected")), name, wrong, el("div", { class: "row end" }, make));
  const node = el("div", { class: "stack" }, form);
  const others = el("div", { class: "stack", role: "status" });
  /** @type {Set<string>} who asked while this was open */
  const asked = new Set();
  const offs = [
    live.on("request", (event) => {
      const request = event.request;
      if (event.state !== "pending" || request.via !== "invite" || !node.contains(others)) return;
      asked.add(request.id);
      others.replaceChildren(requestCard(request, () => others.replaceChildren(el("p", { class: "hint" }, t("people.request.waits", { name: request.name })))));
      others.scrollIntoView({ block: "nearest" });
    }),
    live.on("friend", (event) => {
      if (!asked.delete(event.friend.id)) return;
      node.replaceChildren(friends(event.friend, done));
      onFriend();
    }),
  ];
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(wrong, make, async () => {
      const invite = await ask("POST", "/invites", { name: name.value.trim() || null });
      node.replaceChildren(shown(invite), others);
      node.querySelector("button")?.focus();
    });
  });
  return { node, closed: () => offs.forEach((off) => off()) };
}

/** @param {{link: string, expires_at: string, qr_svg: string}} invite */
function shown(invite) {
  // As an image it is inert: nothing in it could run.
  const code = el("img", { class: "qr", alt: t("people.invite.code"), width: 240, height: 240, src: `data:image/svg+xml,${encodeURIComponent(invite.qr_svg)}` });
  const wrong = el("p", { class: "wrong", role: "alert" });
  const copy = el("button", { class: "main", type: "button", onclick: () => attempt(wrong, copy, async () => {
    await navigator.clipboard.writeText(invite.link).catch(() => { throw new Error(t("people.invite.copy.failed")); });
    notice(t("people.invite.copied"));
  }) }, t("people.invite.copy"));
  const until = new Date(invite.expires_at).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
  return el("div", { class: "stack" }, code, el("p", { class: "hint" }, t("people.invite.until", { until })),
    el("p", { class: "link", tabindex: 0, translate: "no", dir: "ltr" }, invite.link), wrong, el("div", { class: "row" }, copy),
    el("p", { class: "hint waits" }, t("people.invite.waits")));
}

/**
 * @param {() => void} onFriend
 * @param {() => void} done
 * @returns {Place}
 */
export function acceptBox(onFriend, done) {
  const link = /** @type {HTMLTextAreaElement} */ (el("textarea", { rows: 3, id: "link", placeholder: "tidings:invite/1/…", spellcheck: "false", autocomplete: "off", dir: "ltr" }));
  const send = el("button", { class: "main", type: "submit" }, t("people.accept.send"));
  const wrong = el("p", { class: "wrong", role: "alert" });
  const input = /** @type {HTMLInputElement} */ (el("input", { type: "file", accept: "image/*", class: "visually-hidden", tabindex: -1, "aria-hidden": "true" }));
  const pick = el("button", { type: "button", onclick: () => input.click() }, t("people.accept.picture"));
  const look = el("button", { type: "button", onclick: () => watch() }, t("people.accept.camera"));
  const view = el("div");
  const form = el("form", { class: "stack drop" }, el("p", { class: "hint" }, t("people.accept.what")),
    el("label", { for: "link" }, t("people.accept.link")), link, el("div", { class: "row" }, input, pick, look), view, wrong, el("div", { class: "row end" }, send));
  const node = el("div", { class: "stack" }, form);
  /** @type {{stop: () => void} | null} */
  let seeing = null;
  /** @type {string | null} whose yes is awaited */
  let awaited = null;
  const stop = () => { seeing?.stop(); seeing = null; view.replaceChildren(); look.textContent = t("people.accept.camera"); };
  const watch = () => {
    if (seeing) { stop(); return; }
    const eye = camera((found) => { stop(); link.value = found; redeem(); });
    seeing = eye;
    view.replaceChildren(eye.node);
    look.textContent = t("people.accept.camera.stop");
  };
  const become = (/** @type {any} */ friend) => {
    awaited = null;
    node.replaceChildren(friends(friend, done));
    onFriend();
  };
  const redeem = () => attempt(wrong, send, async () => {
    const text = link.value.trim();
    if (!text) { link.focus(); throw new Error(t("people.accept.empty")); }
    send.textContent = t("people.accept.reaching");
    try {
      const accepted = await ask("POST", "/accept", { link: text, wait_ms: WAIT_MS });
      if (accepted.friend) { become(accepted.friend); return; }
      awaited = accepted.id;
      node.replaceChildren(el("p", { role: "status" }, t("people.accept.pending")));
      onFriend();
    } finally {
      send.textContent = t("people.accept.send");
    }
  });
  const read = (/** @type {File | undefined | null} */ file) => {
    if (file) attempt(wrong, pick, async () => { stop(); link.value = await linkIn(file); redeem(); });
  };
  const off = live.on("friend", (event) => { if (event.friend.id === awaited) become(event.friend); });
  input.addEventListener("change", () => { read(input.files?.[0]); input.value = ""; });
  form.addEventListener("submit", (event) => { event.preventDefault(); redeem(); });
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("over"); });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    const text = event.dataTransfer?.getData("text/plain");
    if (event.dataTransfer?.files.length) read(event.dataTransfer.files[0]);
    else if (text) { link.value = text; redeem(); }
  });
  form.addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (!file) return;
    event.preventDefault();
    read(file);
  });
  return { node, closed: () => { stop(); off(); } };
}

/**
 * Two have become friends: who it is, and the safety words.
 * @param {import("../lib/api.js").Friend} friend
 * @param {() => void} done
 */
function friends(friend, done) {
  const next = el("button", { class: "main", type: "button", onclick: done }, t("people.friends.done"));
  const title = el("h3", { tabindex: "-1" }, t("people.friends.now", { name: friend.name }));
  queueMicrotask(() => title.focus());
  return el("div", { class: "stack became" }, title, safetyWords(friend, () => {}), el("p", { class: "hint" }, t("people.safety.later")), el("div", { class: "row end" }, next));
}
