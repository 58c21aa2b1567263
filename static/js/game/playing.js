/* The game as it is played here: from the clock to ticks, from the queue to turns, from start to end. */

import * as api from "../api.js";
import { Game, LEFT, MODES, OPPOSITE, RULES, tickMs } from "../rules.js";
import {
  IDLE, NEW_BEST, OPENING, OVER, PAUSED, PLAYING, READY, SIGNED_OUT, fresh, note, state, step,
} from "./state.js";
import { forget, keep, recall } from "../storage.js";
import { hurry, tell, tellLast } from "./sync.js";
import { DAILY, dayOf } from "../lib/format.js";

export { state };

export const READY_MS = 1050; // to get ready in, at the start and after a pause: three counts
const MOST_QUEUED = 3;
const LONGEST_FRAME_MS = 100; // of the getting ready: a longer one was a stall of the page
const ABANDONED_MS = 600_000; // after which the server ends a game that it hears nothing of

// From start to end

/** Opens a game at the server, on a new seed or on that of a challenge, and begins it. */
export async function start(mode, challenge = null) {
  if (![IDLE, OVER].includes(state.phase)) return;
  if (state.phase === OVER && state.connection === SIGNED_OUT) {
    state.refused = "Nobody has logged in to store it."; // rather than hold up whoever wants to play now
  }
  if (state.phase === OVER && !isSettled()) {
    state.wanted = { mode, challenge }; // a game that is not heard to the end would be ended as left by the next one
    return;
  }
  Object.assign(state, { phase: OPENING, trouble: null, wanted: null });
  try {
    begin(await open(mode, challenge), challenge);
  } catch (problem) {
    Object.assign(state, { phase: IDLE, trouble: problem.message });
  }
}

/** A visitor plays as a guest without being asked, and so does a guest whom the server has forgotten. */
async function open(mode, challenge) {
  const wasPlayer = api.isPlayer();
  if (!api.session.token) await api.guest();
  try {
    return await api.openGame(mode, challenge);
  } catch (problem) {
    if (problem.status !== 401 || wasPlayer) throw problem;
    await api.guest();
    return api.openGame(mode, challenge);
  }
}

/** Goes on with a game that this browser had begun before the page was closed: `played` is {turns, tick, challenge}. */
export function resume(opened, played) {
  if (state.phase !== IDLE) return;
  begin(opened, played.challenge?.asked, played);
}

/** The game that the server has opened, on the challenge that was `asked` for, as far as it was `played`. */
function begin(opened, asked, played = { turns: [], tick: 0 }) {
  const { id, mode, seed, rules, tick = 0, pause_left: pauseLeft, challenge, ranked } = opened;
  if (rules !== RULES) throw new Error("The server has newer rules than this page. Reload the page to play by them.");
  const game = new Game(seed, mode), turns = played.turns;
  game.advance(turns, tick);
  Object.assign(state, fresh(), { id, mode, seed, game, turns, stored: tick, storedMs: game.nominalMs, pauseLeft });
  game.advance(turns, played.tick);
  state.player = playerName();
  if (challenge) state.challenge = { ...nameChallenge(challenge, asked), counts: played.challenge?.counts ?? ranked };
  state.bestBefore = state.bests[bestKey(mode, state.challenge?.name)] ?? null;
  state.heardAt = state.seenAt = performance.now();
  if (game.outcome) end();
  else getReady();
  keepGame();
  tell(state, hear);
}

/** A challenge as the server names it and as it was `asked` for: `daily`, or any of the games that were played on it. */
function nameChallenge(name, asked = name) {
  return { name: dayOf(name) ? name : asked, asked };
}

/** The server's answer to a post: where it stands, and the result once the game is over. */
function hear(answer) {
  const abandoned = performance.now() - state.heardAt > ABANDONED_MS;
  Object.assign(state, { stored: answer.tick, heardAt: performance.now(), pauseLeft: answer.pause_left ?? null });
  state.player = playerName(); // a guest may have signed up since
  if (!answer.outcome) return;
  const isBest = answer.ranked && answer.score > (state.bestBefore ?? 0);
  state.result = { ...answer, abandoned, isBest };
  if (answer.ranked) noteBest(bestKey(state.mode, state.challenge?.name), answer.score);
  if (recall("game")?.id === state.id) forget("game");
  end();
}

function playerName() {
  return api.isPlayer() ? api.session.user.username : null;
}

function end() {
  if (state.phase !== OVER) Object.assign(state, { phase: OVER, overAt: performance.now(), queue: [] });
}

/** Puts a game that is over away, once the server has heard of it: the start is shown again. */
export function putAway() {
  if (state.phase === OVER && state.result) Object.assign(state, fresh(), { phase: IDLE });
}

/** How the game ended, or null while it goes on. */
export function outcome() {
  return state.result?.outcome ?? state.game?.outcome ?? (state.givenUp ? LEFT : null);
}

/** Whether the server has said its last word on the game. */
export function isSettled() {
  return Boolean(state.result || state.refused);
}

/** Ends the game as left, as soon as the server has all of it. */
export function giveUp() {
  if (![READY, PLAYING, PAUSED].includes(state.phase)) return;
  state.givenUp = true;
  end();
  keepGame();
  hurry();
}

// What the player does

/** Queues a turn, unless it leads on or back from where the queue leads; whether there was a game to turn in. */
export function turn(heading) {
  if (state.phase !== PLAYING && state.phase !== READY) return false;
  const { queue, game } = state;
  const last = queue.at(-1) ?? game.heading;
  if (heading !== last && heading !== OPPOSITE[last] && queue.length < MOST_QUEUED) queue.push(heading);
  return true;
}

export function pause() {
  if (state.phase !== PLAYING && state.phase !== READY) return;
  Object.assign(state, { phase: PAUSED, queue: [] });
  keepGame();
  hurry();
}

export function unpause() {
  if (state.phase === PAUSED && state.connection !== SIGNED_OUT) getReady();
}

function getReady() {
  Object.assign(state, { phase: READY, readyMs: READY_MS });
}

/** Whether the game was for a board when it began. */
export function counts() {
  return state.challenge?.counts ?? true;
}

/** Seconds of pausing left before the game is not ranked; null where there is no limit, or nothing to lose. */
export function pauseLeft(now) {
  if (state.pauseLeft === null || !counts()) return null;
  const idle = state.phase === PAUSED || state.phase === READY;
  return Math.max(0, state.pauseLeft - (idle ? (now - state.heardAt) / 1000 : 0));
}

/** Seconds of play that the server has not heard of yet. */
export function unheard() {
  return Math.max(0, Math.round((state.game.nominalMs - state.storedMs) / 1000));
}

// The clock

/** Lets the time up to `now` pass: `performance.now()`, or what requestAnimationFrame says. */
export function advance(now) {
  const elapsed = Math.max(0, now - state.seenAt);
  state.seenAt = now;
  if (state.connection === SIGNED_OUT) pause(); // what is played now might never be stored
  if (state.phase === READY) countIn(elapsed);
  if (state.phase === PLAYING) run(elapsed);
  if (state.phase !== OVER && state.refused) end();
  if (state.wanted && isSettled()) start(state.wanted.mode, state.wanted.challenge);
}

function countIn(elapsed) {
  state.readyMs -= Math.min(elapsed, LONGEST_FRAME_MS);
  if (state.readyMs <= 0) state.phase = PLAYING;
}

/** One tick at most: after a stall the game goes on from where it stood rather than catch up at a burst. */
function run(elapsed) {
  const length = tickMs(state.game.score);
  state.clock += Math.min(elapsed, length);
  if (state.clock < length) return;
  state.clock -= length;
  tick();
}

function tick() {
  const { game, turns, queue, bestBefore } = state, score = game.score;
  if (queue.length) turns.push([game.ticks + 1, queue.shift()]);
  step(state, state.seenAt);
  if (bestBefore && counts() && score <= bestBefore && game.score > bestBefore) note(state, NEW_BEST, state.seenAt);
  if (!game.outcome) return;
  end();
  keepGame();
  hurry();
}

/** How far the snake has come since the last tick on its way to the next, 0 to 1. */
export function progress() {
  return state.game && state.phase !== OVER ? Math.min(1, state.clock / tickMs(state.game.score)) : 1;
}

// What outlives the page

/** Keeps the game for the case that this page is gone before the server has heard all of it. */
function keepGame() {
  const { id, mode, seed, turns, game, challenge } = state, user = api.session.user?.id;
  if (id && !isSettled()) keep("game", { id, mode, seed, turns, tick: game.ticks, challenge, user });
}

/** The page is about to be closed, or set aside. */
export function part() {
  if (!state.id || isSettled()) return;
  pause();
  keepGame();
  tellLast(state);
}

// What the server knows of the player. It is welcome where it comes, and nobody is bothered where it doesn't.

/** The player has chosen a mode: shows its pit, if none is being played in, and their best score in what is chosen. */
export function prepare(mode) {
  if (state.phase === IDLE) state.mode = mode;
  const kept = recall("bests"), user = api.session.user, { chosen } = state;
  state.bests = user && kept?.user === user.id ? kept.scores : {};
  if (!api.isPlayer() || (chosen && !isKnown(chosen))) return;
  api.myRank(mode, chosen?.name).then((found) => {
    noteBest(bestKey(mode, chosen?.name), found.score ?? 0);
    if (chosen) chosen.standing = { ...found, mode };
  }, () => {});
}

/** Whether one can tell of which mode the challenge is: a game brings its own. */
function isKnown({ name, target }) {
  return Boolean(target || dayOf(name));
}

/** What a best score is remembered by: its mode; in a challenge its mode and the challenge, which is no other's. */
export function bestKey(mode, challenge = null) {
  if (!challenge) return mode;
  const day = dayOf(challenge);
  return `${mode} ${day ? `${DAILY}/${day}` : challenge}`;
}

/** Those of challenges are remembered as long as the page. */
function noteBest(key, score) {
  state.bests[key] = Math.max(score, state.bests[key] ?? 0);
  const scores = Object.fromEntries(MODES.map((mode) => [mode, state.bests[mode]]));
  keep("bests", { user: api.session.user?.id, scores });
}

/** A guest who has signed up after a game stands on the board now. */
export function refreshRank() {
  const { result, mode, challenge } = state;
  if (!result || result.rank || !api.isPlayer()) return;
  api.myRank(mode, challenge?.name).then(({ rank }) => Object.assign(result, { rank }), () => {});
}
