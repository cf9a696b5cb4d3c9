// @ts-check
/**
 * The composer once it is open: everything around the line of `composer.js`; on a phone it lies over the whole screen. What
 * is half-written is kept by the node (`drafts.js`), what is shared can be undone for some seconds (`sending.js`).
 *
 * Ctrl+Enter (or Cmd+Enter) shares, Escape closes; what was written stays.
 * @module
 */
import { Refusal } from "../lib/api.js";
import { dialog, el, icon, notice } from "../lib/dom.js";
import { byteLength, momentLimits } from "../lib/files.js";
import * as live from "../lib/live.js";
import { t } from "../lib/words.js";
import { Audience } from "./audience.js";
import { DraftKeeper, offer } from "./drafts.js";
import { LinkField, linkIn } from "./link-preview.js";
import { Mentions } from "./mentions.js";
import { MoodField } from "./mood.js";
import { PlaceField } from "./place.js";
import { Attempts, Sending } from "./sending.js";
import { Shelf } from "./shelf.js";
import { VideoPicker } from "./video-picker.js";

/** @typedef {import("../lib/api.js").Moment} Moment */
/** @typedef {"place" | "mood" | "link" | "audience"} Panel */

const PHONE = "(max-width: 40rem)";
/** How many bytes before the limit the rest is said. */
const NEARLY = 1024;
/** What is said of a moment's length before the node has told its limits, bytes. */
const TEXT_LIMIT = 8192;

/** An open composer, or one that was. */
export class Composer {
  /** @param {{node: HTMLElement, form: HTMLElement, text: HTMLTextAreaElement, tools: HTMLElement, onPosted: (moment: Moment) => void}} line */
  constructor({ node, form, text, tools, onPosted }) {
    this.node = node;
    this.form = form;
    this.text = text;
    this.tools = tools;
    this.onPosted = onPosted;
    this.phase = /** @type {"writing" | "sending"} */ ("writing");
    /** @type {HTMLDialogElement | null} */
    this.sheet = null;
    this.textLimit = TEXT_LIMIT;
    this.reading = 0;
    const changed = () => this.changed();
    const say = (/** @type {string} */ text) => this.say(text);
    this.mentions = new Mentions(this.text, changed);
    this.shelf = new Shelf({ changed, say });
    this.video = new VideoPicker({ changed, say });
    this.place = new PlaceField(changed);
    this.mood = new MoodField(changed);
    this.link = new LinkField(changed);
    this.audience = new Audience({ changed: () => this.readers() });
    this.shareable = /** @type {HTMLInputElement} */ (el("input", { type: "checkbox", role: "switch", onchange: changed }));
    this.sending = new Sending();
    this.attempts = new Attempts();
    this.keeper = new DraftKeeper(() => this.half(), (text, isWrong) => this.kept(text, isWrong));
    this.count = el("p", { class: "hint", role: "status", hidden: true });
    this.wrong = el("p", { class: "wrong", role: "alert", hidden: true });
    this.drafts = el("div", { hidden: true });
    this.suggestion = el("div", { hidden: true });
    this.reach = el("span", { class: "hint", role: "status" });
    this.state = el("span", { class: "hint", role: "status" });
    this.panels = /** @type {Record<Panel, HTMLElement>} */ ({
      place: this.panel(this.place.node), mood: this.panel(this.mood.node), link: this.panel(this.link.node),
      audience: this.panel(this.audience.node, el("label", { class: "option" }, this.shareable, el("span", {}, t("composer.shareable")))),
    });
    this.buttons = /** @type {Record<Panel, HTMLElement>} */ ({
      place: this.opener("place", icon("place")), mood: this.opener("mood", icon("smile")), link: this.opener("link", icon("link")), audience: this.opener("audience"),
    });
    this.share = el("button", { class: "main", type: "submit" }, t("composer.share"));
    this.build();
    this.listen();
    // Somebody may have written while this was loaded.
    this.changed();
    this.mentions.look();
  }

  /** Everything goes around the field, which stays where it is: somebody is writing in it. */
  build() {
    const close = el("button", { class: "quiet icon", type: "button", "aria-label": t("composer.close"), title: t("composer.close"), onclick: () => this.close() }, icon("close"));
    this.text.before(el("div", { class: "composer-head" }, el("h2", { class: "grow" }, t("composer.title")), close), this.drafts);
    this.text.after(this.mentions.node, this.count, this.shelf.node, this.video.node, this.suggestion,
      this.panels.place, this.panels.mood, this.panels.link, this.panels.audience, this.mentions.hint, this.wrong);
    this.tools.append(this.buttons.place, this.buttons.mood, this.buttons.link, this.buttons.audience, el("span", { class: "grow" }), this.share);
    this.tools.after(el("div", { class: "row below" }, this.reach, this.state), this.sending.node);
  }

  /** @param {...Node} children */
  panel(...children) {
    return el("div", { class: "composer-panel", hidden: true }, ...children);
  }

  /** @param {Panel} name @param {Node} [shape] */
  opener(name, shape) {
    return el("button", { class: shape ? "quiet icon opener" : "quiet opener", type: "button", "aria-expanded": "false", onclick: () => this.toggle(name) }, shape ?? null, el("span", { class: "label", dir: "auto" }));
  }

  listen() {
    const { form, text } = this;
    text.addEventListener("input", () => this.changed());
    form.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.submit(); }
      if (event.key === "Escape" && !this.sheet) this.close();
    });
    form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    for (const kind of ["friend", "unfriended", "open"]) live.on(kind, () => { if (this.isOpen()) this.audience.explain(); });
  }

  isOpen() {
    return !this.form.classList.contains("closed");
  }

  /** Opens; on a phone over everything else. */
  open() {
    if (this.isOpen() || this.phase === "sending") return;
    this.form.classList.remove("closed");
    this.audience.explain();
    momentLimits().then((limits) => {
      this.textLimit = limits.text_bytes;
      [this.shelf.limit, this.shelf.altLimit, this.place.limit, this.mood.limit, this.mentions.limit] = [limits.photos, limits.alt_bytes, limits.place_bytes, limits.mood_bytes, limits.mentions];
    }).catch((error) => this.say(error.message));
    this.offerDrafts();
    if (matchMedia(PHONE).matches) {
      this.sheet = dialog("composer-sheet", () => [this.form]);
      this.sheet.setAttribute("aria-label", t("composer.title"));
      this.sheet.addEventListener("close", () => this.close());
      this.text.focus();
    }
  }

  /** Closes. What was written stays, here and at the node. */
  close() {
    if (!this.isOpen()) return;
    // Out of the sheet before it closes: what is in the form is wanted on the timeline.
    const { sheet } = this;
    this.sheet = null;
    this.node.append(this.form);
    sheet?.close();
    this.form.classList.add("closed");
    this.toggle(null);
    if (this.form.contains(document.activeElement)) /** @type {HTMLElement} */ (document.activeElement).blur();
    if (this.phase === "writing") this.keeper.flush();
  }

  /** Shows one panel, or none. @param {Panel | null} name */
  toggle(name) {
    for (const key of /** @type {Panel[]} */ (Object.keys(this.panels))) {
      const isOn = key === name && this.panels[key].hidden;
      this.panels[key].hidden = !isOn;
      this.buttons[key].setAttribute("aria-expanded", String(isOn));
      if (isOn) this.panels[key].querySelector("input")?.focus();
    }
  }

  /** Files that were picked, pasted or dropped. @param {File[]} files */
  async take(files) {
    if (this.phase === "sending" || files.length === 0) return;
    this.open();
    this.say("");
    const film = files.find((file) => file.type.startsWith("video/"));
    const hasFilm = !!this.video.file;
    if (hasFilm || (film && (this.shelf.items.length > 0 || files.length > 1))) { this.say(t(hasFilm && film ? "video.one" : "video.mixed")); return; }
    if (!film) { await this.shelf.add(files); return; }
    try {
      await this.video.set(film, await momentLimits());
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    }
  }

  /** Something has changed: everything that says so is brought up to date, and it is kept soon. */
  changed() {
    const left = this.textLimit - byteLength(this.text.value.trim());
    this.count.hidden = left > NEARLY;
    this.count.classList.toggle("wrong", left < 0);
    this.count.textContent = left < 0 ? t("composer.over", { n: -left }) : t("composer.left", { n: left });
    const address = linkIn(this.text.value);
    const isOffered = address !== "" && !this.link.value() && this.panels.link.hidden;
    this.suggestion.hidden = !isOffered;
    if (isOffered) this.suggestion.replaceChildren(el("button", { type: "button", class: "chip", onclick: () => { this.toggle("link"); this.link.show(address); this.suggestion.hidden = true; } }, icon("link"), t("link.offer", { host: host(address) })));
    if (!this.drafts.hidden && !this.isEmpty()) this.drafts.hidden = true;
    this.mentions.say((id) => this.audience.reaches(id));
    this.labels();
    this.keeper.changed();
  }

  /** What the buttons say. */
  labels() {
    this.form.classList.toggle("has", !this.isEmpty());
    const set = (/** @type {Panel} */ name, /** @type {string} */ label, /** @type {string} */ value) => {
      const button = this.buttons[name];
      const span = button.querySelector(".label");
      if (span) span.textContent = value;
      button.classList.toggle("set", value !== "");
      button.setAttribute("aria-label", value ? `${label}: ${value}` : label);
      button.title = label;
    };
    set("place", t("place.title"), this.place.label());
    set("mood", t("mood.title"), this.mood.label());
    set("link", t("link.title"), this.link.label());
    const who = this.buttons.audience.querySelector(".label");
    if (who) who.textContent = this.audience.label();
    this.buttons.audience.title = t("audience.title");
  }

  /** The audience, or what is known of it, has changed. */
  readers() {
    this.mentions.say((id) => this.audience.reaches(id));
    const run = this.audience.run;
    if (run) this.reach.textContent = run.may_read === 0 ? t("audience.readers.none") : t("composer.readers", { n: run.may_read });
    else this.reach.textContent = this.audience.missing() || (this.audience.rule === "private" ? t("audience.private") : "");
    this.labels();
    this.keeper.changed();
  }

  /** @param {string} text @param {boolean} isWrong */
  kept(text, isWrong) {
    this.state.textContent = text;
    this.state.classList.toggle("wrong", isWrong);
  }

  /** Says what is wrong, here. @param {string} text */
  say(text) {
    this.wrong.textContent = text;
    this.wrong.hidden = text === "";
  }

  isEmpty() {
    return !this.text.value.trim() && this.shelf.items.length === 0 && !this.video.file && !this.link.value() && !this.place.value() && !this.mood.value();
  }

  /** The moment as the node takes it. */
  words() {
    const { video, shelf } = this;
    return {
      text: this.text.value.trim(),
      alts: video.file ? [video.alt.value.trim() || null] : shelf.alts(),
      edits: video.file ? [] : shelf.items.map((item) => item.edit),
      trim: video.trim.checked,
      link: this.link.value(),
      place: this.place.value(),
      mood: this.mood.value(),
      mentions: this.mentions.value(),
      shareable: this.shareable.checked,
      ...this.audience.words(),
    };
  }

  /** @returns {[string, Blob][]} */
  files() {
    const { file, poster } = this.video;
    if (!file) return this.shelf.items.map((item) => ["photo", item.file]);
    return poster ? [["video", file], ["poster", poster]] : [["video", file]];
  }

  /** What shall be kept; null for nothing. @returns {{draft: any, files: import("./drafts.js").Wanted[]} | null} */
  half() {
    if (this.isEmpty()) return null;
    const { video } = this;
    /** @type {import("./drafts.js").Wanted[]} */
    const files = this.shelf.items.map((item) => ({ part: "photo", file: item.file, kept: item.kept, note: (id) => { item.kept = id; } }));
    if (video.file) files.push({ part: "video", file: video.file, kept: video.kept, note: (id) => { video.kept = id; } });
    if (video.poster) files.push({ part: "poster", file: video.poster, kept: video.keptPoster, note: (id) => { video.keptPoster = id; } });
    return { draft: this.words(), files };
  }

  /** Offers what was half-written before, while nothing is written now. */
  async offerDrafts() {
    this.drafts.hidden = true;
    if (!this.isEmpty()) return;
    try {
      const list = await offer((kept, files) => this.restore(kept, files));
      this.drafts.replaceChildren(list);
      this.drafts.hidden = list.children.length === 0 || !this.isEmpty();
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * Takes a draft up again. If that fails, the draft stays as it is, and what is written next is a new one.
   * @param {import("./drafts.js").KeptDraft} kept
   * @param {Blob[]} files
   */
  async restore(kept, files) {
    const limits = await momentLimits();
    await this.keeper.pause();
    try {
      await this.fill(kept, files, limits);
    } catch (error) {
      this.clear();
      this.keeper.begin(null);
      throw error;
    }
    this.keeper.begin(kept.id);
    this.drafts.hidden = true;
    this.changed();
    this.text.focus();
  }

  /**
   * Puts what a draft says where it is written.
   * @param {import("./drafts.js").KeptDraft} kept
   * @param {Blob[]} files
   * @param {import("../lib/files.js").Limits} limits
   */
  async fill({ draft, files: known }, files, limits) {
    this.clear();
    this.text.value = draft.text;
    this.shareable.checked = draft.shareable;
    this.place.set(draft.place);
    this.mood.set(draft.mood);
    this.link.set(draft.link);
    await this.mentions.set(draft.mentions);
    const of = (/** @type {string} */ part) => known.findIndex((file) => file.part === part);
    if (of("video") >= 0) {
      const still = of("poster");
      await this.video.set(files[of("video")], limits, { trim: draft.trim, alt: draft.alts[0] ?? "", kept: known[of("video")].id,
        poster: still < 0 ? null : files[still], keptPoster: still < 0 ? null : known[still].id });
    } else {
      files.forEach((file, at) => this.shelf.put(file, { edit: draft.edits[at], alt: draft.alts[at] ?? "", kept: known[at].id }));
    }
    await this.audience.restore({ to: draft.to, except: draft.except, private: draft.private });
  }

  /** Why it cannot be shared; empty if it can. */
  missing() {
    if (byteLength(this.text.value.trim()) > this.textLimit) return this.count.textContent ?? "";
    if (this.place.check()) { if (this.panels.place.hidden) this.toggle("place"); return this.place.check(); }
    if (this.mood.check()) { if (this.panels.mood.hidden) this.toggle("mood"); return this.mood.check(); }
    if (this.audience.missing()) { if (this.panels.audience.hidden) this.toggle("audience"); return this.audience.missing(); }
    return this.video.missing();
  }

  async submit() {
    if (this.phase === "sending") return;
    if (this.isEmpty()) { this.text.focus(); return; }
    this.say(this.missing());
    if (!this.wrong.hidden) return;
    const [draft, files] = [this.words(), this.files()];
    // Whoever cannot read it stays in the text and is not told, as was said.
    draft.mentions = draft.mentions.filter((id) => this.audience.reaches(id) !== false);
    this.phase = "sending";
    this.form.classList.add("sending");
    this.close();
    const kept = this.keeper.pause();
    try {
      if (!(await this.sending.wait())) { this.goOn(""); return; }
      const moment = await this.sending.send(draft, files, await kept, this.attempts.of(draft, files));
      this.attempts.end();
      this.done();
      if (moment.warnings) notice(moment.warnings.join(" "));
      this.onPosted(moment);
      this.see(moment.id);
    } catch (error) {
      // Whoever withdrew it and shares it again means it anew.
      if (error instanceof Refusal && error.code === "attempt_withdrawn") this.attempts.end();
      this.goOn(error instanceof Error ? error.message : String(error));
    }
  }

  /** Back to writing, with everything that was written. @param {string} why */
  goOn(why) {
    this.sending.end();
    this.phase = "writing";
    this.form.classList.remove("sending");
    this.keeper.begin(this.keeper.id);
    this.open();
    this.text.focus();
    this.say(why);
    this.keeper.changed();
  }

  /** It is shared: everything is as at the beginning. */
  done() {
    this.sending.end();
    this.phase = "writing";
    this.form.classList.remove("sending");
    this.clear();
    this.keeper.begin(null);
  }

  clear() {
    this.text.value = "";
    this.shelf.clear();
    this.video.clear();
    this.place.set(null);
    this.mood.set(null);
    this.link.set(null);
    this.mentions.chosen = new Map();
    this.shareable.checked = false;
    this.audience.chosen = new Map();
    this.audience.choose("everyone");
    this.toggle(null);
    this.say("");
    this.changed();
  }

  /** Goes to the new moment, unless the person is somewhere else by now. @param {string} id */
  see(id) {
    const card = document.querySelector(`article[data-id="${CSS.escape(id)}"]`);
    if (!(card instanceof HTMLElement) || (document.activeElement && document.activeElement !== document.body)) return;
    card.setAttribute("tabindex", "-1");
    card.focus({ preventScroll: true });
  }
}

/** @param {string} address */
function host(address) {
  try {
    return new URL(address).host;
  } catch {
    return address;
  }
}
