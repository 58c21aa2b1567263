/* A game shown again, from its seed and its turns: at the pace at which it was played, or faster. */

import * as api from "./api.js";
import { set_hidden, set_text } from "./hud.js";
import { draw, open_pit } from "./render.js";
import { Game, tick_ms } from "./rules.js";
import { OVER, PAUSED, PLAYING, scene, step } from "./state.js";
import { MODE_NAMES, OUTCOME_NAMES } from "./words.js";

const SPEEDS = [1, 4, 16];
const MOST_STEPS = 60; // in one frame

const at = (id) => document.getElementById(id);
const pit = open_pit(at("replay-board"));

let record = null; // the server's, of the game that is shown
let shown = null; // its scene, with `phase`, `clock` and `seen_at` as state.js has them
let speed = 1, asked = null;

/** Shows the game of that id from its start. */
export async function open(query, id) {
  asked = id;
  record = shown = null;
  set_text(at("replay-player"), "A game");
  at("replay-player").removeAttribute("href");
  set_text(at("replay-mode"), "");
  say_instead("Loading…");
  try {
    const found = await api.game(id);
    if (asked !== id) return;
    record = found;
    begin();
  } catch (problem) {
    if (asked !== id) return;
    say_instead(problem.status === 404
      ? "There is no such game. It may be gone with its player's account, or the link may be cut short."
      : problem.message);
  }
}

export function close() {
  asked = record = shown = null;
}

/** Space and its like: stops or goes on, at the end from the start; whether there was something to show. */
export function toggle() {
  if (!shown) return false;
  if (shown.phase === OVER) restart();
  else shown.phase = shown.phase === PLAYING ? PAUSED : PLAYING;
  return true;
}

function begin() {
  const { id, username, mode, score } = record, name = username ?? "a guest";
  document.title = `${score} by ${name} · Snakepit`;
  say_instead("");
  set_text(at("replay-player"), name);
  at("replay-player").toggleAttribute("href", Boolean(username));
  if (username) at("replay-player").href = `#/players/${encodeURIComponent(username)}`;
  set_text(at("replay-mode"), MODE_NAMES[mode]);
  set_text(at("replay-final"), score);
  restart();
  requestAnimationFrame((now) => frame(now, id));
}

function restart() {
  if (!record) return;
  const { id, mode, seed, turns } = record;
  shown = { id, mode, ...scene(new Game(seed, mode), turns), phase: PLAYING, clock: 0, seen_at: performance.now() };
}

function frame(now, id) {
  if (record?.id !== id) return; // another game is shown, or none
  advance(now);
  draw(pit, shown, progress(), now);
  show();
  requestAnimationFrame((next) => frame(next, id));
}

/** Lets the time up to `now` pass, at its speed. */
function advance(now) {
  const elapsed = Math.min(100, Math.max(0, now - shown.seen_at));
  shown.seen_at = now;
  if (shown.phase !== PLAYING) return;
  shown.clock += elapsed * speed;
  for (let steps = 0; steps < MOST_STEPS && shown.clock >= tick_ms(shown.game.score); steps++) {
    shown.clock -= tick_ms(shown.game.score);
    if (shown.game.ticks < record.tick) step(shown, now);
    if (shown.game.ticks < record.tick && !shown.game.outcome) continue;
    Object.assign(shown, { phase: OVER, over_at: now });
    return;
  }
}

function progress() {
  return shown.phase === OVER ? 1 : Math.min(1, shown.clock / tick_ms(shown.game.score));
}

// What is said around it

function show() {
  set_text(at("replay-score"), shown.game.score);
  set_text(at("replay-toggle"), { [PLAYING]: "Pause", [PAUSED]: "Go on", [OVER]: "Again" }[shown.phase]);
  for (const each of SPEEDS) at(`replay-speed-${each}`).setAttribute("aria-pressed", each === speed);
  set_text(at("replay-outcome"), shown.phase === OVER ? ending() : "");
}

function ending() {
  const { outcome, ranked, score } = record;
  if (!outcome) return "Still being played: this is as far as the server knows it.";
  return `${OUTCOME_NAMES[outcome]}, with ${score} points${ranked ? "" : ". Not ranked"}.`;
}

/** Words where the game would be; none for the game itself. */
function say_instead(words) {
  set_text(at("replay-note"), words);
  set_hidden(at("replay-controls"), Boolean(words));
}

at("replay-toggle").addEventListener("click", toggle);
at("replay-restart").addEventListener("click", restart);
for (const each of SPEEDS) at(`replay-speed-${each}`).addEventListener("click", () => (speed = each));
