// @ts-check
/**
 * Building elements. Text always goes in as text: nothing here or elsewhere in the page parses HTML.
 * @module
 */
import { avatarOf, portray } from "./friends.js";

/**
 * Makes an element.
 * @param {string} tag
 * @param {Record<string, any>} [props] `class`, `on…` listeners, `dataset`, other attributes; `false` and `null` leave one out
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(node.dataset, value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children) if (child) node.append(child);
  return node;
}

const SHAPES = {
  heart: "M12 20s-7.5-4.6-7.5-10A4.3 4.3 0 0 1 12 7.4 4.3 4.3 0 0 1 19.5 10c0 5.4-7.5 10-7.5 10Z",
  comment: "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v8A1.5 1.5 0 0 1 19 16h-7l-4.5 4v-4H5a1.5 1.5 0 0 1-1.5-1.5v-8A1.5 1.5 0 0 1 5 5Z",
  photo: "M4.5 5h15A1.5 1.5 0 0 1 21 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5v-11A1.5 1.5 0 0 1 4.5 5ZM3 16l5-5 4.5 4.5L15.500 13l5.500 5M15.500 9.500h.01",
  lock: "M6.500 11h11a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1ZM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  pin: "M9 4h6l-.700 6 3.200 3.500h-11L9.700 10ZM12 13.500V20",
  pen: "M4.500 19.500l1-4.500L15.500 5l3.500 3.500L9 18.500Z",
  smile: "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17ZM8.500 14.200c.900 1.300 2.100 2 3.500 2s2.600-.700 3.500-2M9 9.700h.01M15 9.700h.01",
  several: "M4 7.500h12.500V20H4ZM7.500 4H20v12.500",
  play: "M8 5.500v13l10.500-6.500Z",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  people: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7ZM2.500 20c0-3.600 2.900-6 6.500-6s6.500 2.400 6.500 6M16 4.300a3.500 3.500 0 0 1 0 6.400M18 14.400c2.100.8 3.500 2.800 3.500 5.600",
  moments: "M12 3.500v4M12 16.500v4M3.500 12h4M16.500 12h4M6 6l2.800 2.800M15.200 15.200 18 18M18 6l-2.800 2.800M8.800 15.200 6 18",
  bell: "M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 1.500h-15ZM10 20.500h4",
  search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13ZM15.300 15.300 20.500 20.500",
  star: "M12 3.500l2.600 5.500 6 .800-4.400 4.200 1.100 6L12 17.100 6.700 20l1.100-6L3.400 9.800l6-.800Z",
  gear: "M4 7h9M17 7h3M15 9.500v-5M4 12h3M11 12h9M9 14.500v-5M4 17h9M17 17h3M15 19.500v-5",
  pencil: "M5 19l.8-3.8L16.5 4.5l3 3L8.8 18.2ZM14.3 6.7l3 3",
  turn: "M19 12a7 7 0 1 1-2.3-5.2L19 9M19 4v5h-5",
  tag: "M3.500 4.500h8l9 9-7 7-9-9ZM8 8.500h.01",
  more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  tack: "M9 3.5h6M10 3.5V9l-3 4v1.5h10V13l-3-4V3.5M12 14.5v6",
  share: "M14 4.5 20.5 11 14 17.5v-4c-5 0-8 1.5-10.5 5C4 13 7.500 8.500 14 8.500Z",
  mute: "M6 16.500V11a6 6 0 0 1 9.500-4.900M18 11v5.500l1.500 1.500H7M10 20.500h4M4 4l16 16",
  eye: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12ZM12 14.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600Z",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1.2 1.2M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1.2-1.2",
  proof: "M12 3.500 5 6v5.500c0 4.500 3 7.500 7 9 4-1.500 7-4.500 7-9V6ZM8.800 12l2.400 2.400 4.200-4.400",
  place: "M12 21s6.500-6 6.500-11a6.500 6.500 0 0 0-13 0c0 5 6.500 11 6.500 11ZM12 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z",
  clock: "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17ZM12 7.500V12l3 2",
  reply: "M9.500 6 4 11.500l5.500 5.500v-3.500c5 0 8 1 10.500 4.500-.5-5.500-4-10-10.500-10.500Z",
  bin: "M4.500 7h15M9.500 7V4.500h5V7M6.500 7l1 12.500h9l1-12.500",
};

/**
 * An icon, drawn in the text's colour.
 * @param {keyof typeof SHAPES} name
 * @param {boolean} [filled]
 */
export function icon(name, filled = false) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  const path = document.createElementNS(ns, "path");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 24 24", fill: filled ? "currentColor" : "none", stroke: "currentColor", "stroke-width": "1.7",
    "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true",
  })) svg.setAttribute(key, value);
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

/**
 * A person's face: their picture, and until it is here (or if there is none) the first letter on a colour of their own. It
 * changes by itself when they change it (`lib/friends.js`).
 * @param {{id: string, name: string, avatar?: string | null}} person
 * @param {boolean | "small" | "large"} [size]
 */
export function face(person, size = false) {
  const first = [...person.name.trim()][0] ?? "·";
  const kind = size === true ? " small" : size ? ` ${size}` : "";
  const node = el("span", { class: `face${kind}`, "aria-hidden": "true", dataset: { face: person.id } }, first.toUpperCase());
  node.style.setProperty("--hue", String(parseInt(person.id.slice(0, 4), 16) % 360));
  portray(node, avatarOf(person));
  return node;
}

/** @type {number | undefined} */
let fading;

/**
 * Says something for a few seconds, above everything else: a dialog may be what it is about.
 * @param {string} text
 */
export function notice(text) {
  const box = /** @type {HTMLElement} */ (document.getElementById("notice"));
  // What is shown last lies on top.
  if (box.matches(":popover-open")) box.hidePopover();
  box.textContent = text;
  box.showPopover();
  clearTimeout(fading);
  fading = window.setTimeout(() => box.hidePopover(), 6000);
}

/**
 * Makes a button wait. What is returned lets it go on, with the focus if it had it and nothing else has taken it.
 * @param {HTMLElement | null} button
 */
function hold(button) {
  const had = button !== null && document.activeElement === button;
  button?.setAttribute("disabled", "");
  return () => {
    button?.removeAttribute("disabled");
    const { activeElement: now, body } = document;
    if (had && button.isConnected && (!now || now === body || now.matches("dialog"))) button.focus({ preventScroll: true });
  };
}

/**
 * Runs what a button does: once at a time, and what goes wrong is said.
 * @param {HTMLElement | null} button
 * @param {() => Promise<void>} work
 */
export async function during(button, work) {
  const goOn = hold(button);
  try {
    await work();
  } catch (error) {
    notice(error instanceof Error ? error.message : String(error));
  } finally {
    goOn();
  }
}

/**
 * The same, where what goes wrong is said beside what was done. Whether it went well.
 * @param {HTMLElement} place an element that is kept for this, `complaint()` makes one
 * @param {HTMLElement | null} button
 * @param {() => Promise<void>} work
 */
export async function attempt(place, button, work) {
  const goOn = hold(button);
  place.textContent = "";
  try {
    await work();
    return true;
  } catch (error) {
    place.textContent = error instanceof Error ? error.message : String(error);
    return false;
  } finally {
    goOn();
  }
}

/** A place where something that went wrong is said. */
export const complaint = () => el("p", { class: "wrong", role: "alert" });

/**
 * A dialog that is gone once closed.
 * @param {string} kind its class
 * @param {(close: () => void) => (Node | null)[]} fill
 */
export function dialog(kind, fill) {
  const box = /** @type {HTMLDialogElement} */ (el("dialog", { class: kind }));
  const close = () => box.close();
  for (const child of fill(close)) if (child) box.append(child);
  box.addEventListener("close", () => box.remove());
  box.addEventListener("click", (event) => { if (event.target === box) close(); });
  document.body.append(box);
  box.showModal();
  return box;
}
