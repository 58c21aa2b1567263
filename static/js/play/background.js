/* What plays behind the start card: the best game of the day, or one that the page plays itself. */

import { demoGame } from "../game/demo.js";
import { goTo, openPlayback, playOn } from "../game/playback.js";
import { IDLE, PAUSED, state } from "../game/state.js";
import { reducedMotion } from "../lib/dom.js";
import { home } from "./start.js";

let playback = null;

/** The scene to draw at the time `now`, or null where the game's own is to be drawn. */
export function background(now) {
  if (state.phase !== IDLE || state.selection) return playback = null;
  if (!playback) begin(now);
  else if (playback.phase !== PAUSED && playOn(playback, now)) playback = openPlayback(record());
  if (reducedMotion.matches && playback.phase !== PAUSED) showEnd(now);
  return playback;
}

/** Begin where the snake is long enough to be seen. */
function begin(now) {
  playback = openPlayback(record());
  goTo(playback, Math.floor(playback.known.ticks / 3), now);
}

function record() {
  return home?.best_game ?? demoGame();
}

/** A still picture. */
function showEnd(now) {
  goTo(playback, playback.known.ticks, now);
  playback.phase = PAUSED;
}
