// @ts-check
/**
 * What happens while the page is open: one stream of events, taken up again where it stopped. Whoever shows something
 * listens for the kinds that change it.
 *
 * A browser opens six connections to a node and no more, so all its pages share one stream: the page that holds the lock
 * has it, and tells the others over a channel. When that page is closed the lock goes to the next one, which takes the
 * stream up after the last event that it heard. Nothing of it is kept: lock and channel are gone with the pages.
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

/** The name of the lock and of the channel. */
const SHARED = "tidings-events";

/** The id of the last event that was heard: the run of the node, and the event's number. */
let last = "";

/** Begins to listen to the node. */
export function begin() {
  const channel = new BroadcastChannel(SHARED);
  const leaving = new AbortController();
  let isHolder = false;
  channel.addEventListener("message", ({ data }) => {
    if (isHolder && data.isNew) channel.postMessage({ state, id: last });
    else if (!isHolder && data.state) follow(data);
    else if (!isHolder && data.event) take(data.id, data.event);
  });
  channel.postMessage({ isNew: true });
  navigator.locks.request(SHARED, { signal: leaving.signal }, () => {
    isHolder = true;
    return hold((said) => channel.postMessage(said), leaving.signal);
  }).catch(() => {
    // The page was left before its turn came.
  }).finally(() => channel.close());
  // A page that the browser keeps for going back must not hold what the others wait for.
  window.addEventListener("pagehide", () => leaving.abort(), { once: true });
  window.addEventListener("pageshow", function again(event) {
    if (!event.persisted) return;
    window.removeEventListener("pageshow", again);
    is("lost");
    begin();
  });
}

/**
 * Has the stream, until the session or the page ends.
 * @param {(said: object) => void} others tells the other pages
 * @param {AbortSignal} leaving
 * @returns {Promise<void>}
 */
function hold(others, leaving) {
  return new Promise((over) => {
    // Whoever takes over goes on where it was; without an event so far nobody knows where that is, and all read anew.
    const after = last;
    const stream = new EventSource(`/api/v1/events${after ? `?after=${encodeURIComponent(after)}` : ""}`);
    const end = () => { stream.close(); over(); };
    leaving.addEventListener("abort", end);
    const become = (/** @type {"open" | "lost"} */ now) => {
      const isAnew = state === now;
      others({ state: now, id: last, isAnew });
      if (isAnew) is("lost");
      is(now);
    };
    stream.addEventListener("open", () => {
      const goesOn = after && state === "open";
      if (!goesOn) become("open");
    });
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED) { if (state !== "lost") become("lost"); return; }
      // The others find out themselves when their turn comes: one of them may have a newer session.
      is("ended");
      end();
    });
    stream.addEventListener("message", (message) => {
      const event = JSON.parse(message.data);
      others({ id: message.lastEventId, event });
      take(message.lastEventId, event);
    });
  });
}

/**
 * The page that has the stream says how it is; `isAnew` if it may have missed something.
 * @param {{state: "open" | "lost", id: string, isAnew?: boolean}} said
 */
function follow({ state: now, id, isAnew }) {
  if (!last) last = id;
  if (state === now && !isAnew) return;
  if (state === now) is("lost");
  is(now);
}

/**
 * The stream is so now. Between `open` and `open` it was lost for whoever shows something: they may have missed what was said.
 * @param {"open" | "lost" | "ended"} how
 */
function is(how) {
  state = how;
  tell(how, null);
}

/**
 * An event came, perhaps for the second time: whoever takes over may have heard less than this page.
 * @param {string} id
 * @param {any} event
 */
function take(id, event) {
  // After a gap the node says so once: to those who show something it is the same as a new beginning.
  if (event.event === "resync") { tell("open", event); return; }
  if (isHeard(id)) return;
  last = id;
  tell(event.event, event);
}

/** @param {string} id */
function isHeard(id) {
  const [[run, number], [lastRun, lastNumber]] = [id.split("-"), last.split("-")];
  return run === lastRun && Number(number) <= Number(lastNumber);
}
