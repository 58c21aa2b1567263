/* The replay: a game played again from its seed and turns, at any speed or tick by tick; or a game that is still being
played, a little behind its player, with the same controls. */

import * as api from "../api.js";
import { createBoardView, draw } from "../draw/board.js";
import { isFocusedByKey, nameOf } from "../game/input.js";
import { goTo, openPlayback, play } from "../game/playback.js";
import { PAUSED, PLAYING, progress } from "../game/state.js";
import { byId, notice, setHidden, setText } from "../lib/dom.js";
import { DAILY_HIDDEN, dayOf, gameAddress } from "../lib/format.js";
import { t } from "../lib/language.js";
import { toBoards, toDaily, toPlay } from "../lib/links.js";
import { shareGame } from "../lib/share.js";
import {
  ENDED, addGame, advance as follow, closeFeed, lagMs, openFeed, reattach, statusOf,
} from "../live/feed.js";
import { RULES, WALLS, tickMs } from "../rules.js";
import { showHeader, showStatus } from "./status.js";
import { bindTimeline, isDragging, showTimeline } from "./timeline.js";
import { updateTranscript } from "./transcript.js";

const SPEEDS = [0.5, 1, 2, 4, 8, 16];
const MAX_FRAME_MS = 100; // a longer frame is a stall of the page
const ADDRESS_MS = 300; // at a tick before the address names it: browsers limit how often it may change
const MEAL_MS = 800; // after a meal in which "previous meal" means the one before it
const ROUND_HIDDEN = "round_hidden"; // the server's code for a game of a round that is being played
const EMPTY = { mode: WALLS, game: null }; // the scene until there is a game

const boardView = createBoardView(byId("replay-board"));

/** The game on the page, or null: the server's `record`, its `playback`, the game it was to beat (`target`, or null), the
`speed`, whether the viewer stopped at a tick (`isAtTick`), and while it is being played the `feed` and the `watched` game
in it. */
export let shown = null;

let current = null; // the query of the game on the page, or being loaded
let address = null; // this view's last hash
let movedAt = 0; // when the viewer last chose a tick
let seenAt = 0; // when `advance` last looked at the clock

/** Show a game from its start, at the `tick` of the query, or as it is being played. */
export function open(query, id) {
  close();
  current = query;
  address = location.hash;
  clear();
  showNotice(t("replay.loading"));
  requestAnimationFrame((now) => frame(now, query));
  return fetchGame(query, id);
}

async function fetchGame(query, id) {
  try {
    const record = await api.game(id);
    if (current === query) begin(record, toTick(query.tick));
  } catch (problem) {
    if (current === query) showProblem(problem, () => current === query && fetchGame(query, id));
  }
}

export function close() {
  if (shown?.feed) closeFeed(shown.feed);
  current = shown = null;
}

/** Remove what belongs to another game. */
function clear() {
  for (const part of ["mode", "bot", "said", "more"]) setText(byId(`replay-${part}`), "");
  setHidden(byId("replay-bot"), true);
  setText(byId("replay-score"), 0);
  setText(byId("replay-final"), "–");
  setText(byId("replay-player"), t("replay.game"));
  byId("replay-player").removeAttribute("href");
}

/** Follow the address to another tick of the game on the page. Return false if it names another game. */
export function onAddressChange(query, id) {
  if (shown?.record.id !== id) return false;
  address = location.hash;
  const tick = toTick(query.tick);
  if (tick !== null) stopAt(tick);
  else if (shown.playback.phase === PAUSED) goOn();
  return true;
}

/** The tick in a query, or null. */
function toTick(text) {
  return /^\d{1,9}$/.test(text ?? "") ? Number(text) : null;
}

function begin(record, tick) {
  if (record.rules !== RULES) {
    const reload = { label: t("replay.reload"), act: () => location.reload() };
    return showNotice(t("replay.newerRules"), reload);
  }
  const feed = record.status === "playing" ? openFeed() : null;
  const watched = feed && addGame(feed, record, performance.now());
  const playback = watched?.playback ?? openPlayback(record);
  shown = { record, playback, target: null, speed: 1, isAtTick: false, feed, watched };
  seenAt = performance.now();
  if (tick !== null) stopAt(tick);
  showHeader(shown);
  showNotice("");
  findTarget(shown);
}

/** Find the game that this one was to beat, unless it is gone. */
async function findTarget(found) {
  const { challenge } = found.record;
  if (!challenge || dayOf(challenge)) return;
  found.target = await api.gameSummary(challenge).catch(() => null);
  if (shown === found) showHeader(found);
}

function frame(now, query) {
  if (current !== query) return; // another game is shown, or none
  if (shown) showAll(now);
  else draw(boardView, EMPTY, 0, now);
  requestAnimationFrame((next) => frame(next, query));
}

function showAll(now) {
  advance(now);
  const { playback } = shown;
  draw(boardView, playback, progress(playback), now);
  showStatus(shown, now);
  showTimeline(playback, Boolean(shown.feed), now);
  updateTranscript(playback);
  updateAddress(now);
}

// How time passes

/** Let the time up to `now` pass: at the chosen speed, or as the player plays. */
function advance(now) {
  const { playback, feed, watched, speed } = shown;
  const elapsed = Math.min(MAX_FRAME_MS, Math.max(0, now - seenAt));
  seenAt = now;
  if (feed) follow(feed, now);
  if (feed && !watched.isDetached) {
    if (watched.ending && statusOf(feed, watched, now) === ENDED) endFeed();
    return;
  }
  if (!isDragging()) play(playback, elapsed * speed, now);
  if (!feed) return;
  if (watched.ending) endFeed();
  else if (playback.phase === PLAYING && !isDragging() && lagMs(feed, watched, now) <= 0) goLive();
}

/** The game is over: from now on this is a replay. */
function endFeed() {
  const { record, playback: { known }, feed, watched } = shown;
  closeFeed(feed);
  Object.assign(record, watched.ending, { status: "over", tick: known.ticks, score: known.score });
  Object.assign(shown, { feed: null, watched: null });
  showHeader(shown);
}

// What the viewer does

/** Pause, continue, or at the end restart. Return whether there is a game. */
export function toggle() {
  if (!shown) return false;
  if (shown.playback.phase === PLAYING) pause();
  else if (shown.playback.phase === PAUSED) goOn();
  else restart();
  return true;
}

function pause() {
  leaveLive();
  if (shown.playback.phase === PLAYING) shown.playback.phase = PAUSED;
  recordMove();
}

function goOn() {
  shown.playback.phase = PLAYING;
  recordMove();
}

function restart() {
  seek(0);
  goOn();
}

/** Move to a tick; it plays on from there if it played. */
function seek(tick) {
  leaveLive();
  goTo(shown.playback, tick, performance.now());
  recordMove();
}

function stopAt(tick) {
  seek(tick);
  pause();
}

function stepBy(ticks) {
  stopAt(shown.playback.game.ticks + ticks);
}

function toNextMeal() {
  const { allMeals, game, known } = shown.playback;
  seek((allMeals.find(({ tick }) => tick > game.ticks) ?? { tick: known.ticks }).tick);
}

function toPreviousMeal() {
  const { allMeals, game, phase } = shown.playback;
  const since = phase === PLAYING ? MEAL_MS * shown.speed / tickMs(game.score) : 0;
  seek((allMeals.findLast(({ tick }) => tick < game.ticks - since) ?? { tick: 0 }).tick);
}

/** Go to the end; of a game that is being played, to where it is now. */
function toEnd() {
  if (shown.feed) goLive();
  else seek(shown.playback.known.ticks);
}

function setSpeed(speed) {
  shown.speed = speed;
  if (speed !== 1) leaveLive(); // the future can't be played; slower viewers reattach at once
}

function changeSpeed(by) {
  setSpeed(SPEEDS[SPEEDS.indexOf(shown.speed) + by] ?? shown.speed);
}

function leaveLive() {
  if (shown.feed) shown.watched.isDetached = true;
}

function goLive() {
  const { feed, watched } = shown;
  if (!feed) return;
  reattach(feed, watched, performance.now());
  shown.speed = 1;
  recordMove();
}

function recordMove() {
  shown.isAtTick = shown.playback.phase !== PLAYING;
  movedAt = performance.now();
}

// Keys

const OFTEN = { // as long as the key is down
  ArrowLeft: () => stepBy(-1), ",": () => stepBy(-1),
  ArrowRight: () => stepBy(1), ".": () => stepBy(1),
  J: toPreviousMeal, L: toNextMeal,
};
const ONCE = {
  " ": toggle, K: toggle, Home: () => seek(0), End: toEnd,
  ArrowUp: () => changeSpeed(1), ArrowDown: () => changeSpeed(-1),
};
const WITH_SHIFT = { ArrowLeft: toPreviousMeal, ArrowRight: toNextMeal };
const SLIDER_KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
const READER_KEYS = ["ArrowUp", "ArrowDown", "Home", "End"];

/** Handle a key. Return whether it had a meaning. */
export function press(event) {
  const { key, shiftKey, repeat, target } = event, name = nameOf(event);
  const often = shiftKey ? WITH_SHIFT[name] ?? OFTEN[name] : OFTEN[name];
  const act = often ?? ONCE[name];
  if (!shown || !act || hasOwnUse(target, key, shiftKey)) return false;
  if (often || !repeat) act();
  return true;
}

/** Whether the focused element uses that key itself. */
function hasOwnUse(target, key, shiftKey) {
  if (target.closest("button, a, summary") && key === " ") return isFocusedByKey(target);
  if (target === byId("replay-slider")) return SLIDER_KEYS.includes(key) && !shiftKey;
  return Boolean(target.closest("#replay-lines")) && READER_KEYS.includes(key); // scroll
}

// The address

/** Name the viewer's tick in the address, without a new entry in the history. */
function updateAddress(now) {
  const { record: { id }, playback, isAtTick } = shown;
  const wanted = gameAddress(id, isAtTick ? playback.game.ticks : null);
  if (address === wanted || location.hash !== address || now - movedAt < ADDRESS_MS) return; // or it is changing
  history.replaceState(history.state, "", wanted);
  address = location.hash;
}

function share() {
  const { record: { id, username, score }, playback: { phase, game } } = shown, tick = phase === PAUSED ? game.ticks : null;
  shareGame(byId("replay-share"), byId("replay-share-note"), t("game.by", { score, name: username }), id, tick);
}

// Notices

/** Show words in place of the game; "" for the game itself. */
function showNotice(words, ...remedies) {
  notice(byId("replay-note"), words, ...remedies);
  setHidden(byId("replay-controls"), Boolean(words));
}

function showProblem(problem, again) {
  const { status, code, params, message } = problem;
  if (code === DAILY_HIDDEN) showNotice(message, toDaily(params.mode));
  else if (code === ROUND_HIDDEN) showNotice(message, api.tryAgain(problem, again), { label: t("nav.rooms"), href: "#/rooms" });
  else if (status === 404) showNotice(t("replay.gone"), toPlay(), toBoards());
  else showNotice(message, api.tryAgain(problem, again));
}

const ACTS = {
  toggle, restart, back: () => stepBy(-1), on: () => stepBy(1), "meal-back": toPreviousMeal, "meal-on": toNextMeal,
  live: goLive, share,
};
for (const [name, act] of Object.entries(ACTS)) byId(`replay-${name}`).addEventListener("click", () => shown && act());
for (const button of byId("replay-speeds").children) {
  button.addEventListener("click", () => shown && setSpeed(Number(button.dataset.speed)));
}
bindTimeline({ seek: (tick) => shown && seek(tick) });
