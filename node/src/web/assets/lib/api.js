// @ts-check
/**
 * Talking to the node: the same API that commands and other programs use.
 * @module
 */

/**
 * @typedef {{id: string, name: string, avatar?: string|null}} Person
 * @typedef {{text: string, emoji: string, until: string}} StatusLine
 * @typedef {{id: string, width: number, height: number, alt: string|null, preview: string|null, thumbhash: string}} Photo
 * @typedef {{id: string, width: number, height: number, duration_ms: number, poster: string|null, alt: string|null, thumbhash: string}} Video
 * @typedef {{url: string, title: string, description: string, site: string, image: string|null, preview: string|null, thumbhash: string}} Link
 * @typedef {{name: string, lat: number|null, lon: number|null, precision: string}} Place
 * @typedef {{emoji: string, text: string}} Mood
 * @typedef {{id: string, author: Person, text: string, reply_to: string|null, created_at: string, hidden?: boolean}} Comment
 * @typedef {{rule: string, tags: string[], people: Person[], except?: {tags: string[], people: Person[]}}} Audience
 * @typedef {{may_read: number, have: number, withdrawn?: number}} Delivery
 * @typedef {{id: string, name: string, known: boolean, created_at: string, text: string, link: Link|null, place: Place|null,
 *   mood: Mood|null, device_revoked: boolean}} SharedFrom
 * @typedef {{id: string, author: Person & {me: boolean, avatar: string|null}, created_at: string, text: string, photos: Photo[],
 *   video: Video|null, link: Link|null, place: Place|null, mood: Mood|null, mentions: Person[], shareable: boolean,
 *   shared_from: SharedFrom|null, likes: Person[], liked_by_me: boolean, comments: Comment[], audience?: Audience,
 *   delivery?: Delivery, pinned: boolean, faved: boolean, muted: boolean, missing?: string[]}} Moment
 * @typedef {{id: string, name: string, own_name: string, about: string, avatar: string|null, cover: string|null,
 *   status: StatusLine|null, note: string, tags: string[], since: string, verified: boolean, online: boolean,
 *   path: "direct"|"relay"|"lan"|null, last_seen: string|null, chats_only: boolean, hide_mine: boolean, hide_theirs: boolean,
 *   blocked: boolean, introduced_by: Person|null, muted: boolean, window_days: number}} Friend
 * @typedef {{id: string, name: string, expected: string|null, via: "invite"|"accepted"|"introduction", by: Person|null,
 *   confirmed: boolean, moments: number, at: string}} Request
 * @typedef {{name: string, friends: Person[]}} Tag
 */

import { perhaps, size, t } from "./words.js";

export const token = document.querySelector('meta[name="tidings-token"]')?.getAttribute("content") ?? "";

/** An error as the node tells it. */
export class Refusal extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * One request.
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {any} [body] an object (sent as JSON), a form, or a file (sent as it is)
 * @returns {Promise<any>}
 */
export async function ask(method, path, body) {
  /** @type {Record<string, string>} */
  const headers = method === "GET" ? {} : { "X-Tidings-Token": token };
  const isWhole = body instanceof FormData || body instanceof Blob;
  if (body !== undefined && !isWhole) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, { method, headers, body: isWhole ? body : body && JSON.stringify(body) });
  } catch {
    throw new Refusal("no_node", t("error.no_node"));
  }
  const value = await answer.json().catch(() => null);
  if (answer.ok) return value;
  throw refusal(answer.status, value);
}

/**
 * What an answer says that is none of the good ones.
 * @param {number} status
 * @param {any} value its JSON
 */
export function refusal(status, value) {
  const error = value?.error;
  if (!error) return new Refusal("strange_answer", t("error.strange_answer", { status }));
  const own = sentence(error.message, error.help);
  return new Refusal(error.code, perhaps(`error.${error.code}`, named(error.values, own)) ?? own);
}

/**
 * What an error names, as people say it; and the node's own sentence, for words that keep it.
 * @param {Record<string, string | number>} [values]
 * @param {string} [message]
 */
function named(values = {}, message = "") {
  /** @type {Record<string, string | number>} */
  const said = { ...values, message };
  if (typeof values.bytes === "number") said.bytes = size(values.bytes);
  return said;
}

/**
 * @param {string} message
 * @param {string} [help]
 */
function sentence(message, help) {
  const up = (/** @type {string} */ text) => text.charAt(0).toUpperCase() + text.slice(1);
  return help ? `${up(message)}. ${up(help)}.` : `${up(message)}.`;
}

/**
 * Where a blob's bytes are.
 * @param {string} id
 */
export const blob = (id) => `/api/v1/blobs/${id}`;

/**
 * A name as one part of a path.
 * @param {string} text
 */
export const part = (text) => encodeURIComponent(text);
