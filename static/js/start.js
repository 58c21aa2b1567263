/* The start: the choice of a mode, the button, and the offer to go on with a game that the last page left open. */

import * as api from "./api.js";
import { set_hidden, set_text } from "./hud.js";
import { prepare, resume, start } from "./play.js";
import { Game, MODES, PASS_THROUGH, RULES, WALLS } from "./rules.js";
import { IDLE, OVER, state } from "./state.js";
import { forget, keep, recall } from "./storage.js";
import { MODE_NAMES } from "./words.js";

const ANSWER_MS = 250; // for another tab to say that it is playing

const at = (id) => document.getElementById(id);
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("snakepit") : null;

let offer = null; // {opened, played} of a game that could be resumed

/** Wires the start card; answers nothing, as it lives as long as the page. */
export function bind_start() {
  at(mode_id(MODES.includes(recall("mode")) ? recall("mode") : WALLS)).checked = true;
  at("modes").addEventListener("change", choose);
  at("start").addEventListener("submit", (event) => {
    event.preventDefault();
    play();
  });
  at("resume").addEventListener("click", accept);
  tabs?.addEventListener("message", ({ data }) => {
    if (data.ask && data.ask === state.id && state.phase !== IDLE) tabs.postMessage({ playing: state.id });
  });
  choose();
}

/** What Enter means before a game: to go on with the one that is offered, or to play. */
export function go_ahead() {
  if (offer) accept();
  else play();
}

/** Starts a game in the chosen mode. */
export function play() {
  offer = null;
  document.activeElement?.blur(); // a key meant for the snake is not to press the button once more
  start(chosen_mode());
}

export function chosen_mode() {
  return at(mode_id(PASS_THROUGH)).checked ? PASS_THROUGH : WALLS;
}

export function show_start() {
  const { phase, trouble } = state;
  set_hidden(at("start"), phase !== IDLE);
  for (const mode of MODES) at(mode_id(mode)).disabled = ![IDLE, OVER].includes(phase);
  set_text(at("trouble"), trouble ?? "");
  set_hidden(at("offer"), !offer);
  set_text(at("play"), offer ? "New game" : "Play");
  at("play").classList.toggle("loud", !offer);
  if (!offer) return;
  set_text(at("offer-text"), `Your last game is still open: ${offer.score} points, ${MODE_NAMES[offer.mode]}.`);
}

function mode_id(mode) {
  return `mode-${mode}`;
}

function choose() {
  const mode = chosen_mode();
  keep("mode", mode);
  prepare(mode);
}

// A game left open

/** Looks whether the last page left a game that the server still holds open, and offers to go on with it. */
export async function find_open_game() {
  const left = recall("game");
  if (!left || await is_played_elsewhere(left.id)) return;
  const found = await api.game(left.id).catch((problem) => problem.status === 404 ? {} : null);
  if (!found || state.phase !== IDLE) return; // out of reach: the next page will ask again
  const can_go_on = found.status === "playing" && found.rules === RULES && left.user === api.session.user?.id;
  if (!can_go_on) forget("game");
  else propose(found, left.tick > found.tick ? left : found);
}

/** `played` is what goes furthest: the server's record, or what this browser had not sent yet. */
function propose(found, { turns, tick }) {
  const game = new Game(found.seed, found.mode);
  game.advance(turns, tick);
  offer = { opened: found, played: { turns, tick }, mode: found.mode, score: game.score };
  if (game.outcome) accept(); // it had ended, only the server doesn't know yet
  else show_start();
}

function accept() {
  const { opened, played, mode } = offer;
  offer = null;
  at(mode_id(mode)).checked = true;
  document.activeElement?.blur();
  resume(opened, played);
}

/** Whether another tab of this browser is in the middle of that game. */
function is_played_elsewhere(id) {
  if (!tabs) return false;
  return new Promise((resolve) => {
    tabs.addEventListener("message", ({ data }) => data.playing === id && resolve(true));
    setTimeout(() => resolve(false), ANSWER_MS);
    tabs.postMessage({ ask: id });
  });
}
