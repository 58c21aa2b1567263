/* What is known of the game that is played here. play.js and sync.js change it; everything else only shows it. */

import { WALLS } from "./rules.js";

// The phases of a game
export const IDLE = "idle", OPENING = "opening", READY = "ready", PLAYING = "playing", PAUSED = "paused", OVER = "over";

// The connection, as the player should know it
export const FINE = "fine", LOST = "lost", SIGNED_OUT = "signed out";

export const state = {
  phase: IDLE,
  mode: WALLS,
  bests: {}, // the player's best scores as far as known, by mode
  trouble: null, // why no game could be opened, in words
  wanted: null, // the mode of the next game, which waits until the server has heard the end of this one

  ...fresh(),
};

/** What begins anew with each game. */
export function fresh() {
  return {
    id: null,
    seed: null,
    player: null, // the name of the player whose game it is; null for a guest's
    best_before: null, // their best score in this mode when it began
    game: null, // the rules' Game
    turns: [], // [[tick, heading], ...]: all of the game's
    queue: [], // headings asked for that no tick has taken yet

    seen_at: 0, // when `advance` last looked at the clock
    clock: 0, // milliseconds since the last tick
    ready_ms: 0, // what is left to get ready in
    over_at: 0, // when the game ended here

    tail_left: null, // the cell that the tail left in the last tick, or null
    eaten: null, // the cell of the meal of the last tick, or null
    meals: [], // the ticks of all meals

    stored: 0, // the tick up to which the server has the game
    stored_ms: 0, // the same in milliseconds of play
    heard_at: 0, // when the server last answered
    pause_left: null, // seconds of pausing left then before the game is not ranked; null: no limit
    connection: FINE,
    retry_ms: 0, // the server wants to be left alone for so long
    back_at: -Infinity, // when the connection came back

    given_up: false,
    result: null, // the server's last word, once the game is over
    refused: null, // why there will be none, in words
  };
}
