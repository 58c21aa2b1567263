/* Uploads the game: new turns and the tick reached, one post at a time, until the server has its end.

The game never waits for this. A post that fails is repeated, with all that was played since. If the server is at another
tick, it responds with 409 and that tick, so nothing is lost and nothing counts twice. */

import { game, isPlayer, leaveGame, myRank, postTurns, retryDelayMs, session } from "../api.js";
import { t } from "../lib/language.js";
import { FINE, LOST, OVER, PAUSED, SIGNED_OUT, state } from "./state.js";

const INTERVAL_MS = 1000;
const PAUSED_MS = 3000; // a keep-alive, so that the game still counts as live
const ENDED_MS = 250; // after the end of a round, until the server knows it, too
const MAX_TURNS = 4000; // in one post: at most 14 bytes each, so well below the server's 64 KiB
const MAX_FAILURES = 8; // in a row, over half a minute: the server won't accept these turns

const REJECTIONS = { // keys by status, where there is more to say than in the server's problem
  401: "sync.guestGone", 403: "sync.otherAccount", 404: "sync.gameGone",
};

/** Post now rather than at the next second. */
export let syncNow = () => {};

/** Upload the game until it is settled. `onResponse` takes each response, `onRejection` a reason in words. */
export async function syncLoop({ onResponse, onRejection, onSignedOut }) {
  const isOpen = () => !state.result && !state.rejection;
  let failures = 0, more = false;
  while (isOpen()) {
    await sleep(delay(failures, more));
    if (!isOpen()) return;
    if (state.connection === SIGNED_OUT && !session.token) continue;
    try {
      more = await post(onResponse);
      failures = 0;
      if (hasDiverged()) onRejection(t("sync.diverged"));
    } catch (problem) {
      failures++;
      handleError(problem, failures, { onResponse, onRejection, onSignedOut });
    }
  }
}

/** The last post of a page that is being closed, which can't wait for a response. */
export function sendFinal() {
  const batch = pendingBatch();
  if (batch.tick > batch.since) postTurns(state.id, batch, { keepalive: true }).catch(() => {});
}

/** Post as much as fits of what the server doesn't have. Return whether there is more. */
async function post(onResponse) {
  const batch = pendingBatch(), playedMs = state.game.nominalMs;
  const leaves = state.gaveUp && batch.since === batch.tick;
  const response = await (leaves ? leave() : postTurns(state.id, batch));
  if (state.connection === LOST) state.reconnectedAt = performance.now();
  Object.assign(state, { connection: FINE, syncedMs: playedMs });
  onResponse(response);
  return state.syncedTick < state.game.ticks && batch.turns.length === MAX_TURNS;
}

/** End the game as left. Return what a post would have. */
async function leave() {
  const { id, mode, challenge, previousBest } = state;
  await leaveGame(id);
  const { status, tick, score, outcome, ranked } = await game(id);
  const { rank, score: best } = isPlayer() && !state.round ? await myRank(mode, challenge?.name).catch(noRank) : noRank();
  return { status, tick, score, outcome, ranked, rank, personal_best: best ?? Math.max(score, previousBest) };
}

/** The standing of a guest; and in a challenge whose game is deleted. */
function noRank(problem = null) {
  if (problem && problem.status !== 404) throw problem;
  return { rank: null, score: null };
}

function pendingBatch() {
  const { turns, syncedTick, game } = state;
  const pending = turns.filter(([tick]) => tick > syncedTick), fitting = pending.slice(0, MAX_TURNS);
  return { since: syncedTick, tick: pending.length > MAX_TURNS ? fitting.at(-1)[0] : game.ticks, turns: fitting };
}

/** Two browsers that play the same game post different turns: it has ended here, but not at the server. */
function hasDiverged() {
  return state.game.outcome && !state.result && state.syncedTick >= state.game.ticks;
}

function handleError(problem, failures, { onResponse, onRejection, onSignedOut }) {
  const { status, body, isTransient } = problem, isSignedOut = status === 401 && !session.token;
  state.connection = isTransient ? LOST : isSignedOut ? SIGNED_OUT : FINE;
  state.retryMs = retryDelayMs(failures, problem);
  if (isTransient) return;
  if (isSignedOut) onSignedOut();
  if (status === 409 && "tick" in body) onResponse({ ...body, ...body.game });
  else if (isFinal(status, failures)) onRejection(status in REJECTIONS ? t(REJECTIONS[status]) : problem.message);
}

function isFinal(status, failures) {
  if (state.connection === SIGNED_OUT) return !state.player; // nobody can log in as a guest
  return status === 403 || status === 404 || failures >= MAX_FAILURES;
}

/** Milliseconds to wait before the next post. */
function delay(failures, more) {
  if (state.connection === SIGNED_OUT) return Infinity; // until `syncNow` after a log-in
  if (failures) return state.retryMs;
  if (more || state.gaveUp || state.game.outcome) return 0;
  if (state.phase === OVER) return ENDED_MS;
  const usual = state.phase === PAUSED ? PAUSED_MS : INTERVAL_MS;
  return isLastSecond(usual) ? Math.max(usual, state.round.endsAt - performance.now()) : usual;
}

/** Whether the next post could reach the server after the end of a round, without the ticks until then. `end` wakes the loop. */
function isLastSecond(usual) {
  return state.round && state.round.endsAt - performance.now() < usual + INTERVAL_MS;
}

function sleep(ms) {
  return new Promise((resolve) => {
    syncNow = resolve;
    if (ms < Infinity) setTimeout(resolve, ms);
  });
}
