// @ts-check
/**
 * What is half-written is kept by the node, sealed; the browser keeps nothing of it. Saving goes step by step: what is
 * written while one save is under way is saved by the next.
 * @module
 */
import { ask } from "../lib/api.js";
import { during, el } from "../lib/dom.js";
import { bytes, upload } from "../lib/files.js";
import { when } from "../lib/when.js";
import { parts, t } from "../lib/words.js";
import { sure } from "./sure.js";

/** @typedef {{id: string, part: "photo" | "video" | "poster", mime: string, bytes: number}} DraftFile */
/** @typedef {{id: string, saved_at: string, draft: any, files: DraftFile[]}} KeptDraft */
/**
 * A file that shall be kept, and where its id is noted once it is.
 * @typedef {{part: DraftFile["part"], file: Blob, kept: string | null, note: (id: string | null) => void}} Wanted
 */

/** How long writing has to rest before it is kept, ms. */
const REST_MS = 1200;
/** What the node says of a draft, or of a file of one, that it does not have. */
const GONE = ["no_such_draft", "no_such_draft_file"];

const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Keeps one draft after another. */
export class DraftKeeper {
  /**
   * @param {() => {draft: any, files: Wanted[]} | null} read what there is to be kept now; null for nothing
   * @param {(text: string, isWrong: boolean) => void} say
   */
  constructor(read, say) {
    this.read = read;
    this.say = say;
    /** @type {string | null} */
    this.id = null;
    this.isOn = true;
    /** @type {number | undefined} */
    this.resting = undefined;
    this.queue = Promise.resolve();
  }

  /** Something has changed. */
  changed() {
    clearTimeout(this.resting);
    if (this.isOn) this.resting = window.setTimeout(() => this.flush(), REST_MS);
  }

  /** Keeps what there is, now. */
  flush() {
    clearTimeout(this.resting);
    this.resting = undefined;
    this.queue = this.queue.then(() => this.save()).catch((error) => this.say(t("draft.not_kept", { why: error instanceof Error ? error.message : String(error) }), true));
    return this.queue;
  }

  async save() {
    if (!this.isOn) return;
    const now = this.read();
    if (!now) {
      if (this.id) await ask("DELETE", `/drafts/${this.id}`);
      this.id = null;
      this.say("", false);
      return;
    }
    const isNew = !this.id;
    this.id ??= fresh();
    try {
      await this.put(now, isNew);
    } catch (error) {
      if (!GONE.includes(/** @type {any} */ (error).code)) throw error;
      // It was given up elsewhere, with its files, or the node never heard of it: kept anew.
      for (const wanted of now.files) { wanted.kept = null; wanted.note(null); }
      await this.put(now, true);
    }
    this.say(t("draft.kept"), false);
  }

  /** @param {{draft: any, files: Wanted[]}} now @param {boolean} isNew */
  async put({ draft, files }, isNew) {
    const path = `/drafts/${this.id}`;
    const body = () => ({ draft, files: files.map((wanted) => wanted.kept).filter(Boolean) });
    if (isNew || files.every((wanted) => wanted.kept)) await ask("PUT", path, body());
    let hasMore = false;
    for (const wanted of files) {
      if (wanted.kept) continue;
      const kept = await upload(`${path}/files?part=${wanted.part}`, wanted.file);
      wanted.kept = kept.id;
      wanted.note(kept.id);
      hasMore = true;
    }
    if (hasMore) await ask("PUT", path, body());
  }

  /** Stops keeping, until `begin`: what is there is being shared. The id of the draft, once nothing of it is under way. */
  async pause() {
    clearTimeout(this.resting);
    this.isOn = false;
    await this.queue;
    return this.id;
  }

  /** Keeps from now on: the draft of this id, or a new one. @param {string | null} id */
  begin(id) {
    this.isOn = true;
    this.id = id;
    this.say("", false);
  }
}

/**
 * The drafts that are there, to be taken up again or given up; empty if there are none.
 * @param {(kept: KeptDraft, files: Blob[]) => Promise<void>} take
 */
export async function offer(take) {
  const { drafts } = await ask("GET", "/drafts");
  const node = el("ul", { class: "drafts", "aria-label": t("draft.title") });
  const row = (/** @type {KeptDraft} */ kept) => {
    const says = kept.draft.text || kept.draft.link || "";
    const go = el("button", { type: "button", onclick: () => during(go, async () => {
      const files = await Promise.all(kept.files.map(async (file) => new Blob([await bytes(`/drafts/${kept.id}/files/${file.id}`)], { type: file.mime })));
      await take(kept, files);
    }) }, t("draft.continue"));
    const item = el("li", { class: "row" },
      el("span", { class: "grow" }, el("span", { class: "hint" }, ...parts("draft.from", { when: when(kept.saved_at) })), el("span", { class: "clamp", dir: "auto" }, says || t("draft.files", { n: kept.files.length }))),
      go, el("button", { type: "button", class: "quiet", onclick: () => sure({ title: t("draft.sure"), text: t("draft.sure.text"), yes: t("draft.give_up"), no: t("draft.keep") }, async () => {
        await ask("DELETE", `/drafts/${kept.id}`);
        item.remove();
      }) }, t("draft.give_up")));
    return item;
  };
  node.append(...drafts.map(row));
  return node;
}
