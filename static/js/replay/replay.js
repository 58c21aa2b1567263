/* A game shown again from its seed and its turns, at the pace at which it was played, or faster, or tick by tick; and a
game that is still being played, some way behind its player, with the same controls. */

import * as api from "../api.js";
import { introduce, show } from "./status.js";
import { notice } from "../lib/dom.js";
import { setHidden, setText } from "../play/hud.js";
import { goTo, openPlayback, play, progress } from "../game/playback.js";
import { draw, openPit } from "../draw/board.js";
import { retell } from "./transcript.js";
import { RULES, WALLS, tickMs } from "../rules.js";
import { PAUSED, PLAYING } from "../game/state.js";
import { bindTimeline, isInHand, showTimeline } from "./timeline.js";
import { DAILY, DAILY_HIDDEN, HIDDEN, challengeAddress } from "../lib/format.js";
import { ENDED, addGame, advance as follow, closeWatch, hold, lateMs, openWatch, rejoin, standing } from "../live/feed.js";

const SPEEDS = [0.5, 1, 2, 4, 8, 16];
const LONGEST_FRAME_MS = 100; // a longer one was a stall of the page, and nobody saw it
const STOOD_MS = 300; // at a tick, before the address names it: browsers don't let one write it more often
const MEAL_MS = 800; // after a meal in which one means the meal before it, as it plays on
const SAID_MS = 2500; // for how long a button says what it has done
const NOBODY = { mode: WALLS, game: null }; // what is in the pit until there is a game

const at = (id) => document.getElementById(id);
const pit = openPit(at("replay-board"));

/** What is on the page, null while nothing is: the server's `record` of the game, its `playback`, the `speed`, whether the
viewer `stands` at a tick, and while it is being played the `watch` and what is `watched` by it. */
export let shown = null;

let asked = null; // the query of what is on the page, or will be
let address = null; // the hash as it was last known to be this view's
let movedAt = 0; // when the viewer last chose a tick
let seenAt = 0; // when `advance` last looked at the clock

/** Shows the game of that id: from its start, at the `tick` of the query, or as it is being played. */
export async function open(query, id) {
  close();
  asked = query;
  address = location.hash;
  clear();
  sayInstead("Loading…");
  requestAnimationFrame((now) => frame(now, query));
  try {
    const record = await api.game(id);
    if (asked === query) begin(record, toTick(query.tick));
  } catch (problem) {
    if (asked === query) sayProblem(problem, () => open({ ...query }, id));
  }
}

export function close() {
  if (shown?.watch) closeWatch(shown.watch);
  asked = shown = null;
}

/** What was there to see of another game is not to be taken for this one's. */
function clear() {
  for (const part of ["mode", "bot", "said", "more"]) setText(at(`replay-${part}`), "");
  setHidden(at("replay-bot"), true);
  setText(at("replay-score"), 0);
  setText(at("replay-final"), "–");
  setText(at("replay-player"), "A game");
  at("replay-player").removeAttribute("href");
}

/** The address is another one: whether all that it asks for is another tick of the game on the page, which is shown now. */
export function moves(query, id) {
  if (shown?.record.id !== id) return false;
  address = location.hash;
  const tick = toTick(query.tick);
  if (tick !== null) stopAt(tick);
  else if (shown.playback.phase === PAUSED) goOn();
  return true;
}

/** The tick that an address names, or null. */
function toTick(spelled) {
  return /^\d{1,9}$/.test(spelled ?? "") ? Number(spelled) : null;
}

function begin(record, tick) {
  if (record.rules !== RULES) return sayNewer();
  const watch = record.status === "playing" ? openWatch() : null;
  const watched = watch && addGame(watch, record, performance.now());
  shown = { record, playback: watched?.playback ?? openPlayback(record), speed: 1, stands: false, watch, watched };
  seenAt = performance.now();
  if (tick !== null) stopAt(tick);
  introduce(shown);
  sayInstead("");
}

function frame(now, query) {
  if (asked !== query) return; // another game is shown, or none
  if (shown) showAll(now);
  else draw(pit, NOBODY, 0, now);
  requestAnimationFrame((next) => frame(next, query));
}

function showAll(now) {
  advance(now);
  const { playback } = shown;
  draw(pit, playback, progress(playback), now);
  show(shown, now);
  showTimeline(playback, Boolean(shown.watch), now);
  retell(playback);
  keepAddress(now);
}

// How time passes

/** Lets the time up to `now` pass: at its speed, or as the player plays. */
function advance(now) {
  const { playback, watch, watched, speed } = shown;
  const elapsed = Math.min(LONGEST_FRAME_MS, Math.max(0, now - seenAt));
  seenAt = now;
  if (watch) follow(watch, now);
  if (watch && !watched.isHeld) return watched.ending && seeEnd(now);
  if (!isInHand()) play(playback, elapsed * speed, now);
  if (!watch) return;
  if (watched.ending) endWatch();
  else if (playback.phase === PLAYING && !isInHand() && lateMs(watch, watched, now) <= 0) goLive();
}

function seeEnd(now) {
  if (standing(shown.watch, shown.watched, now) === ENDED) endWatch();
}

/** The game is over: from now on this is a replay. */
function endWatch() {
  const { record, playback: { known }, watch, watched } = shown;
  closeWatch(watch);
  Object.assign(record, watched.ending, { status: "over", tick: known.ticks, score: known.score });
  Object.assign(shown, { watch: null, watched: null });
  introduce(shown);
}

// What the viewer does

/** Space and its like: stops or goes on, at the end from the start; whether there was something to show. */
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
  noteMove();
}

function goOn() {
  shown.playback.phase = PLAYING;
  noteMove();
}

function restart() {
  seek(0);
  goOn();
}

/** Moves to a tick, from where it plays on if it played. */
function seek(tick) {
  leaveLive();
  goTo(shown.playback, tick, performance.now());
  noteMove();
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

/** The end of what there is: of a game that is being played, where it is now. */
function toEnd() {
  if (shown.watch) goLive();
  else seek(shown.playback.known.ticks);
}

function setSpeed(speed) {
  shown.speed = speed;
  if (speed !== 1) leaveLive(); // nobody can see what has not been played; the others come back at once
}

function changeSpeed(by) {
  setSpeed(SPEEDS[SPEEDS.indexOf(shown.speed) + by] ?? shown.speed);
}

function leaveLive() {
  if (shown.watch) hold(shown.watched);
}

function goLive() {
  const { watch, watched } = shown;
  if (!watch) return;
  rejoin(watch, watched, performance.now());
  shown.speed = 1;
  noteMove();
}

function noteMove() {
  shown.stands = shown.playback.phase !== PLAYING;
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

/** A key: whether it was meant for the game, which has then done what it says. */
export function press({ key, shiftKey, repeat, target }) {
  const name = key.length === 1 ? key.toUpperCase() : key, often = shiftKey ? WITH_SHIFT[name] ?? OFTEN[name] : OFTEN[name];
  const act = often ?? ONCE[name];
  if (!shown || !act || hasOwnUse(target, key, shiftKey)) return false;
  if (often || !repeat) act();
  return true;
}

/** Whether that key means something to what has the focus. */
function hasOwnUse(target, key, shiftKey) {
  if (target.closest("button, a, summary") && key === " ") return true;
  if (target === at("replay-slider")) return SLIDER_KEYS.includes(key) && !shiftKey;
  return Boolean(target.closest("#replay-lines")) && READER_KEYS.includes(key); // who reads scrolls
}

// The address

/** Names the tick at which the viewer stands, without a new entry in the history. */
function keepAddress(now) {
  const { record: { id }, playback, stands } = shown;
  const wanted = `#/games/${id}${stands ? `?tick=${playback.game.ticks}` : ""}`;
  if (address === wanted || location.hash !== address || now - movedAt < STOOD_MS) return; // else one is leaving already
  history.replaceState(history.state, "", wanted);
  address = location.hash;
}

/** Hands on the address of the page that leads here, or leaves it where it can be pasted. */
async function share() {
  const { record: { id, username, score }, playback: { phase, game } } = shown;
  const url = new URL(`games/${encodeURIComponent(id)}${phase === PAUSED ? `?tick=${game.ticks}` : ""}`, page()).href;
  try {
    if (navigator.share) return await navigator.share({ title: "Snakepit", text: `${score} by ${username}`, url });
    await navigator.clipboard.writeText(url);
    sayShared("Link copied");
  } catch (problem) {
    if (problem.name !== "AbortError") sayShared("Copying is forbidden here"); // else the viewer thought better of it
  }
}

function page() {
  return location.href.split("#")[0];
}

function sayShared(words) {
  for (const id of ["replay-share", "replay-share-note"]) setText(at(id), words);
  setTimeout(() => {
    setText(at("replay-share"), "Share");
    setText(at("replay-share-note"), "");
  }, SAID_MS);
}

// What is said instead

/** Words where the game would be; none for the game itself. */
function sayInstead(words, remedy = null) {
  notice(at("replay-note"), words, remedy);
  setHidden(at("replay-controls"), Boolean(words));
}

function sayProblem({ status, code, params, message }, again) {
  if (code === DAILY_HIDDEN) {
    const act = () => { location.hash = challengeAddress(DAILY, params.mode); };
    return sayInstead(HIDDEN, { label: "Play today's challenge", act });
  }
  if (status !== 404) return sayInstead(message, { label: "Try again", act: again });
  sayInstead("There is no such game. It may be gone with its player’s account, or the link may be cut short.");
}

function sayNewer() {
  const reload = { label: "Reload", act: () => location.reload() };
  sayInstead("This game was played by newer rules than this page knows. Reload the page to see it.", reload);
}

const ACTS = {
  toggle, restart, back: () => stepBy(-1), on: () => stepBy(1), "meal-back": toPreviousMeal, "meal-on": toNextMeal,
  live: goLive, share,
};
for (const [name, act] of Object.entries(ACTS)) at(`replay-${name}`).addEventListener("click", () => shown && act());
for (const button of at("replay-speeds").children) {
  button.addEventListener("click", () => shown && setSpeed(Number(button.dataset.speed)));
}
bindTimeline({ seek: (tick) => shown && seek(tick) });
