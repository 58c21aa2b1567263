/* Practice: games without the server, which never hears of them. In such a game this stands in for sync.js. */

import { RULES } from "../rules.js";
import { outcome } from "./playing.js";
import { OVER, state } from "./state.js";

/** A game as the server would open it, but without an id. */
export function openPractice(mode) {
  const [seed] = crypto.getRandomValues(new Uint32Array(1));
  return { id: null, mode, seed: seed || 1, rules: RULES };
}

/** Settle the game if it is over. */
export let syncNow = () => {};

/** `onResponse` takes the result as soon as the game is over. */
export function syncLoop({ onResponse }) {
  syncNow = () => {
    if (state.phase !== OVER) return;
    syncNow = () => {}; // the next game may be the server's
    const { score, ticks: tick } = state.game;
    onResponse({ tick, score, outcome: outcome(), ranked: false, rank: null, personal_best: null });
  };
  syncNow();
}
