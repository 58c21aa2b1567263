/* Tells the server how the game goes: new turns and the tick reached, one post at a time, until it has heard the end.

The game never waits for this. A post that fails is made again, with all that was played since; what the server has
heard already it refuses with 409 and the tick at which it stands, so nothing is lost and nothing counts twice. */

import { game, isPlayer, leaveGame, myRank, postTurns, session } from "../api.js";
import { FINE, LOST, OVER, PAUSED, SIGNED_OUT } from "./state.js";

const EVERY_MS = 1000;
const PAUSED_MS = 3000; // a sign of life, so that the game still counts as live
const BACKOFF_MS = [500, 1000, 2000, 4000, 5000];
const MOST_TURNS = 4000; // in one post: at most 14 bytes each, so well below the server's 64 KiB
const MOST_REFUSALS = 8; // in a row, over half a minute: the server won't change its mind about these turns

const REFUSALS = { // by status, where there is more to say than the server knows
  401: "The guest that played it is gone from the server. The next game can be stored again.",
  403: "This game belongs to another account than the one that is logged in now.",
  404: "The server doesn't know this game any more.",
};

const TOLD_OTHERWISE = "The server has been told otherwise: was this game played in two windows at once?";

let wake = () => {};

/** Posts now rather than at the next second. */
export function hurry() {
  wake();
}

/** Keeps the server informed about the game in `state`; calls `hear` with each of its answers. */
export async function tell(state, hear) {
  const isOpen = () => !state.result && !state.refused;
  let failures = 0, more = false;
  while (isOpen()) {
    await nap(delay(state, failures, more));
    if (!isOpen()) return;
    if (state.connection === SIGNED_OUT && !session.token) continue;
    try {
      more = await post(state, hear);
      failures = 0;
    } catch (problem) {
      failures++;
      takeRefusal(state, problem, failures, hear);
    }
  }
}

/** The last words of a page that is being closed, which can't wait for an answer. */
export function tellLast(state) {
  const batch = unsent(state);
  if (batch.tick > batch.since) postTurns(state.id, batch, { keepalive: true }).catch(() => {});
}

/** Posts what the server doesn't know yet, as much as fits; whether there is more. */
async function post(state, hear) {
  const batch = unsent(state), playedMs = state.game.nominalMs;
  const leaves = state.givenUp && batch.since === batch.tick;
  const answer = await (leaves ? leave(state) : postTurns(state.id, batch));
  connected(state);
  state.storedMs = playedMs;
  hear(answer);
  if (isToldOtherwise(state)) state.refused = TOLD_OTHERWISE;
  return state.stored < state.game.ticks && batch.turns.length === MOST_TURNS;
}

/** Ends the game as left; what a post would have answered. */
async function leave({ id, mode, challenge, bestBefore }) {
  await leaveGame(id);
  const { status, tick, score, outcome, ranked } = await game(id);
  const { rank, score: best } = isPlayer() ? await myRank(mode, challenge?.name).catch(nowhere) : nowhere();
  return { status, tick, score, outcome, ranked, rank, personal_best: best ?? Math.max(score, bestBefore) };
}

/** The standing of a guest; and on the board of a challenge whose game is gone. */
function nowhere(problem = null) {
  if (problem && problem.status !== 404) throw problem;
  return { rank: null, score: null };
}

/** What the server doesn't know yet, at most MOST_TURNS of it. */
function unsent({ turns, stored, game }) {
  const fresh = turns.filter(([tick]) => tick > stored);
  if (fresh.length <= MOST_TURNS) return { since: stored, tick: game.ticks, turns: fresh };
  const fitting = fresh.slice(0, MOST_TURNS);
  return { since: stored, tick: fitting.at(-1)[0], turns: fitting };
}

/** Two browsers that play on in the same game tell different turns: its end here need not be its end there. */
function isToldOtherwise(state) {
  return Boolean(state.game.outcome) && !state.result && state.stored >= state.game.ticks;
}

function takeRefusal(state, problem, failures, hear) {
  const { status, body, passes } = problem;
  if (passes) {
    state.connection = LOST;
    state.retryMs = (problem.retryAfter ?? 0) * 1000;
    return;
  }
  state.connection = status === 401 && !session.token ? SIGNED_OUT : FINE;
  if (status === 409 && "tick" in body) hear({ ...body, ...body.game });
  else if (isFinal(state, status, failures)) state.refused = REFUSALS[status] ?? problem.detail;
}

/** Whether the server won't take the game however often it is asked. */
function isFinal({ connection, player }, status, failures) {
  if (connection === SIGNED_OUT) return !player; // nobody can log in as a guest
  return status === 403 || status === 404 || failures >= MOST_REFUSALS;
}

function connected(state) {
  if (state.connection === LOST) state.backAt = performance.now();
  state.connection = FINE;
  state.retryMs = 0;
}

/** Milliseconds to wait before the next post. */
function delay(state, failures, more) {
  if (state.connection === SIGNED_OUT) return Infinity; // until `hurry` says that somebody has logged in
  if (failures) return Math.max(state.retryMs, BACKOFF_MS[Math.min(failures, BACKOFF_MS.length) - 1]);
  if (more || state.phase === OVER) return 0;
  return state.phase === PAUSED ? PAUSED_MS : EVERY_MS;
}

function nap(ms) {
  return new Promise((resolve) => {
    wake = resolve;
    if (ms < Infinity) setTimeout(resolve, ms);
  });
}
