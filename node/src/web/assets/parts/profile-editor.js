// @ts-check
/**
 * The sheet to change how friends see me: name, line, face and cover.
 * @module
 */
import { ask, blob } from "../lib/api.js";
import { dialog, el } from "../lib/dom.js";
import { changeMe } from "../lib/me.js";
import { t } from "../lib/words.js";
import { Crop, readPicture } from "./crop.js";

/** @typedef {{name: string, about: string, avatar: string|null, cover: string|null, window_days: number}} Profile */
/** @typedef {"avatar" | "cover"} Kind */

/** Shape and width of what is sent; the node makes neither larger. */
const SHAPES = /** @type {Record<Kind, {ratio: number, width: number}>} */ ({ avatar: { ratio: 1, width: 512 }, cover: { ratio: 2, width: 1600 } });

/** One of the two pictures: as it is, being cut, or to be taken away. */
class Picture {
  /**
   * @param {Kind} kind
   * @param {string | null} now
   */
  constructor(kind, now) {
    this.kind = kind;
    this.now = now;
    /** @type {Crop | null} */
    this.crop = null;
    this.isRemoved = false;
    this.wrong = el("p", { class: "wrong", role: "alert" });
    this.input = /** @type {HTMLInputElement} */ (el("input", { type: "file", accept: "image/*", hidden: true, dataset: { kind } }));
    this.input.addEventListener("change", () => this.take(this.input.files?.[0]));
    this.shown = el("div", { class: `edit-${kind}` });
    this.remove = el("button", { type: "button", class: "quiet", onclick: () => { this.isRemoved = true; this.crop = null; this.draw(); } }, t("person.picture.remove"));
    this.node = el("fieldset", { class: "field" }, el("legend", {}, t(kind === "avatar" ? "person.avatar" : "person.cover")), this.shown, this.wrong,
      el("div", { class: "row" }, el("button", { type: "button", onclick: () => this.input.click() }, t("person.picture.choose")), this.remove), this.input);
    this.node.addEventListener("dragover", (event) => event.preventDefault());
    this.node.addEventListener("drop", (event) => { event.preventDefault(); this.take(event.dataTransfer?.files[0]); });
    this.draw();
  }

  /** @param {File | undefined} file */
  async take(file) {
    if (!file) return;
    this.input.value = "";
    this.wrong.textContent = "";
    try {
      const { ratio, width } = SHAPES[this.kind];
      this.crop = new Crop(await readPicture(file), ratio, width);
      this.isRemoved = false;
      this.draw();
      this.crop.canvas.focus();
    } catch (error) {
      this.wrong.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  draw() {
    const now = this.isRemoved ? null : this.now;
    this.shown.replaceChildren(this.crop ? this.crop.node : now ? el("img", { src: blob(now), alt: t("person.picture.now") }) : el("p", { class: "hint" }, t("person.picture.none")));
    this.remove.hidden = !this.crop && !now;
  }

  /** Sends what was changed; the profile as it is then, or null if nothing was. */
  async send() {
    const path = `/profile/${this.kind}`;
    if (this.crop) return ask("PUT", path, await this.crop.cut());
    return this.isRemoved && this.now ? ask("DELETE", path) : null;
  }
}

/**
 * @param {(profile: Profile) => void} onSaved
 */
export async function profileEditor(onSaved) {
  const before = /** @type {Profile} */ (await ask("GET", "/profile"));
  const name = /** @type {HTMLInputElement} */ (el("input", { type: "text", id: "profile-name", maxlength: 64, required: true, autocomplete: "name", value: before.name }));
  const about = /** @type {HTMLTextAreaElement} */ (el("textarea", { id: "profile-about", rows: 2, maxlength: 500, placeholder: t("person.about.example") }));
  about.value = before.about;
  const pictures = [new Picture("avatar", before.avatar), new Picture("cover", before.cover)];
  const wrong = el("p", { class: "wrong", role: "alert" });
  dialog("sheet", (close) => {
    const save = /** @type {HTMLButtonElement} */ (el("button", { class: "main", type: "submit" }, t("person.save")));
    const form = el("form", {}, el("h2", {}, t("person.edit")),
      el("div", { class: "field" }, el("label", { for: "profile-name" }, t("person.name")), name),
      el("div", { class: "field" }, el("label", { for: "profile-about" }, t("person.about")), about),
      ...pictures.map((picture) => picture.node), el("p", { class: "hint" }, t("person.edit.who")), wrong,
      el("div", { class: "row end" }, el("button", { type: "button", onclick: close }, t("person.cancel")), save));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      save.disabled = true;
      wrong.textContent = "";
      try {
        let profile = before;
        for (const picture of pictures) profile = (await picture.send()) ?? profile;
        const change = { name: name.value.trim(), about: about.value.trim() };
        if (change.name !== before.name || change.about !== before.about) profile = await ask("PATCH", "/profile", change);
        changeMe({ name: profile.name, avatar: profile.avatar, cover: profile.cover });
        onSaved(profile);
        close();
      } catch (error) {
        wrong.textContent = error instanceof Error ? error.message : String(error);
        save.disabled = false;
      }
    });
    return [form];
  });
}
