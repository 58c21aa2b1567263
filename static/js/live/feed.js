/* The live feed: gets updates of the watched games once a second, and plays each game a little behind its player, so that
the motion is even however late the updates are. */

import { retryDelayMs } from "../api.js";
import { extend, goTo, isAtEnd, openPlayback, play, playedMs } from "../game/playback.js";
import { OVER, PAUSED, PLAYING } from "../game/state.js";
import { tickMs } from "../rules.js";
import { liveGames } from "./updates.js";

// The status of a watched game, beside PLAYING and PAUSED
export const STALE = "stale", ENDED = "ended", DELETED = "deleted", LOST = "lost";

const MAX_KNOWN = 50; // games in one request
const INTERVAL_MS = 1000;
const AFTER_POST_MS = 150; // the best time to poll a game: its posts are a second apart
const MAX_ALIGNMENT_MS = 250; // by which a poll is moved at most, to come nearer to that time
const LAG_ONE_MS = 1500, LAG_MANY_MS = 2300; // of many games, updates are up to a second older
const LATE_MS = 3000; // for a response: the connection may be lost
const MAX_LAG_MS = 3000; // beyond which the playback jumps
const MIN_JUMP_MS = 300;
const EASE_MS = 1500; // in which a smaller lag is made up
const STILL_MS = 2800; // without a tick: paused
const STALE_MS = 5500; // without a post: more than paused, which posts every three seconds

/** Watch the `limit` best games, of the round of a `room` or of all players, and those that `addGame` adds, until `closeFeed`.

`games` is a Map of watched games by id: {playback, username, bot, challenge, ending, isDetached}; `ending` is {outcome,
ranked, rank} once the server has sent it, which is before it is played; `isDetached` leaves the position in a game to the
viewer. `failures`: requests that failed in a row, the last one with `problem`. `askedAt`: since when an update is awaited, or
null. `answeredAt`: when the last one came, or null. */
export function openFeed(limit = 0, room = null) {
  const feed = {
    games: new Map(), limit, room, failures: 0, problem: null, retryMs: 0, askedAt: null, answeredAt: null, seenAt: performance.now(),
    isClosed: false, wake: () => {}, stop: () => {},
    onSwitch: () => document.hidden || !navigator.onLine ? feed.stop() : feed.wake(),
  };
  document.addEventListener("visibilitychange", feed.onSwitch);
  window.addEventListener("offline", feed.onSwitch);
  poll(feed);
  return feed;
}

export function closeFeed(feed) {
  feed.isClosed = true;
  feed.stop();
  feed.wake();
  document.removeEventListener("visibilitychange", feed.onSwitch);
  window.removeEventListener("offline", feed.onSwitch);
}

/** Watch a game of the server's: {id, username, mode, seed, turns, tick, ...}. Return the watched game. */
export function addGame(feed, record, now) {
  const { id, username, bot = false, challenge = null, heard = 0 } = record, playback = openPlayback(record);
  const watched = { id, username, bot, challenge, playback, ending: null, isDeleted: false, isDetached: false };
  setIdle(watched, heard, true, now);
  feed.games.set(id, watched);
  jump(watched, targetMs(feed, watched, now), now);
  return watched;
}

// Polling

async function poll(feed) {
  await null; // so that the first request names the games that are added at once
  while (!feed.isClosed) {
    try {
      if (!document.hidden) await update(feed);
      feed.failures = 0;
    } catch (problem) {
      feed.failures++;
      feed.problem = problem;
      feed.retryMs = retryDelayMs(feed.failures, problem);
    }
    feed.askedAt = null;
    if (!feed.isClosed) await sleep(feed);
  }
}

function sleep(feed) {
  return new Promise((resolve) => {
    feed.wake = resolve;
    setTimeout(resolve, feed.failures ? feed.retryMs : INTERVAL_MS + alignmentMs(feed));
  });
}

/** How much later than usual the next request should be sent, or earlier, to come just after a post of the only game. */
function alignmentMs({ games, limit }) {
  const [only] = games.values();
  if (limit || games.size !== 1) return 0;
  const laterMs = (1.5 * INTERVAL_MS + AFTER_POST_MS - only.idleMs % INTERVAL_MS) % INTERVAL_MS - INTERVAL_MS / 2;
  return Math.max(-MAX_ALIGNMENT_MS, Math.min(MAX_ALIGNMENT_MS, laterMs));
}

/** Get updates, once or as long as the server sends them. */
async function update(feed) {
  const { limit, room } = feed, known = new Map(running(feed).map(({ id, playback }) => [id, playback.known.ticks]));
  if (!known.size && !limit) return;
  const followed = new Set(known.keys()), stop = new AbortController(); // `followed` by the server
  feed.askedAt = performance.now();
  for await (const updates of liveGames(known, limit, room, stop)) {
    feed.stop = () => stop.abort();
    const isInStep = receive(feed, followed, updates);
    if (!isInStep || feed.isClosed || feed.limit !== limit || document.hidden) break;
  }
}

function running(feed) {
  return Array.from(feed.games.values()).filter(({ ending, isDeleted }) => !ending && !isDeleted).slice(0, MAX_KNOWN);
}

/** Take updates. Return whether the server follows the games that are watched, and no others. */
function receive(feed, followed, updates) {
  const now = performance.now(), ids = new Set(updates.map(({ id }) => id)), unknown = [];
  for (const watched of running(feed)) watched.isDeleted = followed.has(watched.id) && !ids.has(watched.id);
  for (const update of updates) {
    if (feed.games.has(update.id)) apply(feed.games.get(update.id), update, now);
    else if (update.seed) addGame(feed, update, now);
    else unknown.push(update);
    followed.add(update.id);
  }
  Object.assign(feed, { failures: 0, askedAt: now, answeredAt: now });
  return !unknown.length && running(feed).every(({ id }) => followed.has(id));
}

function apply(watched, { tick, heard, turns = [], outcome = null, ranked, rank = null }, now) {
  const { playback } = watched, before = playback.known.ticks;
  extend(playback, turns, tick, outcome);
  setIdle(watched, heard, tick > before, now);
  if (outcome) watched.ending = { outcome, ranked, rank };
}

/** The player's last post was `idleMs` ago; `hasMoved` if it brought a new tick. */
function setIdle(watched, idleMs, hasMoved, now) {
  watched.idleMs = idleMs;
  if (hasMoved) Object.assign(watched, { movedAt: now - idleMs, movedMs: watched.playback.known.nominalMs });
  else watched.movedAt = Math.min(watched.movedAt, now - idleMs); // addGame may not have known it
}

// Playing

/** Let the time up to `now` pass in all games. Called with each frame. */
export function advance(feed, now) {
  const elapsed = now - feed.seenAt;
  feed.seenAt = now;
  for (const watched of feed.games.values()) {
    if (watched.isDetached) continue;
    const lag = lagMs(feed, watched, now);
    if (lag > MAX_LAG_MS) jump(watched, targetMs(feed, watched, now), now);
    else play(watched.playback, elapsed * Math.max(0, 1 + lag / EASE_MS), now);
  }
}

/** Follow the player again, from the viewer's position if that is near. */
export function reattach(feed, watched, now) {
  watched.isDetached = false;
  watched.playback.phase = PLAYING;
  if (Math.abs(lagMs(feed, watched, now)) > MIN_JUMP_MS) jump(watched, targetMs(feed, watched, now), now);
}

/** How far the playback is behind its target; below zero if it is ahead. */
export function lagMs(feed, watched, now) {
  return targetMs(feed, watched, now) - playedMs(watched.playback);
}

/** The target, in milliseconds of the game's own time: a little behind its player, and no further than is known. */
function targetMs({ limit }, { playback, movedAt, movedMs }, now) {
  const lag = limit ? LAG_MANY_MS : LAG_ONE_MS;
  return Math.min(playback.known.nominalMs, movedMs + now - movedAt - lag);
}

/** Go near the end of what is known, where all ticks are about equally long. */
function jump({ playback }, target, now) {
  const { known } = playback;
  goTo(playback, known.ticks - Math.round((known.nominalMs - target) / tickMs(known.score)), now);
}

/** The status of a watched game, as of the last response: nothing is polled while the page is hidden. */
export function statusOf(feed, { playback, ending, isDeleted, idleMs, movedAt }, now) {
  if (isDeleted) return DELETED;
  if (playback.phase === OVER || (ending && !playback.known.outcome && isAtEnd(playback))) return ENDED;
  if (isLost(feed, now)) return LOST;
  if (!isAtEnd(playback) || feed.answeredAt - movedAt < STILL_MS) return PLAYING;
  return idleMs < STALE_MS ? PAUSED : STALE;
}

export function isLost({ failures, askedAt }, now) {
  return failures > 0 || (askedAt !== null && now - askedAt > LATE_MS);
}
