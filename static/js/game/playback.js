/* A playback of a game from its seed and turns: a scene that time plays, or that moves to any tick. Replays, watched games
and ghosts are playbacks.

The game is known up to the tick `known.ticks`, and more may come (`extend`). The fields of state.js's scene, with `id`,
`mode` and `phase`, are what draw/board.js draws. */

import { Game, tickMs } from "../rules.js";
import { OVER, PAUSED, PLAYING, checkContact, scene, step } from "./state.js";

const KEYFRAME_TICKS = 1000; // between two saved states
const MAX_STEPS = 200; // in one frame
const MAX_FRAME_MS = 100; // a longer frame is a stall, or the page was hidden: nothing is caught up
const END_MS = 4000; // for which the end is shown before it begins again

/** A playback at tick 0 of the server's record: {id, mode, seed, turns, tick}, and `outcome` if the game is over. */
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

/** Add `turns`: the game is known up to `tick` now, and with an `outcome` over there. */
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

/** Play so many milliseconds of the game's own time, at the time `now`; stop where no more is known. */
export function play(playback, ms, now) {
  if (playback.phase !== PLAYING) return;
  playback.clock += ms;
  for (let steps = 0; playback.clock >= tickMs(playback.game.score); steps++) {
    if (isAtEnd(playback)) {
      playback.clock = tickMs(playback.game.score);
      if (playback.outcome) Object.assign(playback, { phase: OVER, overAt: now });
      break;
    }
    if (steps === MAX_STEPS) break;
    playback.clock -= tickMs(playback.game.score);
    step(playback, now);
  }
  checkContact(playback, now);
}

/** Play the time since the last call. Return whether the end has been shown for long enough. */
export function playOn(playback, now) {
  play(playback, Math.min(MAX_FRAME_MS, now - (playback.seenAt ?? now)), now);
  playback.seenAt = now;
  return playback.phase === OVER && now - playback.overAt > END_MS;
}

/** Move to a tick, or to the last one known, without any motion. */
export function goTo(playback, tick, now) {
  const { allMeals, known, phase } = playback, target = Math.max(0, Math.min(tick, known.ticks));
  Object.assign(playback, scene(bringNear(playback, target), playback.turns));
  playback.meals = allMeals.filter((meal) => meal.tick < target).map((meal) => meal.tick);
  if (target > 0) step(playback, now);
  Object.assign(playback, { events: [], isReaching: false, clock: tickMs(playback.game.score) });
  if (phase === OVER) playback.phase = PAUSED;
  if (isAtEnd(playback) && playback.outcome) Object.assign(playback, { phase: OVER, overAt: -Infinity });
}

/** The game at the tick before `target`, from its current tick or from a keyframe. */
function bringNear({ game, mode, turns, keyframes }, target) {
  const before = Math.max(0, target - 1), keyframe = Math.floor(before / KEYFRAME_TICKS);
  const isBetween = game.ticks <= before && game.ticks >= keyframe * KEYFRAME_TICKS && !game.outcome;
  const near = isBetween ? game : Game.load(mode, keyframes[keyframe]);
  near.advance(turns, before);
  return near;
}

export function isAtEnd({ game, known }) {
  return game.ticks >= known.ticks;
}

/** Milliseconds of the game's own time that have been played. */
export function playedMs({ game, clock }) {
  return game.nominalMs + clock;
}
