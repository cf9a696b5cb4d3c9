// @ts-check
/**
 * A button that opens a menu: arrows, Home, End and first letters move in it, Escape and a click elsewhere close it, and
 * the focus goes back to the button. What stands in it is asked for each time that it opens.
 * @module
 */
import { el, icon } from "../lib/dom.js";

/**
 * One line of a menu: something to do, or somewhere to go.
 * @typedef {object} Item
 * @property {string} label
 * @property {Parameters<typeof icon>[0]} [icon]
 * @property {() => void} [run]
 * @property {string} [href]
 * @property {boolean} [isGrave] it takes something away
 */

/** How far a menu keeps from the edges of the window, px. */
const EDGE = 8;

/**
 * @param {string} label what the button is called
 * @param {() => (Item | false | null | undefined)[]} items
 * @param {Node} [look] what is seen of the button
 * @returns {HTMLElement}
 */
export function menu(label, items, look = icon("more")) {
  /** @type {HTMLElement | null} */
  let box = null;
  let wasOpen = false;
  const button = el("button", { class: "quiet icon menu-button", type: "button", title: label, "aria-label": label, "aria-haspopup": "menu", "aria-expanded": "false",
    // A click elsewhere closes a menu, and the button is elsewhere: it must not open it again.
    onpointerdown: () => { wasOpen = box !== null; },
    onclick: () => { if (wasOpen) box?.hidePopover(); else open(); wasOpen = false; },
    onkeydown: (/** @type {KeyboardEvent} */ event) => { if (event.key === "ArrowDown") { event.preventDefault(); open(); } } }, look);
  // A menu that stood still while its button moves away would belong to nothing.
  const follow = () => { if (box) place(box, button.getBoundingClientRect()); };
  const open = () => {
    if (box) return;
    box = filled(label, items());
    box.addEventListener("toggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "open") return;
      window.removeEventListener("scroll", follow, true);
      box?.remove();
      box = null;
      button.setAttribute("aria-expanded", "false");
    });
    button.after(box);
    box.showPopover();
    place(box, button.getBoundingClientRect());
    button.setAttribute("aria-expanded", "true");
    lines(box)[0]?.focus({ preventScroll: true });
    window.addEventListener("scroll", follow, { capture: true, passive: true });
  };
  return button;
}

/**
 * @param {string} label
 * @param {(Item | false | null | undefined)[]} items
 */
function filled(label, items) {
  const box = el("div", { class: "menu", role: "menu", "aria-label": label, popover: "auto", onkeydown: (/** @type {KeyboardEvent} */ event) => move(box, event) });
  for (const item of items) {
    if (!item) continue;
    const inside = [item.icon ? icon(item.icon) : null, el("span", {}, item.label)];
    const common = { class: item.isGrave ? "menu-item grave" : "menu-item", role: "menuitem", tabindex: "-1" };
    box.append(item.href ? el("a", { ...common, href: item.href, onclick: () => box.hidePopover() }, ...inside)
      : el("button", { ...common, type: "button", onclick: () => { box.hidePopover(); item.run?.(); } }, ...inside));
  }
  return box;
}

/** @param {HTMLElement} box @returns {HTMLElement[]} */
const lines = (box) => [...box.querySelectorAll("[role=menuitem]")].filter((line) => line instanceof HTMLElement);

/**
 * @param {HTMLElement} box
 * @param {KeyboardEvent} event
 */
function move(box, event) {
  const all = lines(box);
  const at = all.findIndex((line) => line === document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (event.key === "Tab") box.hidePopover();
  else if (to !== undefined) all[(to + all.length) % all.length]?.focus();
  else if (event.key.length === 1 && event.key !== " ") {
    const begins = (/** @type {HTMLElement} */ line) => (line.textContent ?? "").trim().toLowerCase().startsWith(event.key.toLowerCase());
    [...all.slice(at + 1), ...all.slice(0, at + 1)].find(begins)?.focus();
    return;
  } else return;
  if (event.key !== "Tab") event.preventDefault();
}

/**
 * Beneath the button if there is room, else above; inside of the window in any case.
 * @param {HTMLElement} box
 * @param {DOMRect} beside
 */
function place(box, beside) {
  const { width, height } = box.getBoundingClientRect();
  const isRight = getComputedStyle(box).direction === "rtl";
  const left = isRight ? beside.left : beside.right - width;
  const below = beside.bottom + height + EDGE <= window.innerHeight;
  box.style.left = `${Math.max(EDGE, Math.min(left, window.innerWidth - width - EDGE))}px`;
  box.style.top = `${Math.max(EDGE, below ? beside.bottom : beside.top - height)}px`;
}
