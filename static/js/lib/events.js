/* Events within the page: a module emits them, others listen. */

export const SESSION = "session"; // somebody else, or nobody, is logged in
export const BUSY = "busy"; // a password call waits for its turn: (seconds)
export const SELECTED = "selected"; // another challenge, or none, is selected on the start card
export const START_FAILED = "start failed"; // no game could be opened
export const OPEN_ELSEWHERE = "open elsewhere"; // the player has another game open: ({mode, score}, begin the new one)
export const OPENED = "opened"; // a game has begun
export const BEGUN_ELSEWHERE = "begun elsewhere"; // another tab has begun or continued a game
export const SETTLED = "settled"; // the server has the whole game, or has rejected it
export const LANGUAGE = "language"; // the page has other words now

const listeners = {};

/** Call `listener` at each event of that name. Return its unbind function. */
export function on(event, listener) {
  listeners[event] ??= new Set();
  listeners[event].add(listener);
  return () => listeners[event].delete(listener);
}

export function emit(event, ...details) {
  for (const listener of listeners[event] ?? []) listener(...details);
}
