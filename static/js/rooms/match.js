/* The game of a round: it is opened as the round starts, or continued, and played in the play view. */

import { game as readGame, leaveGame, session } from "../api.js";
import { begin, giveUp, isSettled, pause, reset } from "../game/playing.js";
import { IDLE, OPENING, OVER, fresh, state } from "../game/state.js";
import { findInOtherTab } from "../game/tabs.js";
import { POSTED, byId, focusAction, on, setHidden } from "../lib/dom.js";
import { t } from "../lib/language.js";
import { load, remove, save } from "../storage.js";
import { openRoundGame } from "./calls.js";
import { comesAt, firstTickAt } from "./clock.js";

const SPREAD_MS = 500; // in which the members' games are opened
const END_MS = 1400; // to see how a game ended
const CLAIM_MS = 3000; // for a window to open its game, before another one may
const WINDOW = performance.timeOrigin; // which tells it from the others of this browser
const GAME_OPEN = "game_open"; // the server's code

let elsewhere = null; // the game of another device that is in the way of a round: {id, code, number, isElsewhere}

/** When this device opens its game, a little after the start of the round. */
export function opensAt(round) {
  return comesAt(round.starts_at) + SPREAD_MS * spread;
}

const spread = Math.random();

/** Whether a game of this round is in progress here. */
export function isPlaying(code, { number }) {
  const { round, phase } = state;
  return round?.code === code && round.number === number && ![IDLE, OVER].includes(phase);
}

/** A game of the player that a round would end: that of this page, one that another page has left open, or one of another
device, which the server has told of; or null. */
export function otherGame(code, round) {
  if (elsewhere?.code === code && elsewhere.number === round?.number) return elsewhere;
  const saved = load("game");
  if (saved?.user !== session.user?.id || !saved || saved.round?.code === code) return null;
  return state.id === saved.id && isSettled() ? null : saved;
}

/** Whether no game is in the way: the last one has its result. */
export function canOpen() {
  return state.phase !== OVER || isSettled();
}

/** Forget a game that another page has left open if it has ended meanwhile. */
export async function checkOther(code, round) {
  const other = otherGame(code, round);
  if (!other || other.id === state.id) return;
  const { status } = await readGame(other.id).catch((problem) => ({ status: problem.status === 404 ? "over" : null }));
  if (status === "over" && load("game")?.id === other.id) remove("game");
}

export async function endOther(code, round) {
  const { id, isElsewhere } = otherGame(code, round);
  if (state.id === id && state.phase !== IDLE) return giveUp();
  await leaveGame(id).catch((problem) => {
    if (problem.isTransient) throw problem;
  });
  if (isElsewhere) elsewhere = null;
  else remove("game");
}

/** Open a game of the round and play it. The room is shown until the game is there. */
async function start(round) {
  const { code, number } = round, ends = state.id;
  Object.assign(state, { phase: OPENING, startError: null });
  try {
    const opened = await openRoundGame(code, ends);
    beginShown(opened, undefined, round);
  } catch (problem) {
    Object.assign(state, fresh(), { phase: IDLE, early: [] });
    if (problem.code === GAME_OPEN) elsewhere = { id: problem.params.game, code, number, isElsewhere: true };
    throw problem;
  }
}

/** Open the game of a round and play it, or go on with the one that is open. */
export async function playRound(code, round) {
  // The times of the first tick and of the end are those of `performance.now()`; `isShown`: the room's page is open
  const played = { code, number: round.number, isShown: false, rank: null, of: 0,
    startsAt: firstTickAt(round), endsAt: comesAt(round.ends_at) };
  if (await goOn(played, savedGame(code, round))) return;
  if (!claim(code, round)) throw Object.assign(inOtherTab(), { isTransient: true });
  try {
    await start(played);
  } catch (problem) {
    if (problem.code !== "attempt_used" || !await goOn(played, { id: problem.params.game })) throw problem;
  }
}

/** Return whether no other window of this browser is opening a game of the round. From now on, this one is. */
function claim(code, { number }) {
  const held = load("opening"), at = Date.now(), isOther = held?.window !== WINDOW;
  if (isOther && held?.code === code && held.number === number && Math.abs(at - held.at) < CLAIM_MS) return false;
  save("opening", { code, number, window: WINDOW, at });
  return true;
}

function inOtherTab() {
  return Object.assign(new Error(t("rooms.otherTab")), { params: {} });
}

/** The game of this round that this browser has saved, or null. */
export function savedGame(code, { number }) {
  const saved = load("game"), isOwn = saved?.user === session.user?.id;
  return isOwn && saved?.round?.code === code && saved.round.number === number ? saved : null;
}

/** Continue a game that is open: with what the server has of it, or this browser, if that is further. Return whether it is. */
async function goOn(round, saved) {
  if (!saved) return false;
  const [found, elsewhere] = await Promise.all([readGame(saved.id), findInOtherTab(saved.id)]);
  if (found.status !== "playing") return false;
  if (elsewhere) throw inOtherTab();
  const { turns, tick } = saved.tick > found.tick ? saved : found;
  beginShown(found, { turns, tick }, round);
  if (document.hidden) pause();
  return true;
}

/** Show the game, unless the player has gone to another view meanwhile: there it waits. */
function beginShown(opened, played, round) {
  round.isShown = !byId("view-rooms").hidden;
  if (round.isShown) showPlay();
  begin(opened, null, played, round);
}

// Which of the two views is shown

export function showPlay() {
  setHidden(byId("view-rooms"), true);
  setHidden(byId("view-play"), false);
  document.activeElement?.blur(); // or a key meant for the snake would press a button
}

export function showRoom() {
  if (!byId("view-rooms").hidden) return;
  setHidden(byId("view-play"), true);
  setHidden(byId("view-rooms"), false);
  focusAction(byId("view-rooms"));
}

/** Whether the end of the game has been seen. Then the room is shown. */
export function isEndSeen(now) {
  return state.round?.isShown && state.phase === OVER && now - state.overAt > END_MS;
}

/** The room's page opens or closes: a game goes on without it. */
export function setShown(code, isShown) {
  if (state.round?.code === code) state.round.isShown = isShown;
  if (!isShown && state.round) reset();
}

on(POSTED, ({ round }) => {
  if (!round || !state.round) return;
  const { rank, of, next, ends_in: endsIn } = round;
  const endsAt = endsIn === undefined ? Infinity : state.lastResponseAt + 1000 * endsIn;
  Object.assign(state.round, { rank, of, endsAt: Math.min(endsAt, state.round.endsAt) });
  state.rival = next && { rank: null, username: next.name, score: next.score };
});
