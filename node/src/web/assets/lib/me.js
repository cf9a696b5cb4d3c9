// @ts-check
/**
 * Who I am: asked once, when the frame is made.
 * @module
 */

/** @typedef {{user: string, name: string}} Me `user` is the id */

/** @type {Me} */
let me = { user: "", name: "" };

/** @param {Me} who */
export const setMe = (who) => { me = who; };

/** Me, as `GET /whoami` tells it. */
export const whoami = () => me;
