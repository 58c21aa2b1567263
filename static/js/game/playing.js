/* The game played here: from the clock to ticks, from the queue to turns, from start to end. */

import * as api from "../api.js";
import { OPENED, OPEN_ELSEWHERE, POSTED, SESSION, SETTLED, START_FAILED, emit, on } from "../lib/dom.js";
import { DAILY, dayOf, outcomeName } from "../lib/format.js";
import { t } from "../lib/language.js";
import { Game, LEFT, MODES, OPPOSITE, POINTS, RULES, tickMs } from "../rules.js";
import { load, remove, save } from "../storage.js";
import {
  ATE, IDLE, NEW_BEST, OPENING, OVER, PAUSED, PLAYING, READY, SIGNED_OUT, addEvent, checkContact, fresh, isPractice,
  state, step,
} from "./state.js";

export const READY_MS = 1050; // of the count-in at the start and after a pause: three counts
const MAX_QUEUED = 3;
const MAX_FRAME_MS = 100; // of the count-in: a longer frame is a stall of the page
const RETRY_MS = 2000; // before the module that uploads is requested again
const GAME_OPEN = "game_open"; // the server's code
const ABANDONED_MS = 600_000; // after which the server ends a game without posts

// From start to end

/** Open a game on a new seed or on that of a challenge, and begin it. `ends` is the id of the player's open game that it may
end; another one is not ended without asking. */
export async function start(mode, challenge = null, ends = state.id) {
  if (![IDLE, OVER].includes(state.phase)) return;
  state.nextGame = null;
  if (state.phase === OVER && state.connection === SIGNED_OUT) reject(t("sync.notLoggedIn"));
  if (state.phase === OVER && !isSettled()) {
    state.nextGame = { mode, challenge }; // opening it now would end this game as left
    return;
  }
  const before = state.phase;
  Object.assign(state, { phase: OPENING, startError: null });
  try {
    begin(await open(mode, challenge, ends), challenge);
  } catch (problem) {
    if (problem.code === GAME_OPEN) {
      state.phase = before;
      return emit(OPEN_ELSEWHERE, problem.params, () => start(mode, challenge, problem.params.game));
    }
    Object.assign(state, { phase: IDLE, startError: problem, early: [] });
    emit(START_FAILED);
  }
}

/** Visitors become guests, and so does a guest whom the server has deleted. Without the server there is practice. */
async function open(mode, challenge, ends) {
  if (state.isOffline && !challenge) return (await import("./practice.js")).openPractice(mode);
  const wasPlayer = api.isPlayer();
  if (!api.session.token) await api.guest();
  try {
    return await api.openGame(mode, challenge, ends);
  } catch (problem) {
    if (problem.status !== 401 || wasPlayer) throw problem;
    await api.guest();
    return api.openGame(mode, challenge, ends);
  }
}

/** Begin the game that the server opened for the challenge `asked`. `played` is how far this browser played it before the
page was closed: {turns, tick, challenge}. */
export function begin(opened, asked, played = { turns: [], tick: 0 }, round = null) {
  const { id, mode, seed, rules, tick = 0, pause_left: pauseLeft, challenge, ranked } = opened;
  if (rules !== RULES) throw new Error(t("sync.newerRules"));
  const game = new Game(seed, mode), turns = played.turns;
  game.advance(turns, tick);
  Object.assign(state, fresh(), { id, mode, seed, game, turns, round, syncedTick: tick, syncedMs: game.nominalMs, pauseLeft });
  game.advance(turns, played.tick);
  state.player = playerName();
  if (challenge) {
    const name = dayOf(challenge) ? challenge : asked ?? challenge; // any of the games that were played on it
    state.challenge = { name, asked: asked ?? challenge, counts: played.challenge?.counts ?? ranked };
  }
  state.previousBest = state.bests[bestKey(mode, state.challenge?.name)] ?? null;
  state.lastResponseAt = state.seenAt = performance.now();
  if (game.outcome) end();
  else getReady();
  for (const heading of state.early.splice(0)) turn(heading);
  saveGame();
  upload();
  emit(OPENED);
}

let sync = null; // sync.js, which comes with the first game, or practice.js in its place

async function upload() {
  try {
    sync = await (isPractice() ? import("./practice.js") : import("./sync.js"));
  } catch {
    setTimeout(upload, RETRY_MS);
    return;
  }
  sync.syncLoop({ onResponse, onRejection: reject, onSignedOut: pause });
}

on(SESSION, () => sync?.syncNow()); // a post may wait for a log-in

/** The server's state of the game after a post, with the result once the game is over. */
function onResponse(response) {
  const abandoned = performance.now() - state.lastResponseAt > ABANDONED_MS;
  const { tick, pause_left: pauseLeft = null, score, outcome, ranked } = response;
  Object.assign(state, { syncedTick: tick, lastResponseAt: performance.now(), pauseLeft });
  state.player = playerName(); // a guest may have signed up since
  emit(POSTED, response);
  if (!outcome) return;
  state.result = { ...response, abandoned, isBest: ranked && score > (state.previousBest ?? 0) };
  if (ranked && !state.round) recordBest(bestKey(state.mode, state.challenge?.name), score);
  if (load("game")?.id === state.id) remove("game");
  settle();
}

/** There will be no result; `reason` says why. */
function reject(reason) {
  state.rejection = reason;
  settle();
}

function settle() {
  const next = state.nextGame;
  end();
  emit(SETTLED);
  if (next) start(next.mode, next.challenge);
}

function playerName() {
  return api.isPlayer() ? api.session.user.username : null;
}

function end() {
  if (state.phase === OVER) return;
  Object.assign(state, { phase: OVER, overAt: performance.now(), queue: [] });
  checkContact(state, state.overAt);
  saveGame();
  sync?.syncNow();
}

/** Return to the start card from a game that is over, once the server has it. */
export function reset() {
  if (state.phase === OVER && state.result) Object.assign(state, fresh(), { phase: IDLE });
}

/** How the game ended, or null while it goes on. */
export function outcome() {
  return state.result?.outcome ?? state.game?.outcome ?? (state.gaveUp ? LEFT : null);
}

/** The same in words for the player. */
export function ending() {
  if (outcome() === LEFT) return t(state.gaveUp ? "result.left" : "result.elsewhere");
  return outcome() ? outcomeName(outcome()) : t("result.ended");
}

export function isSettled() {
  return Boolean(state.result || state.rejection);
}

/** End the game as left, as soon as the server has all of it. */
export function giveUp() {
  if (![READY, PLAYING, PAUSED].includes(state.phase)) return;
  state.gaveUp = true;
  end();
}

// What the player does

/** Queue a turn, unless it leads on or back from the last one queued; save it if the game is not open yet. Return whether
there is a game to turn in. */
export function turn(heading) {
  const { phase, nextGame, isDeciding, early, queue, game } = state;
  if (phase === OPENING || nextGame || isDeciding) {
    if (early.length < MAX_QUEUED) early.push(heading);
    return true;
  }
  if (phase !== PLAYING && phase !== READY) return false;
  const last = queue.at(-1) ?? game.heading;
  if (heading !== last && heading !== OPPOSITE[last] && queue.length < MAX_QUEUED) queue.push(heading);
  return true;
}

export function pause() {
  if (state.phase !== PLAYING && state.phase !== READY) return;
  Object.assign(state, { phase: PAUSED, queue: [] });
  saveGame();
  sync?.syncNow();
}

export function unpause() {
  if (state.phase === PAUSED && state.connection !== SIGNED_OUT) getReady();
}

/** Count in; in a round nobody waits after its start. The snake rests in its cell: its next tick is due when that is over. */
function getReady() {
  const readyMs = state.round && !state.game.ticks ? 0 : READY_MS;
  Object.assign(state, { phase: READY, readyMs, clock: tickMs(state.game.score) });
  checkContact(state, performance.now());
}

/** Whether the game was for a leaderboard when it began. */
export function isRankedAttempt() {
  return !isPractice() && (state.challenge?.counts ?? true);
}

/** Seconds of pausing left before the game is not ranked; null where there is no limit, or nothing to lose. */
export function pauseLeft(now) {
  if (state.pauseLeft === null || !isRankedAttempt()) return null;
  const idle = state.phase === PAUSED || state.phase === READY;
  return Math.max(0, state.pauseLeft - (idle ? (now - state.lastResponseAt) / 1000 : 0));
}

// The clock

/** Let the time up to `now` pass: `performance.now()`, or the time of requestAnimationFrame. */
export function advance(now) {
  const elapsed = Math.max(0, now - state.seenAt), isReady = state.phase === READY, { round } = state;
  state.seenAt = now;
  if (round?.endsAt <= now && [READY, PLAYING, PAUSED].includes(state.phase)) end();
  if (isReady) {
    state.readyMs = round?.startsAt > now - elapsed ? round.startsAt - now : state.readyMs - Math.min(elapsed, MAX_FRAME_MS);
    if (state.readyMs <= 0) state.phase = PLAYING;
  }
  if (state.phase === PLAYING) run(isReady ? 0 : elapsed);
}

/** Play one tick at most: after a stall the game continues from where it was, without a burst. */
function run(elapsed) {
  const { game, turns, queue } = state, length = tickMs(game.score);
  state.clock += Math.min(elapsed, length);
  if (state.clock < length) return checkContact(state, state.seenAt);
  state.clock -= length;
  if (queue.length) turns.push([game.ticks + 1, queue.shift()]);
  step(state, state.seenAt);
  if (game.outcome) end();
}

on(ATE, () => {
  const { game: { score }, previousBest, seenAt } = state;
  const isNewBest = previousBest && score > previousBest && score - POINTS <= previousBest;
  if (isNewBest && isRankedAttempt()) addEvent(state, NEW_BEST, seenAt);
});

// What outlives the page

/** Save the game in case the page is gone before the server has all of it. */
function saveGame() {
  const { id, mode, seed, turns, game, challenge, round } = state, user = api.session.user?.id;
  if (id && !isSettled()) save("game", { id, mode, seed, turns, tick: game.ticks, challenge, user, round });
}

/** The page is about to be closed, or set aside. */
export function onPageHide() {
  if (!state.id || isSettled()) return;
  pause();
  saveGame();
  sync?.sendFinal();
}

// What the server knows of the player: shown when it comes, and not missed when it doesn't

/** The player has selected a mode: show its pit, unless a game is on, and fetch their best score. */
export function prepare(mode) {
  if (state.phase === IDLE) state.mode = mode;
  const saved = load("bests"), user = api.session.user, { selection } = state;
  state.bests = user && saved?.user === user.id ? saved.scores : {};
  const isModeKnown = !selection || selection.target || dayOf(selection.name); // a game to beat brings its own
  if (!api.isPlayer() || !isModeKnown) return;
  api.myRank(mode, selection?.name).then((standing) => {
    recordBest(bestKey(mode, selection?.name), standing.score ?? 0);
    if (selection) selection.standing = { ...standing, mode };
  }, () => {});
}

/** The key of a best score: its mode; in a challenge its mode and the challenge. */
export function bestKey(mode, challenge = null) {
  if (!challenge) return mode;
  const day = dayOf(challenge);
  return `${mode} ${day ? `${DAILY}/${day}` : challenge}`;
}

/** Best scores of challenges are not saved beyond the page. */
function recordBest(key, score) {
  state.bests[key] = Math.max(score, state.bests[key] ?? 0);
  const scores = Object.fromEntries(MODES.map((mode) => [mode, state.bests[mode]]));
  save("bests", { user: api.session.user?.id, scores });
}
