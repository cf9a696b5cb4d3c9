// @ts-check
/**
 * Reading the QR code of an invite: from a picture, or with the camera. The node looks (`POST /invites/read`), so that it
 * works the same in every browser; a frame of the camera goes no further than to it.
 * @module
 */
import { ask } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/words.js";

/** Longer side of a frame that the node looks at, pixels. */
const FRAME_SIDE = 1024;
/** Pause between two frames, ms. */
const PAUSE_MS = 250;

/**
 * The link in a picture.
 * @param {Blob} picture
 * @returns {Promise<string>} fails with what to do if there is none
 */
export async function linkIn(picture) {
  const read = await ask("POST", "/invites/read", picture);
  if (read.link) return read.link;
  throw new Error(t(read.codes > 0 ? "people.qr.other" : "people.qr.none"));
}

/**
 * What the camera sees, until it sees an invite or is stopped.
 * @param {(link: string) => void} onFound
 * @returns {{node: HTMLElement, stop: () => void}}
 */
export function camera(onFound) {
  const video = /** @type {HTMLVideoElement} */ (el("video", { class: "camera", playsinline: true, "aria-label": t("people.qr.camera.label") }));
  video.muted = true;
  const line = el("p", { class: "hint", role: "status" }, t("people.qr.camera.asking"));
  let isOn = true;
  /** @type {MediaStream | null} */
  let stream = null;
  const stop = () => {
    isOn = false;
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  };
  const look = async () => {
    try {
      if (!navigator.mediaDevices) throw new DOMException("", "NotFoundError");
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
      if (!isOn) { stop(); return; }
      video.srcObject = stream;
      await video.play();
      line.textContent = t("people.qr.camera.hold");
      while (isOn) {
        const frame = await frameOf(video);
        const link = frame ? (await ask("POST", "/invites/read", frame)).link : null;
        if (link && isOn) { stop(); onFound(link); return; }
        await new Promise((next) => setTimeout(next, PAUSE_MS));
      }
    } catch (error) {
      if (!isOn) return;
      stop();
      video.hidden = true;
      line.className = "wrong";
      const name = error instanceof DOMException ? error.name : "";
      line.textContent = name === "NotAllowedError" ? t("people.qr.camera.denied")
        : name ? t("people.qr.camera.missing") : error instanceof Error ? error.message : String(error);
    }
  };
  look();
  return { node: el("div", { class: "stack" }, video, line), stop };
}

/**
 * @param {HTMLVideoElement} video
 * @returns {Promise<Blob | null>}
 */
function frameOf(video) {
  const scale = Math.min(1, FRAME_SIDE / Math.max(video.videoWidth, video.videoHeight, 1));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
  canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
  canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
}
