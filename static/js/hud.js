/* What is said around the board while one plays: score, best, the connection, pauses. It shows the state, and changes
nothing. */

import { READY_MS, outcome, pause_left, unheard } from "./play.js";
import { IDLE, LOST, OPENING, OVER, PAUSED, PLAYING, READY, SIGNED_OUT, state } from "./state.js";
import { OUTCOME_NAMES } from "./words.js";

const BACK_MS = 4000; // for how long it is said that the connection is back
const SCARCE = 20; // seconds of pausing left from which on they are shown in mid-game

const at = (id) => document.getElementById(id);

/** Shows the state as of `now`; called with each frame, it touches only what has changed. `mode` is the chosen one. */
export function show(now, mode) {
  const { phase, game, result } = state;
  at("view-play").dataset.phase = phase;
  set_text(at("score"), (result ?? game)?.score ?? 0);
  show_best(mode);
  set_text(at("connection"), connection(now));
  at("connection").dataset.state = state.connection;
  show_pause(now);
  set_hidden(at("count"), phase !== READY);
  set_text(at("count"), Math.ceil(state.ready_ms / (READY_MS / 3)) || 1);
  set_hidden(at("opening"), phase !== OPENING);
  at("pause").disabled = ![PLAYING, READY].includes(phase);
  announce(news());
}

export function set_text(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

export function set_hidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

function show_best(mode) {
  const playing = ![IDLE, OVER].includes(state.phase);
  const best = state.bests[playing ? state.mode : mode] ?? 0;
  const beaten = playing && state.game && state.game.score > best;
  set_text(at("best"), beaten ? state.game.score : best || "–");
  at("best").parentElement.classList.toggle("is-beaten", Boolean(beaten));
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
  set_text(at("paused-note"), signed_out ? signed_out_note() : budget(left));
  set_hidden(at("go-on"), signed_out);
  set_hidden(at("log-in-again"), !signed_out);
  const scarce = state.phase === PLAYING && left !== null && left < SCARCE;
  set_text(at("budget"), scarce ? budget(left) : "");
}

function signed_out_note() {
  return `This game can be stored for ${state.player} only. Log in again, and it goes on where it stands.`;
}

function budget(left) {
  if (left === null) return "Take your time.";
  if (left === 0) return "Paused for too long: this game no longer counts for the boards.";
  return `${Math.ceil(left)} s of pause left before this game stops counting for the boards.`;
}

/** What a listener should hear now. */
function news() {
  const { phase, game, result } = state;
  if (phase === OVER) return `${OUTCOME_NAMES[outcome()] ?? "Game over"}. Score ${(result ?? game).score}.`;
  if (phase === PAUSED) return "Paused.";
  return game?.score ? `Score ${game.score}.` : "";
}

function announce(words) {
  set_text(at("announce"), words);
}
