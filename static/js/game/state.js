/* What is known of the game that is played here. playing.js, sync.js, next-rank.js, challenge.js and ghost.js change it, the
rest only shows it. */

import { WALLS, WON } from "../rules.js";

// The phases of a game
export const IDLE = "idle", OPENING = "opening", READY = "ready", PLAYING = "playing", PAUSED = "paused", OVER = "over";

// The connection, as the player should know it
export const FINE = "fine", LOST = "lost", SIGNED_OUT = "signed out";

// What happens in a game that is worth a moment of its own
export const ATE = "ate", DIED = "died", NEW_BEST = "new best", OVERTOOK = "overtook";

const MOST_MOMENTS = 8; // remembered: more than are ever seen at once

export const state = {
  phase: IDLE,
  mode: WALLS,
  bests: {}, // the player's best scores as far as known, by what `bestKey` in playing.js says
  chosen: undefined, // the challenge that the address asks for: {name, target, standing, problem}, see start.js; or null
  trouble: null, // why no game could be opened, in words
  wanted: null, // {mode, challenge} of the next game, which waits until the server has heard the end of this one

  ...fresh(),
};

/** What begins anew with each game. */
export function fresh() {
  return {
    id: null,
    seed: null,
    player: null, // the name of the player whose game it is; null for a guest's
    challenge: null, // that this game is on: {name, asked, counts}, by its full name and as it was asked for; `counts`:
    // whether it was for the board when it began, as a second try of a daily challenge is not
    target: null, // the game that is to be beaten, as the server records it, and whether it `isOwn`
    ghost: null, // a playback of the same
    bestBefore: null, // their best score in this mode, or in this challenge, when it began
    rival: null, // the entry of the board that is to be beaten next, null while unknown or if there is none
    leads: false, // nobody's score on the board is above this one
    ...scene(),
    queue: [], // headings asked for that no tick has taken yet

    seenAt: 0, // when `advance` last looked at the clock
    clock: 0, // milliseconds since the last tick
    readyMs: 0, // what is left to get ready in

    stored: 0, // the tick up to which the server has the game
    storedMs: 0, // the same in milliseconds of play
    heardAt: 0, // when the server last answered
    pauseLeft: null, // seconds of pausing left then before the game is not ranked; null: no limit
    connection: FINE,
    retryMs: 0, // the server wants to be left alone for so long
    backAt: -Infinity, // when the connection came back

    givenUp: false,
    result: null, // the server's last word, once the game is over
    refused: null, // why there will be none, in words
  };
}

/** What there is to see of a game: of the one played here, or of one that is shown again. */
export function scene(game = null, turns = []) {
  return {
    game, // the rules' Game
    turns, // [[tick, heading], ...]: all of the game's
    tailLeft: null, // the cell that the tail left in the last tick, or null
    eaten: null, // the cell of the meal of the last tick, or null
    meals: [], // the ticks of all meals
    overAt: 0, // when the game ended here
    moments: [], // the latest of what happened: [{what, at, ...}]
  };
}

/** Plays one tick of a scene at the time `now`, in milliseconds. */
export function step(scene, now) {
  const { game, turns } = scene;
  const tail = game.body.at(-1), food = game.food, score = game.score, at = game.ticks + 1;
  game.advance(turns, at);
  const ate = game.score > score;
  scene.eaten = ate ? food : null;
  scene.tailLeft = ate || game.outcome ? null : tail;
  if (ate) {
    scene.meals.push(at);
    note(scene, ATE, now, { cell: food, points: game.score - score, length: game.body.length });
  }
  if (game.outcome && game.outcome !== WON) note(scene, DIED, now, { cell: game.body[0] });
}

/** Remembers that something happened. */
export function note({ moments }, what, at, more = {}) {
  moments.push({ what, at, ...more });
  if (moments.length > MOST_MOMENTS) moments.shift();
}
