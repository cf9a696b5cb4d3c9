// @ts-check
/**
 * Becoming friends: making an invite (link and QR code) and redeeming one.
 * @module
 */
import { ask } from "../lib/api.js";
import { dialog, during, el, notice } from "../lib/dom.js";

/** Makes an invite and shows it. */
export function inviteSheet() {
  const name = /** @type {HTMLInputElement} */ (el("input", { type: "text", placeholder: "Their name, if you like", "aria-label": "Whom you expect", maxlength: 64 }));
  const make = el("button", { class: "main", type: "submit" }, "Make an invite");
  const form = el("form", {}, el("h2", {}, "Invite a friend"),
    el("p", { class: "hint" }, "It works once, for a day. Hand it on by a way you trust: whoever has it can ask to be your friend, and you confirm."), name,
    el("div", { class: "row end" }, make));
  const box = dialog("sheet", () => [form]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    during(make, async () => {
      const invite = await ask("POST", "/invites", { name: name.value.trim() || null });
      box.replaceChildren(shown(invite, () => box.close()));
    });
  });
}

/**
 * @param {{link: string, expires_at: string, qr_svg: string}} invite
 * @param {() => void} close
 */
function shown(invite, close) {
  // As an image it is inert: nothing in it could run.
  const code = el("img", { class: "qr", alt: "The invite as a QR code", src: `data:image/svg+xml,${encodeURIComponent(invite.qr_svg)}` });
  const copy = el("button", { class: "main", type: "button", onclick: () => during(copy, async () => {
    await navigator.clipboard.writeText(invite.link);
    notice("The link is copied.");
  }) }, "Copy the link");
  const until = new Date(invite.expires_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return el("div", { class: "stack" }, el("h2", {}, "Your invite"), code, el("p", { class: "link" }, invite.link),
    el("p", { class: "hint" }, `Works once, until ${until}.`),
    el("div", { class: "row end" }, el("button", { type: "button", onclick: close }, "Done"), copy));
}

/**
 * Redeems an invite.
 * @param {() => void} onDone
 */
export function acceptSheet(onDone) {
  const link = /** @type {HTMLTextAreaElement} */ (el("textarea", { rows: 4, placeholder: "tidings:invite/1/…", "aria-label": "The invite's link", spellcheck: "false" }));
  const send = el("button", { class: "main", type: "submit" }, "Accept");
  const form = el("form", {}, el("h2", {}, "Accept an invite"), el("p", { class: "hint" }, "Paste the link a friend gave you. This is your yes; theirs follows."), link, el("div", { class: "row end" }, send));
  const box = dialog("sheet", () => [form]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!link.value.trim()) return;
    during(send, async () => {
      send.textContent = "Reaching them…";
      try {
        const accepted = await ask("POST", "/accept", { link: link.value.trim(), wait_ms: 15_000 });
        notice(accepted.friend ? `You and ${accepted.friend.name} are friends.` : "Your yes has gone out. You are friends once they confirm.");
        box.close();
        onDone();
      } finally {
        send.textContent = "Accept";
      }
    });
  });
}
