// @ts-check
/**
 * What happens while the page is open: one stream of events, taken up again by the browser where it stopped. Whoever shows
 * something listens for the kinds that change it.
 *
 * Kinds are those of the API's events, and three of the stream itself: `open` (it runs: read anew what you show, so that
 * nothing falls between the two), `lost` (the node does not answer; the browser tries again), `ended` (no session any more).
 * @module
 */

/** @typedef {(event: any) => void} Listener */

/** @type {Map<string, Set<Listener>>} */
const listeners = new Map();
/** @type {"waiting" | "open" | "lost" | "ended"} */
let state = "waiting";

/** How the stream is. */
export const now = () => state;

/**
 * Listens until the returned function is called.
 * @param {string} kind
 * @param {Listener} listener
 * @returns {() => void}
 */
export function on(kind, listener) {
  const all = listeners.get(kind) ?? new Set();
  listeners.set(kind, all.add(listener));
  return () => { all.delete(listener); };
}

/**
 * Tells all who listen. One who fails keeps no other from hearing it.
 * @param {string} kind
 * @param {any} event
 */
export function tell(kind, event) {
  for (const listener of [...(listeners.get(kind) ?? [])]) {
    try {
      listener(event);
    } catch (error) {
      reportError(error);
    }
  }
}

/** Begins to listen to the node. */
export function begin() {
  const stream = new EventSource("/api/v1/events");
  stream.addEventListener("open", () => { state = "open"; tell("open", null); });
  stream.addEventListener("error", () => {
    state = stream.readyState === EventSource.CLOSED ? "ended" : "lost";
    tell(state, null);
  });
  stream.addEventListener("message", (message) => {
    const event = JSON.parse(message.data);
    // After a gap the node says so once: to those who show something it is the same as a new beginning.
    tell(event.event === "resync" ? "open" : event.event, event);
  });
}
