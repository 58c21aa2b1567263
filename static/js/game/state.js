/* The state of the game that is played here. Only playing.js, sync.js, start.js, daily.js, next-rank.js, challenge.js, ghost.js
and offline.js change it; each field says which, where it isn't playing.js. */

import { emit } from "../lib/dom.js";
import { POINTS, STARVES_AFTER, WALLS, WON, tickMs } from "../rules.js";

// The phases of a game
export const IDLE = "idle", OPENING = "opening", READY = "ready", PLAYING = "playing", PAUSED = "paused", OVER = "over";

// The connection, as the player should know it
export const FINE = "fine", LOST = "lost", SIGNED_OUT = "signed out";

// Events of a scene. Those of the game played here are emitted, too: `on(ATE, listener)`
export const ATE = "ate", DIED = "died", NEW_BEST = "new best", OVERTOOK = "overtook";

const CONTACT = 0.5; // of the way to the next cell: there the mouth reaches the egg
export const WARNING_TICKS = 150; // before the snake starves
const MAX_EVENTS = 8; // more than are ever visible at once

export const state = {
  phase: IDLE,
  mode: WALLS,
  bests: {}, // the player's best scores as far as known, by `bestKey` in playing.js
  selection: undefined, // the challenge that the address names: {name, target, standing, problem}, or null; start.js
  isOffline: false, // the server can't be reached, so games are practice; offline.js
  startError: null, // why no game could be opened: its `message` is in the language of the page; also start.js, challenge.js, offline.js
  daily: null, // {date, modes}: the server's record of that day's challenge by mode; play/daily.js
  nextGame: null, // {mode, challenge} to open as soon as this game is settled
  isDeciding: false, // whether a new game may end that of another tab; start.js
  early: [], // headings for a game that is not open yet

  ...fresh(),
};

/** Whether the game is practice, of which the server doesn't know. */
export const isPractice = () => Boolean(state.game && !state.id);

/** The fields that each game resets. */
export function fresh() {
  return {
    id: null,
    seed: null,
    player: null, // the name of the player whose game it is; null for a guest's
    challenge: null, // {name, asked, counts}: its full name, the name it was opened by, and whether the game was for its
    // leaderboard when it began, as a second try of a daily challenge is not
    round: null, // of a room, that the game is played in; rooms/match.js
    target: null, // the game to beat, as the server records it, and whether it `isOwn`; challenge.js
    ghost: null, // a playback of the same; ghost.js
    previousBest: null, // the player's best score in this mode, or in this challenge, when it began
    rival: null, // the next leaderboard entry to beat, null while unknown or if there is none; next-rank.js
    isLeading: false, // nobody's score on the leaderboard is above this one; next-rank.js
    ...scene(),
    queue: [], // headings that no tick has taken yet

    seenAt: 0, // when `advance` last ran
    clock: 0, // milliseconds since the last tick
    readyMs: 0, // what is left of the count-in

    syncedTick: 0, // the tick up to which the server has the game
    syncedMs: 0, // the same in milliseconds of play; sync.js
    lastResponseAt: 0,
    pauseLeft: null, // seconds of pausing left at the last response before the game is not ranked; null: no limit
    connection: FINE, // sync.js
    retryMs: 0, // how long to wait before the next try; sync.js
    reconnectedAt: -Infinity, // sync.js, offline.js

    gaveUp: false,
    result: null, // the server's response to the last post, once the game is over
    rejection: null, // why there will be no result, in words
  };
}

/** What is visible of a game: of the one played here, or of a playback. */
export function scene(game = null, turns = []) {
  return {
    game, // the rules' Game
    turns, // [[tick, heading], ...]: all of the game's
    tailLeft: null, // the cell that the tail left in the last tick, or null
    eaten: null, // the cell of the meal of the last tick, or null
    isReaching: false, // the mouth has not reached that meal yet
    meals: [], // the ticks of all meals
    overAt: 0, // when the game ended here
    events: [], // the latest: [{type, at, ...}]
  };
}

/** Play one tick of a scene at the time `now`, in milliseconds. */
export function step(scene, now) {
  const { game, turns } = scene;
  bite(scene, now); // if no frame fell between contact and tick
  const tail = game.body.at(-1), food = game.food, score = game.score, at = game.ticks + 1;
  game.advance(turns, at);
  const ate = game.score > score;
  scene.eaten = ate ? food : null;
  scene.tailLeft = ate || game.outcome ? null : tail;
  scene.isReaching = ate;
  if (ate) scene.meals.push(at);
  if (game.outcome && game.outcome !== WON) addEvent(scene, DIED, now, { cell: game.body[0] });
}

/** Called when `scene.clock` has moved: the mouth may have reached the egg of the last tick. */
export function checkContact(scene, now) {
  if (progress(scene) >= CONTACT) bite(scene, now);
}

function bite(scene, now) {
  if (!scene.isReaching) return;
  scene.isReaching = false;
  addEvent(scene, ATE, now, { cell: scene.eaten, points: POINTS, length: scene.game.body.length });
}

/** The score as the picture has it: an egg counts when the mouth reaches it. */
export function shownScore({ game, isReaching }) {
  return game ? game.score - (isReaching ? POINTS : 0) : 0;
}

/** How many ticks are left before the snake starves; null while it is fed. */
export function starvesIn({ game }) {
  const left = game ? STARVES_AFTER - game.hunger : STARVES_AFTER;
  return left > 0 && left <= WARNING_TICKS ? left : null;
}

/** How far the snake has come since the last tick on its way to the next, 0 to 1. */
export function progress({ phase, clock, game }) {
  return game && phase !== OVER ? Math.min(1, clock / tickMs(game.score)) : 1;
}

export function addEvent(scene, type, at, details = {}) {
  const event = { type, at, ...details };
  scene.events.push(event);
  if (scene.events.length > MAX_EVENTS) scene.events.shift();
  if (scene === state) emit(type, event);
}
