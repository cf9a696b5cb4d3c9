// @ts-check
/**
 * Who I am: asked when the frame is made, changed when I change it on this page.
 * @module
 */
import * as live from "./live.js";

/** @typedef {import("./api.js").StatusLine} StatusLine */
/** @typedef {{user: string, name: string, avatar: string|null, cover: string|null, status: StatusLine|null}} Me `user` is the id */

/** @type {Me} */
let me = { user: "", name: "", avatar: null, cover: null, status: null };

/** @param {Me} who */
export const setMe = (who) => { me = who; };

/** Me, as `GET /whoami` tells it. */
export const whoami = () => me;

/**
 * I have changed something about me: whoever shows me hears `me` of `lib/live.js`.
 * @param {Partial<Me>} change
 */
export function changeMe(change) {
  me = { ...me, ...change };
  live.tell("me", me);
}
