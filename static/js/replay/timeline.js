/* The timeline of a playback: a slider with all meals on it, and a snake along it that has eaten those that it has passed.

Both are painted once for each length of the game: from frame to frame, only how far the snake reaches changes. */

import { setText } from "../play/hud.js";
import { PLAYING } from "../game/state.js";

const SAY_MS = 1000; // between two places that are told while it plays: nobody listens faster
const LOOKS = ["egg", "snake", "scales"];

const at = (id) => document.getElementById(id);
const timeline = at("timeline"), slider = at("replay-slider");
const [eggs, eaten] = timeline.querySelectorAll("canvas");
const dark = matchMedia("(prefers-color-scheme: dark)");

let painted = null; // what the canvases show: {playback, ticks}
let placed = {}; // where the head is: {tick, end}
let saidAt = -Infinity;
let isDragged = false;

/** Calls `seek` with the tick that is asked for. */
export function bindTimeline({ seek }) {
  slider.addEventListener("input", () => seek(Number(slider.value)));
  slider.addEventListener("pointerdown", ({ button }) => (isDragged = button === 0));
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, () => (isDragged = false));
  dark.addEventListener("change", () => (painted = null));
  new ResizeObserver(() => (painted = null)).observe(eggs);
}

/** Whether a hand is on it: then nothing moves it away from there. */
export function isInHand() {
  return isDragged;
}

/** Shows where the playback is at `now`; the end of a game that `grows` is not there yet. */
export function showTimeline(playback, grows, now) {
  const { game, known, phase } = playback;
  paint(playback);
  movePlayhead(game.ticks, known.ticks);
  setText(at("replay-tick"), `Tick ${game.ticks}${grows ? "" : ` of ${known.ticks}`}`);
  setText(at("replay-time"), `${time(game.nominalMs)} of ${time(known.nominalMs)}`);
  if (phase === PLAYING && now - saidAt < SAY_MS) return;
  saidAt = now;
  const words = `tick ${game.ticks} of ${known.ticks}, score ${game.score}`;
  if (slider.getAttribute("aria-valuetext") !== words) slider.setAttribute("aria-valuetext", words);
}

function movePlayhead(tick, end) {
  if (placed.tick === tick && placed.end === end) return;
  placed = { tick, end };
  Object.assign(slider, { max: end, value: tick });
  timeline.style.setProperty("--played", end ? tick / end : 0);
}

/** Minutes and seconds. */
function time(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

// What is painted

function paint(playback) {
  const { known: { ticks }, allMeals } = playback;
  if (painted?.playback === playback && painted.ticks === ticks) return;
  painted = { playback, ticks };
  const style = getComputedStyle(timeline);
  const [egg, snake, scales] = LOOKS.map((name) => style.getPropertyValue(`--${name}`).trim());
  const meals = allMeals.map(({ tick }) => tick / ticks);
  dotMeals(clear(eggs), meals, egg);
  const ctx = clear(eaten);
  ctx.fillStyle = snake;
  ctx.fillRect(0, 0, eaten.width, eaten.height);
  dotMeals(ctx, meals, scales);
}

/** The context of a canvas that is as sharp as the screen, and empty. */
function clear(canvas) {
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
  canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
  return canvas.getContext("2d");
}

/** An egg for each meal, by how much of the game was over then; smaller where they lie close. */
function dotMeals(ctx, meals, colour) {
  const { width, height } = ctx.canvas, apart = width / (meals.length + 1);
  const tall = height * 0.36, wide = Math.max(0.4 * devicePixelRatio, Math.min(tall * 0.75, apart * 0.32));
  ctx.fillStyle = colour;
  for (const meal of meals) {
    ctx.beginPath();
    ctx.ellipse(meal * width, height / 2, wide, tall, 0, 0, 2 * Math.PI);
    ctx.fill();
  }
}
