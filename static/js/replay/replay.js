/* A game shown again from its seed and its turns, at the pace at which it was played, or faster, or tick by tick; and a
game that is still being played, some way behind its player, with the same controls. */

import * as api from "../api.js";
import { introduce, show } from "./status.js";
import { need_style, notice } from "../lib/dom.js";
import { set_hidden, set_text } from "../play/hud.js";
import { go_to, open_playback, play, progress } from "../game/playback.js";
import { draw, open_pit } from "../draw/board.js";
import { retell } from "./transcript.js";
import { RULES, WALLS, tick_ms } from "../rules.js";
import { OVER, PAUSED, PLAYING } from "../game/state.js";
import { bind_timeline, is_in_hand, show_timeline } from "./timeline.js";
import { DAILY, DAILY_HIDDEN, HIDDEN, challenge_address } from "../lib/format.js";
import { ENDED, add_game, advance as follow, close_watch, hold, late_ms, open_watch, rejoin, standing } from "../live/feed.js";

const SPEEDS = [0.5, 1, 2, 4, 8, 16];
const LONGEST_FRAME_MS = 100; // a longer one was a stall of the page, and nobody saw it
const STOOD_MS = 300; // at a tick, before the address names it: browsers don't let one write it more often
const MEAL_MS = 800; // after a meal in which one means the meal before it, as it plays on
const SAID_MS = 2500; // for how long a button says what it has done
const NOBODY = { mode: WALLS, game: null }; // what is in the pit until there is a game

const at = (id) => document.getElementById(id);
const pit = open_pit(at("replay-board"));

/** What is on the page, null while nothing is: the server's `record` of the game, its `playback`, the `speed`, whether the
viewer `stands` at a tick, and while it is being played the `watch` and what is `watched` by it. */
export let shown = null;

let asked = null; // the query of what is on the page, or will be
let address = null; // the hash as it was last known to be this view's
let moved_at = 0; // when the viewer last chose a tick
let seen_at = 0; // when `advance` last looked at the clock

/** Shows the game of that id: from its start, at the `tick` of the query, or as it is being played. */
export async function open(query, id) {
  close();
  asked = query;
  address = location.hash;
  clear();
  say_instead("Loading…");
  requestAnimationFrame((now) => frame(now, query));
  try {
    const [record] = await Promise.all([api.game(id), need_style("replay.css")]);
    if (asked === query) begin(record, to_tick(query.tick));
  } catch (problem) {
    if (asked === query) say_problem(problem, () => open({ ...query }, id));
  }
}

export function close() {
  if (shown?.watch) close_watch(shown.watch);
  asked = shown = null;
}

/** What was there to see of another game is not to be taken for this one's. */
function clear() {
  for (const part of ["mode", "bot", "said", "more"]) set_text(at(`replay-${part}`), "");
  set_hidden(at("replay-bot"), true);
  set_text(at("replay-score"), 0);
  set_text(at("replay-final"), "–");
  set_text(at("replay-player"), "A game");
  at("replay-player").removeAttribute("href");
}

/** The address is another one: whether all that it asks for is another tick of the game on the page, which is shown now. */
export function moves(query, id) {
  if (shown?.record.id !== id) return false;
  address = location.hash;
  const tick = to_tick(query.tick);
  if (tick !== null) stop_at(tick);
  else if (shown.playback.phase === PAUSED) go_on();
  return true;
}

/** The tick that an address names, or null. */
function to_tick(spelled) {
  return /^\d{1,9}$/.test(spelled ?? "") ? Number(spelled) : null;
}

function begin(record, tick) {
  if (record.rules !== RULES) return say_newer();
  const watch = record.status === "playing" ? open_watch() : null;
  const watched = watch && add_game(watch, record, performance.now());
  shown = { record, playback: watched?.playback ?? open_playback(record), speed: 1, stands: false, watch, watched };
  seen_at = performance.now();
  if (tick !== null) stop_at(tick);
  introduce(shown);
  say_instead("");
}

function frame(now, query) {
  if (asked !== query) return; // another game is shown, or none
  if (shown) show_all(now);
  else draw(pit, NOBODY, 0, now);
  requestAnimationFrame((next) => frame(next, query));
}

function show_all(now) {
  advance(now);
  const { playback } = shown;
  draw(pit, playback, progress(playback), now);
  show(shown, now);
  show_timeline(playback, Boolean(shown.watch), now);
  retell(playback);
  keep_address(now);
}

// How time passes

/** Lets the time up to `now` pass: at its speed, or as the player plays. */
function advance(now) {
  const { playback, watch, watched, speed } = shown;
  const elapsed = Math.min(LONGEST_FRAME_MS, Math.max(0, now - seen_at));
  seen_at = now;
  if (watch) follow(watch, now);
  if (watch && !watched.is_held) return watched.ending && see_end(now);
  if (!is_in_hand()) play(playback, elapsed * speed, now);
  if (!watch) return;
  if (watched.ending) end_watch();
  else if (playback.phase === PLAYING && !is_in_hand() && late_ms(watch, watched, now) <= 0) go_live();
}

function see_end(now) {
  if (standing(shown.watch, shown.watched, now) === ENDED) end_watch();
}

/** The game is over: from now on this is a replay. */
function end_watch() {
  const { record, playback: { known }, watch, watched } = shown;
  close_watch(watch);
  Object.assign(record, watched.ending, { status: "over", tick: known.ticks, score: known.score });
  Object.assign(shown, { watch: null, watched: null });
  introduce(shown);
}

// What the viewer does

/** Space and its like: stops or goes on, at the end from the start; whether there was something to show. */
export function toggle() {
  if (!shown) return false;
  if (shown.playback.phase === PLAYING) pause();
  else if (shown.playback.phase === PAUSED) go_on();
  else restart();
  return true;
}

function pause() {
  leave_live();
  if (shown.playback.phase === PLAYING) shown.playback.phase = PAUSED;
  note_move();
}

function go_on() {
  shown.playback.phase = PLAYING;
  note_move();
}

function restart() {
  seek(0);
  go_on();
}

/** Moves to a tick, from where it plays on if it played. */
function seek(tick) {
  leave_live();
  go_to(shown.playback, tick, performance.now());
  note_move();
}

function stop_at(tick) {
  seek(tick);
  pause();
}

function step_by(ticks) {
  stop_at(shown.playback.game.ticks + ticks);
}

function to_next_meal() {
  const { all_meals, game, known } = shown.playback;
  seek((all_meals.find(({ tick }) => tick > game.ticks) ?? { tick: known.ticks }).tick);
}

function to_previous_meal() {
  const { all_meals, game, phase } = shown.playback;
  const since = phase === PLAYING ? MEAL_MS * shown.speed / tick_ms(game.score) : 0;
  seek((all_meals.findLast(({ tick }) => tick < game.ticks - since) ?? { tick: 0 }).tick);
}

/** The end of what there is: of a game that is being played, where it is now. */
function to_end() {
  if (shown.watch) go_live();
  else seek(shown.playback.known.ticks);
}

function set_speed(speed) {
  shown.speed = speed;
  if (speed !== 1) leave_live(); // nobody can see what has not been played; the others come back at once
}

function change_speed(by) {
  set_speed(SPEEDS[SPEEDS.indexOf(shown.speed) + by] ?? shown.speed);
}

function leave_live() {
  if (shown.watch) hold(shown.watched);
}

function go_live() {
  const { watch, watched } = shown;
  if (!watch) return;
  rejoin(watch, watched, performance.now());
  shown.speed = 1;
  note_move();
}

function note_move() {
  shown.stands = shown.playback.phase !== PLAYING;
  moved_at = performance.now();
}

// Keys

const OFTEN = { // as long as the key is down
  ArrowLeft: () => step_by(-1), ",": () => step_by(-1),
  ArrowRight: () => step_by(1), ".": () => step_by(1),
  J: to_previous_meal, L: to_next_meal,
};
const ONCE = {
  " ": toggle, K: toggle, Home: () => seek(0), End: to_end,
  ArrowUp: () => change_speed(1), ArrowDown: () => change_speed(-1),
};
const WITH_SHIFT = { ArrowLeft: to_previous_meal, ArrowRight: to_next_meal };
const SLIDER_KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
const READER_KEYS = ["ArrowUp", "ArrowDown", "Home", "End"];

/** A key: whether it was meant for the game, which has then done what it says. */
export function press({ key, shiftKey, repeat, target }) {
  const name = key.length === 1 ? key.toUpperCase() : key, often = shiftKey ? WITH_SHIFT[name] ?? OFTEN[name] : OFTEN[name];
  const act = often ?? ONCE[name];
  if (!shown || !act || has_own_use(target, key, shiftKey)) return false;
  if (often || !repeat) act();
  return true;
}

/** Whether that key means something to what has the focus. */
function has_own_use(target, key, shiftKey) {
  if (target.closest("button, a, summary") && key === " ") return true;
  if (target === at("replay-slider")) return SLIDER_KEYS.includes(key) && !shiftKey;
  return Boolean(target.closest("#replay-lines")) && READER_KEYS.includes(key); // who reads scrolls
}

// The address

/** Names the tick at which the viewer stands, without a new entry in the history. */
function keep_address(now) {
  const { record: { id }, playback, stands } = shown;
  const wanted = `#/games/${id}${stands ? `?tick=${playback.game.ticks}` : ""}`;
  if (address === wanted || location.hash !== address || now - moved_at < STOOD_MS) return; // else one is leaving already
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
    say_shared("Link copied");
  } catch (problem) {
    if (problem.name !== "AbortError") say_shared("Copying is forbidden here"); // else the viewer thought better of it
  }
}

function page() {
  return location.href.split("#")[0];
}

function say_shared(words) {
  for (const id of ["replay-share", "replay-share-note"]) set_text(at(id), words);
  setTimeout(() => {
    set_text(at("replay-share"), "Share");
    set_text(at("replay-share-note"), "");
  }, SAID_MS);
}

// What is said instead

/** Words where the game would be; none for the game itself. */
function say_instead(words, remedy = null) {
  notice(at("replay-note"), words, remedy);
  set_hidden(at("replay-controls"), Boolean(words));
}

function say_problem({ status, code, params, message }, again) {
  if (code === DAILY_HIDDEN) {
    const act = () => { location.hash = challenge_address(DAILY, params.mode); };
    return say_instead(HIDDEN, { label: "Play today's challenge", act });
  }
  if (status !== 404) return say_instead(message, { label: "Try again", act: again });
  say_instead("There is no such game. It may be gone with its player’s account, or the link may be cut short.");
}

function say_newer() {
  const reload = { label: "Reload", act: () => location.reload() };
  say_instead("This game was played by newer rules than this page knows. Reload the page to see it.", reload);
}

const ACTS = {
  toggle, restart, back: () => step_by(-1), on: () => step_by(1), "meal-back": to_previous_meal, "meal-on": to_next_meal,
  live: go_live, share,
};
for (const [name, act] of Object.entries(ACTS)) at(`replay-${name}`).addEventListener("click", () => shown && act());
for (const button of at("replay-speeds").children) {
  button.addEventListener("click", () => shown && set_speed(Number(button.dataset.speed)));
}
bind_timeline({ seek: (tick) => shown && seek(tick) });
