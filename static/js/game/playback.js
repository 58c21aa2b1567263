/* A game shown from its seed and its turns, wherever they come from: a scene that time plays on, or that is moved to any
tick. Replays, games that are being watched, and ghosts are each one of these.

It knows the game up to some tick, `known.ticks`, and more of it may come (`extend`). What draw/board.js draws are the
fields of state.js's scene, and `id`, `mode` and `phase`. */

import { Game, tickMs } from "../rules.js";
import { OVER, PAUSED, PLAYING, scene, step } from "./state.js";

const KEYFRAME_TICKS = 1000; // between two states that are kept to go back to
const MOST_STEPS = 200; // in one frame

/** A playback at tick 0 of a game as the server records it: {id, mode, seed, turns, tick}, and `outcome` if it is over. */
export function openPlayback({ id, mode, seed, turns = [], tick, outcome = null }) {
  const playback = {
    id,
    mode,
    seed,
    phase: PLAYING,
    clock: 0, // milliseconds since the last tick
    ...scene(new Game(seed, mode), []),
    known: new Game(seed, mode), // the game as far as it is known
    allMeals: [], // of the game as far as it is known: {tick, length}
    keyframes: [], // what Game.load takes, one each KEYFRAME_TICKS, the first at tick 0
    outcome: null, // how the game ended; null while more may come
  };
  playback.keyframes.push(playback.known.save());
  extend(playback, turns, tick, outcome);
  return playback;
}

/** The game is known up to `tick` now; `turns` are those after what was known. With an `outcome` it is over there. */
export function extend(playback, turns, tick, outcome = null) {
  const { known, allMeals, keyframes } = playback;
  for (const turn of turns) if (turn[0] > known.ticks) playback.turns.push(turn);
  while (known.ticks < tick && !known.outcome) {
    const score = known.score;
    known.advance(playback.turns, known.ticks + 1);
    if (known.score > score) allMeals.push({ tick: known.ticks, length: known.body.length });
    if (known.ticks % KEYFRAME_TICKS === 0 && !known.outcome) keyframes.push(known.save());
  }
  playback.outcome = outcome ?? known.outcome;
}

/** Plays on by so many milliseconds of the game's own time, at the time `now`; stops where no more is known. */
export function play(playback, ms, now) {
  if (playback.phase !== PLAYING) return;
  playback.clock += ms;
  for (let steps = 0; playback.clock >= tickMs(playback.game.score); steps++) {
    if (isAtEnd(playback)) {
      playback.clock = tickMs(playback.game.score);
      if (playback.outcome) Object.assign(playback, { phase: OVER, overAt: now });
      return;
    }
    if (steps === MOST_STEPS) return;
    playback.clock -= tickMs(playback.game.score);
    step(playback, now);
  }
}

/** Moves to a tick, as far as it is known, where nothing moves any more until it is played on. */
export function goTo(playback, tick, now) {
  const { allMeals, known, phase } = playback, target = Math.max(0, Math.min(tick, known.ticks));
  Object.assign(playback, scene(bringNear(playback, target), playback.turns));
  playback.meals = allMeals.filter((meal) => meal.tick < target).map((meal) => meal.tick);
  if (target > 0) step(playback, now);
  playback.moments = [];
  playback.clock = tickMs(playback.game.score);
  if (phase === OVER) playback.phase = PAUSED;
  if (isAtEnd(playback) && playback.outcome) Object.assign(playback, { phase: OVER, overAt: -Infinity });
}

/** The game at the tick before `target`, from where it stands or from a keyframe. */
function bringNear({ game, mode, turns, keyframes }, target) {
  const before = Math.max(0, target - 1), keyframe = Math.floor(before / KEYFRAME_TICKS);
  const standsWell = game.ticks <= before && game.ticks >= keyframe * KEYFRAME_TICKS && !game.outcome;
  const near = standsWell ? game : Game.load(mode, keyframes[keyframe]);
  near.advance(turns, before);
  return near;
}

export function isAtEnd({ game, known }) {
  return game.ticks >= known.ticks;
}

/** How far the snake has come since the last tick on its way to the next, 0 to 1. */
export function progress({ phase, clock, game }) {
  return phase === OVER ? 1 : Math.min(1, clock / tickMs(game.score));
}

/** Milliseconds of the game's own time that are played here. */
export function playedMs({ game, clock }) {
  return game.nominalMs + clock;
}
