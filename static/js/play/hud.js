/* What is said around the board while one plays: score, best, the next rank, the connection, pauses. It shows the
state, and changes nothing. */

import { READY_MS, best_key, counts, outcome, pause_left, unheard } from "../game/playing.js";
import { IDLE, LOST, OPENING, OVER, OVERTOOK, PAUSED, PLAYING, READY, SIGNED_OUT, state } from "../game/state.js";
import { OUTCOME_NAMES, day_of, ordinal } from "../lib/format.js";

const BACK_MS = 4000; // for how long it is said that the connection is back
const SCARCE = 5; // seconds of pausing left from which on they are shown in mid-game
const BANNER_MS = 1800; // to read it in passing
const QUIET_MS = 1000; // between two scores that are said aloud

const at = (id) => document.getElementById(id);

let said_at = -Infinity;

/** Shows the state as of `now`; called with each frame, it touches only what has changed. `mode` is the chosen one. */
export function show(now, mode) {
  const { phase, game, result } = state;
  at("view-play").dataset.phase = phase;
  set_text(at("score"), (result ?? game)?.score ?? 0);
  show_best(mode);
  show_next();
  show_banner(now);
  set_text(at("connection"), connection(now));
  at("connection").dataset.state = state.connection;
  show_pause(now);
  set_hidden(at("count"), phase !== READY);
  set_text(at("count"), Math.ceil(state.ready_ms / (READY_MS / 3)) || 1);
  set_hidden(at("opening"), phase !== OPENING);
  at("pause").disabled = ![PLAYING, READY].includes(phase);
  announce(news(), now);
}

export function set_text(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

/** The same with a name in the place of "@", which may run from right to left. */
export function set_words(element, words = "", name = "") {
  if (element.textContent === words.replace("@", () => name)) return;
  const [before, after] = words.split("@"), isolated = document.createElement("bdi");
  isolated.textContent = name;
  element.replaceChildren(before, ...(after === undefined ? [] : [isolated, after]));
}

export function set_hidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

function show_best(mode) {
  const { phase, result, game, chosen, challenge } = state, is_over = [IDLE, OVER].includes(phase);
  const key = best_key(state.mode, challenge?.name), shown = is_over ? best_key(mode, chosen?.name) : key;
  const best = state.bests[shown] ?? 0;
  const is_open = !is_over || (phase === OVER && !result && shown === key); // the server hasn't counted it yet
  const beaten = is_open && counts() && game && game.score > best;
  set_text(at("best"), beaten ? game.score : best || "–");
  set_text(at("best-label"), beaten && best ? "New best" : "Best");
  at("best").parentElement.classList.toggle("is-beaten", Boolean(beaten && best));
}

/** Who is to be beaten next; the line stays empty until the board has said so. */
function show_next() {
  const { target, rival } = state, shown = target ?? rival;
  set_text(at("next-label"), next_label());
  set_text(at("next-name"), target?.is_own ? "Your own" : shown?.username ?? "");
  set_text(at("next-score"), shown?.score ?? "");
}

function next_label() {
  const { game, target, rival, leads, challenge } = state;
  if (target) return game?.score > target.score ? "Ahead of" : "To beat";
  if (rival) return rival.rank ? `Next: ${ordinal(rival.rank)}` : "To beat";
  if (!counts()) return "Out of the count";
  if (leads) return "Nobody ahead of you";
  return challenge && day_of(challenge.name) ? "Daily challenge" : "";
}

/** A rank that was just taken. */
function show_banner(now) {
  const taken = state.moments.findLast(({ what }) => what === OVERTOOK);
  const shows = Boolean(taken) && state.phase === PLAYING && now - taken.at < BANNER_MS;
  set_hidden(at("banner"), !shows);
  if (!shows) return;
  set_text(at("banner-rank"), taken.rank ? `${ordinal(taken.rank)}!` : "");
  set_text(at("banner-name"), taken.username);
}

/** The state of the connection in words, if it is worth any. */
function connection(now) {
  if (!state.id || (state.phase === OVER && state.result)) return "";
  if (state.connection === SIGNED_OUT) return "You are logged out.";
  if (state.connection === LOST) {
    return state.phase === OVER
      ? "Connection lost. The score is safe here, and sent as soon as it is back."
      : `Connection lost. Playing on; ${unheard()} s to catch up.`;
  }
  return now - state.back_at < BACK_MS ? "Connected again. Nothing is lost." : "";
}

function show_pause(now) {
  const left = pause_left(now), paused = state.phase === PAUSED;
  set_hidden(at("paused"), !paused);
  const signed_out = state.connection === SIGNED_OUT;
  set_text(at("paused-title"), signed_out ? "You are logged out" : "Paused");
  set_text(at("paused-note"), signed_out ? signed_out_note() : `${what_waits()}${budget(left)}`);
  set_hidden(at("go-on"), signed_out);
  set_hidden(at("log-in-again"), !signed_out);
  const scarce = state.phase === PLAYING && left !== null && left < SCARCE;
  set_text(at("budget"), scarce ? budget(left) : "");
}

function signed_out_note() {
  return `This game can be stored for ${state.player} only. Log in again, and it goes on where it stands.`;
}

/** The address may have asked for something else since. */
function what_waits() {
  const { chosen, challenge } = state;
  return chosen && chosen.name !== challenge?.asked ? "The challenge waits until this game is over. " : "";
}

function budget(left) {
  if (left === null) return "Take your time.";
  if (left === 0) return "Paused for too long: this game is not ranked unless you play on. Playing earns pausing time.";
  return `${Math.ceil(left)} s of pausing left, then this game is not ranked.`;
}

/** What a listener should hear now. */
function news() {
  const { phase, game, result } = state;
  if (phase === OVER) return `${OUTCOME_NAMES[outcome()] ?? "Game over"}. Score ${(result ?? game).score}.`;
  if (phase === PAUSED) return `Paused. Score ${game.score}.`;
  return game?.score ? `Score ${game.score}.` : "";
}

/** Says it at once, but scores no faster than one can listen. */
function announce(words, now) {
  if (at("announce").textContent === words) return;
  if (state.phase === PLAYING && now - said_at < QUIET_MS) return;
  said_at = now;
  at("announce").textContent = words;
}
