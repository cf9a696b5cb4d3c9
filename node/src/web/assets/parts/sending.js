// @ts-check
/**
 * From "share" to shared: a few seconds in which it can be undone, then what is sent and sealed. Nothing has left the page
 * before the seconds are over, and nothing can be taken back after.
 * @module
 */
import { el } from "../lib/dom.js";
import { form, upload } from "../lib/files.js";
import { t } from "../lib/words.js";

/** How long it can be undone, ms. */
const UNDO_MS = 5000;
/** How often the rest of it is shown, ms. */
const SHOW_MS = 250;

/**
 * Names attempts at sharing: the same moment shared again, because its answer was lost, goes by the same word, and the node
 * shares it once.
 */
export class Attempts {
  constructor() {
    this.key = "";
    this.says = "";
  }

  /** @param {object} draft @param {[string, Blob][]} files */
  of(draft, files) {
    const says = JSON.stringify([draft, files.map(([part, file]) => [part, file.type, file.size])]);
    if (says !== this.says) this.key = crypto.randomUUID();
    this.says = says;
    return this.key;
  }

  /** It is shared: the same words again are another moment. */
  end() {
    this.says = "";
  }
}

/** The bar that shows it. */
export class Sending {
  constructor() {
    this.text = el("p", { role: "status" });
    this.bar = /** @type {HTMLProgressElement} */ (el("progress", { "aria-label": t("sending.title") }));
    this.undo = el("button", { type: "button" }, t("sending.undo"));
    this.now = el("button", { type: "button", class: "quiet" }, t("sending.now"));
    this.buttons = el("div", { class: "row" }, this.undo, this.now);
    this.node = el("div", { class: "sending-bar stack", hidden: true }, el("div", { class: "row" }, el("span", { class: "grow" }, this.text), this.buttons), this.bar);
    this.guard = (/** @type {Event} */ event) => event.preventDefault();
  }

  /** Waits. Returns whether it shall be sent. @returns {Promise<boolean>} */
  wait() {
    this.node.hidden = false;
    this.buttons.hidden = false;
    // Leaving the page now would lose what is being shared: the browser asks first.
    window.addEventListener("beforeunload", this.guard);
    this.text.textContent = t("sending.soon", { n: UNDO_MS / 1000 });
    this.undo.focus();
    const end = performance.now() + UNDO_MS;
    return new Promise((resolve) => {
      const over = (/** @type {boolean} */ isSent) => { clearInterval(showing); resolve(isSent); };
      const show = () => {
        const left = end - performance.now();
        this.bar.value = Math.max(0, left) / UNDO_MS;
        if (left <= 0) over(true);
      };
      const showing = setInterval(show, SHOW_MS);
      this.undo.onclick = () => over(false);
      this.now.onclick = () => over(true);
      show();
    });
  }

  /**
   * Sends it.
   * @param {object} draft
   * @param {[string, Blob][]} files
   * @param {string | null} kept the draft that it was
   * @param {string} attempt
   * @returns {Promise<import("../lib/api.js").Moment & {warnings?: string[]}>}
   */
  send(draft, files, kept, attempt) {
    this.buttons.hidden = true;
    const told = (/** @type {number} */ share) => {
      if (share < 1) this.bar.value = share;
      // How long sealing takes is not known.
      else this.bar.removeAttribute("value");
      const words = t(share < 1 ? "sending.sending" : "sending.sealing");
      if (this.text.textContent !== words) this.text.textContent = words;
    };
    told(files.length > 0 ? 0 : 1);
    const query = kept ? `?draft=${kept}` : "";
    const body = files.length > 0 ? form(draft, files) : new Blob([JSON.stringify(draft)], { type: "application/json" });
    return upload(`/moments${query}`, body, files.length > 0 ? told : undefined, { "Idempotency-Key": attempt });
  }

  end() {
    window.removeEventListener("beforeunload", this.guard);
    this.node.hidden = true;
  }
}
