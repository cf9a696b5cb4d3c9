// @ts-check
/**
 * Files on their way to the node and back: with how far they have come, and pictures that the node answers with.
 * @module
 */
import { ask, Refusal, refusal, token } from "./api.js";
import { t } from "./words.js";

/**
 * Sends a file or a form and tells how much of it has gone.
 * @param {string} path below /api/v1
 * @param {Blob | FormData} body
 * @param {(share: number) => void} [told] from 0 to 1
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>} the answer's JSON
 */
export function upload(path, body, told, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1${path}`);
    request.responseType = "json";
    request.setRequestHeader("X-Tidings-Token", token);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (body instanceof Blob) request.setRequestHeader("Content-Type", body.type || "application/octet-stream");
    if (told) {
      request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) told(event.loaded / event.total); });
      request.upload.addEventListener("load", () => told(1));
    }
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response);
      else reject(refusal(request.status, request.response));
    });
    request.addEventListener("error", () => reject(new Refusal("no_node", t("error.no_node"))));
    request.send(body);
  });
}

/**
 * The bytes that the node has at a path.
 * @param {string} path below /api/v1
 * @param {FormData} [form] sent, if there is one
 * @param {AbortSignal} [signal]
 * @returns {Promise<Blob>}
 */
export async function bytes(path, form, signal) {
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, { method: form ? "POST" : "GET", body: form, signal, headers: form ? { "X-Tidings-Token": token } : {} });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal("no_node", t("error.no_node"));
  }
  if (!answer.ok) throw refusal(answer.status, await answer.json().catch(() => null));
  return answer.blob();
}

/**
 * A form as the node takes it: what is said, then the files.
 * @param {object} draft
 * @param {[string, Blob][]} files by the names of their parts
 */
export function form(draft, files) {
  const body = new FormData();
  body.append("draft", new Blob([JSON.stringify(draft)], { type: "application/json" }));
  // Files have names that say something about their owner: they stay here.
  for (const [part, file] of files) body.append(part, file, part);
  return body;
}

/**
 * @typedef {{text_bytes: number, photos: number, photo_bytes: number, alt_bytes: number, video_bytes: number, video_ms: number,
 *   can_trim: boolean, place_bytes: number, mood_bytes: number, mentions: number}} Limits
 */

/** @type {Promise<Limits> | undefined} */
let limits;

/** What a moment may hold on this node; asked once. */
export function momentLimits() {
  limits ??= ask("GET", "/limits").catch((error) => { limits = undefined; throw error; });
  return /** @type {Promise<Limits>} */ (limits);
}

const encoder = new TextEncoder();

/**
 * The length of a text as limits count it.
 * @param {string} text
 */
export const byteLength = (text) => encoder.encode(text).length;
