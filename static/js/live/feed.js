/* Games that are being played, as they are watched: asks once a second what is new of them, and plays each some time behind
its player, so that the motion is even whatever the answers do. */

import { liveGames } from "../api.js";
import { extend, goTo, isAtEnd, openPlayback, play, playedMs } from "../game/playback.js";
import { tickMs } from "../rules.js";
import { OVER, PLAYING } from "../game/state.js";

// How a watched game stands
export const RUNS = "runs", RESTS = "rests", SILENT = "silent", ENDED = "ended", GONE = "gone", LOST = "lost";

const MOST_KNOWN = 50; // games that one question names
const EVERY_MS = 1000;
const BACKOFF_MS = [1000, 2000, 4000, 5000];
const AFTER_POST_MS = 150; // the best time to ask a player's news: posts are a second apart
const LATER_MS = 250; // by which a question is put off at the most, to come nearer to that time
const BEHIND_ONE_MS = 1500, BEHIND_MANY_MS = 2300; // of many games, the news are up to a second older
const LATE_MS = 3000; // for an answer: the connection may be lost
const CATCH_UP_MS = 3000; // further behind, it is not played but gone to
const NEAR_MS = 300; // no more than that is made up for unseen
const EASE_MS = 1500; // in which a smaller difference is made up for
const STILL_MS = 2800; // without a move: it is paused
const SILENT_MS = 5500; // without a word from its player: not even paused, which would be said every three seconds

/** Watches the `limit` best games, and those that `addGame` adds. `closeWatch` ends it.

`games` is a Map of what is watched by id: {playback, username, bot, challenge, ending, isHeld}, `ending` being {outcome,
ranked, rank} once the server has said so, which is before it is seen; for `isHeld` see `hold`. `failures`: how many
questions in a row had no answer. `askedAt`: when the one was put that waits for its answer, or null. `answeredAt`: when
the last answer came, or null. */
export function openWatch(limit = 0) {
  const watch = {
    games: new Map(), limit, failures: 0, retryMs: 0, askedAt: null, answeredAt: null, seenAt: performance.now(),
    isClosed: false,
  };
  watch.wake = () => {};
  watch.onShow = () => document.hidden || watch.wake();
  document.addEventListener("visibilitychange", watch.onShow);
  keepAsking(watch);
  return watch;
}

export function closeWatch(watch) {
  watch.isClosed = true;
  watch.wake();
  document.removeEventListener("visibilitychange", watch.onShow);
}

/** Watches a game that the server has told of: {id, username, mode, seed, turns, tick, ...}; answers what is watched. */
export function addGame(watch, told, now) {
  const { id, username, bot = false, challenge = null, heard = 0 } = told, playback = openPlayback(told);
  const watched = { id, username, bot, challenge, playback, ending: null, isGone: false, isHeld: false };
  hear(watched, heard, true, now);
  watch.games.set(id, watched);
  jump(watched, targetMs(watch, watched, now), now);
  return watched;
}

// Asking

async function keepAsking(watch) {
  await null; // a game that is added at once is asked for at once
  while (!watch.isClosed) {
    try {
      if (!document.hidden) await ask(watch);
      Object.assign(watch, { failures: 0, retryMs: 0 });
    } catch (problem) {
      watch.failures++;
      watch.retryMs = (problem.retryAfter ?? 0) * 1000;
    }
    watch.askedAt = null;
    if (!watch.isClosed) await nap(watch);
  }
}

function nap(watch) {
  const backoff = BACKOFF_MS[Math.min(watch.failures, BACKOFF_MS.length) - 1];
  return new Promise((resolve) => {
    watch.wake = resolve;
    setTimeout(resolve, watch.failures ? Math.max(watch.retryMs, backoff) : EVERY_MS + putOff(watch));
  });
}

/** For how long to wait beyond a second, so that the next question comes just after a post of the one game's player. */
function putOff({ games, limit }) {
  const [only] = games.values();
  if (limit || games.size !== 1) return 0;
  return Math.min(LATER_MS, (EVERY_MS + AFTER_POST_MS - only.heard % EVERY_MS) % EVERY_MS);
}

async function ask(watch) {
  const running = Array.from(watch.games.values()).filter(({ ending, isGone }) => !ending && !isGone).slice(0, MOST_KNOWN);
  if (!running.length && !watch.limit) return;
  watch.askedAt = performance.now();
  const answer = await liveGames(new Map(running.map(({ id, playback }) => [id, playback.known.ticks])), watch.limit);
  const now = performance.now(), told = new Set(answer.map(({ id }) => id));
  for (const news of answer) {
    if (watch.games.has(news.id)) take(watch.games.get(news.id), news, now);
    else if (news.seed) addGame(watch, news, now);
  }
  for (const watched of running) watched.isGone = !told.has(watched.id);
  watch.answeredAt = now;
}

function take(watched, { tick, heard, turns = [], outcome = null, ranked, rank = null }, now) {
  const { playback } = watched, before = playback.known.ticks;
  extend(playback, turns, tick, outcome);
  hear(watched, heard, tick > before, now);
  if (outcome) watched.ending = { outcome, ranked, rank };
}

/** The player was at the last known tick `heard` milliseconds ago, if it is a new one; else they have just kept still. */
function hear(watched, heard, hasMoved, now) {
  watched.heard = heard;
  if (hasMoved) Object.assign(watched, { movedAt: now - heard, movedMs: watched.playback.known.nominalMs });
  else watched.movedAt = Math.min(watched.movedAt, now - heard); // how long ago, addGame was perhaps not told
}

// Playing

/** Lets the time up to `now` pass in all games. Called with each frame. */
export function advance(watch, now) {
  const elapsed = now - watch.seenAt;
  watch.seenAt = now;
  for (const watched of watch.games.values()) if (!watched.isHeld) follow(watch, watched, elapsed, now);
}

/** Leaves it to the viewer where this game is seen; what is new of it is asked for as before. */
export function hold(watched) {
  watched.isHeld = true;
}

/** Follows the player again, from there on or from where the viewer is if that is near. */
export function rejoin(watch, watched, now) {
  watched.isHeld = false;
  watched.playback.phase = PLAYING;
  if (Math.abs(lateMs(watch, watched, now)) > NEAR_MS) jump(watched, targetMs(watch, watched, now), now);
}

/** By how much what is seen is behind where it should be: less than zero if it is ahead of that. */
export function lateMs(watch, watched, now) {
  return targetMs(watch, watched, now) - playedMs(watched.playback);
}

/** Where to be now, in milliseconds of the game's own time: some way behind its player, and no further than is known. */
function targetMs({ limit }, { playback, movedAt, movedMs }, now) {
  const behind = limit ? BEHIND_MANY_MS : BEHIND_ONE_MS;
  return Math.min(playback.known.nominalMs, movedMs + now - movedAt - behind);
}

function follow(watch, watched, elapsed, now) {
  const late = lateMs(watch, watched, now);
  if (late > CATCH_UP_MS) jump(watched, targetMs(watch, watched, now), now);
  else play(watched.playback, elapsed * Math.max(0, 1 + late / EASE_MS), now);
}

/** Goes near the end of what is known, where all ticks are about as long. */
function jump({ playback }, target, now) {
  const { known } = playback;
  goTo(playback, known.ticks - Math.round((known.nominalMs - target) / tickMs(known.score)), now);
}

/** How a watched game stands: one of RUNS, RESTS, ... A player is as still as the last answer knows: nobody asks for news
while the page is hidden. */
export function standing(watch, { playback, ending, isGone, heard, movedAt }, now) {
  if (isGone) return GONE;
  if (playback.phase === OVER || (ending && !playback.known.outcome && isAtEnd(playback))) return ENDED;
  if (isLost(watch, now)) return LOST;
  if (!isAtEnd(playback) || watch.answeredAt - movedAt < STILL_MS) return RUNS;
  return heard < SILENT_MS ? RESTS : SILENT;
}

export function isLost({ failures, askedAt }, now) {
  return failures > 0 || (askedAt !== null && now - askedAt > LATE_MS);
}
