// @ts-check
/**
 * My friends as they are now: asked once, then kept true by events. Whatever shows somebody's face, name or status takes
 * it from here, so that a new picture stands everywhere at once.
 *
 * Whoever shows friends listens for `friends` of `lib/live.js`: it is told after each change.
 * @module
 */
import { ask, blob } from "./api.js";
import * as live from "./live.js";
import { whoami } from "./me.js";

/** @typedef {import("./api.js").Friend} Friend */

/** @type {Map<string, Friend>} by id */
const friends = new Map();
let isRead = false;

/** All friends, in the order of their names. */
export const all = () => [...friends.values()];

/**
 * One friend; undefined for whoever is none, and until the first answer is here.
 * @param {string} id
 */
export const friend = (id) => friends.get(id);

/**
 * The picture of somebody: as it is now for me and for friends, else as it was told with them.
 * @param {{id: string, avatar?: string | null}} person
 * @returns {string | null}
 */
export function avatarOf(person) {
  if (person.id === whoami().user) return whoami().avatar;
  return (friends.has(person.id) ? friends.get(person.id)?.avatar : person.avatar) ?? null;
}

/**
 * Puts a picture into a face, or takes it out. Where the picture does not come, the letter stays.
 * @param {HTMLElement} node
 * @param {string | null} picture
 */
export function portray(node, picture) {
  const shown = node.querySelector("img");
  if (shown?.dataset.blob === (picture ?? undefined)) return;
  shown?.remove();
  if (!picture) return;
  const image = document.createElement("img");
  Object.assign(image, { alt: "", loading: "lazy", decoding: "async", src: blob(picture) });
  image.dataset.blob = picture;
  image.addEventListener("error", () => image.remove());
  node.append(image);
}

/**
 * Brings every face below an element up to date.
 * @param {ParentNode} root
 */
export function refreshFaces(root) {
  for (const node of root.querySelectorAll(".face[data-face]")) {
    if (!(node instanceof HTMLElement)) continue;
    const id = node.dataset.face ?? "";
    if (friends.has(id) || id === whoami().user) portray(node, avatarOf({ id }));
  }
}

/** Changes within this are told together, ms. */
const TOGETHER_MS = 20;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let ending;

function changed() {
  refreshFaces(document);
  live.tell("friends", null);
  // A status ends by itself; the node says nothing then.
  clearTimeout(ending);
  const ends = all().map((one) => Date.parse(one.status?.until ?? "")).filter((end) => end > Date.now());
  if (ends.length > 0) ending = setTimeout(changed, Math.min(...ends) - Date.now() + 50);
}

/** Whether tags are among what is to be told. */
let hasTags = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let telling;

/** Tells once of changes that come in one run: a tag may be that of hundreds. @param {boolean} isOfTags */
function soon(isOfTags) {
  hasTags ||= isOfTags;
  telling ??= setTimeout(() => {
    const isTagged = hasTags;
    [telling, hasTags] = [undefined, false];
    changed();
    if (isTagged) live.tell("tags", null);
  }, TOGETHER_MS);
}

/** Reads all friends anew: for what the node tells no event about, such as a tag's new name. */
export async function load() {
  const { friends: list } = await ask("GET", "/friends");
  friends.clear();
  for (const one of list) friends.set(one.id, one);
  isRead = true;
  changed();
}

/** All friends, once they are known. */
export async function known() {
  if (!isRead) await load();
  return all();
}

/** Begins to keep them true. */
export function begin() {
  live.on("open", () => { load().catch(() => {}); });
  live.on("friend", ({ friend }) => {
    const before = friends.get(friend.id)?.tags ?? [];
    friends.set(friend.id, friend);
    soon(before.join("\n") !== friend.tags.join("\n"));
  });
  live.on("unfriended", (event) => { friends.delete(event.id); changed(); });
  live.on("me", () => refreshFaces(document));
}
