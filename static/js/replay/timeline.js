/* The timeline of a playback: a slider with all meals on it, and a snake along it that has eaten those it has passed.

Both are painted once for each length of the game: from frame to frame, only how far the snake reaches changes. */

import { PLAYING } from "../game/state.js";
import { byId, onColours, setAttribute, setText, tokensOf } from "../lib/dom.js";
import { t } from "../lib/language.js";

const ANNOUNCE_MS = 1000; // between two positions for screen readers
const COLORS = ["egg", "snake", "scales"];

const timeline = byId("timeline"), slider = byId("replay-slider");
const [eggs, eaten] = timeline.querySelectorAll("canvas");

let painted = null; // what the canvases show: {playback, ticks, density}
let placed = {}; // where the head is: {tick, end}
let announcedAt = -Infinity;
let isDragged = false;

/** `seek` takes the tick that the viewer moves to. */
export function bindTimeline({ seek }) {
  slider.addEventListener("input", () => seek(Number(slider.value)));
  slider.addEventListener("pointerdown", ({ button }) => (isDragged = button === 0));
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, () => (isDragged = false));
  onColours(() => (painted = null));
  new ResizeObserver(() => (painted = null)).observe(eggs);
}

/** Whether the viewer is dragging the slider: then nothing else may move it. */
export function isDragging() {
  return isDragged;
}

/** Show the playback's position at `now`; a game that `grows` has no end yet. */
export function showTimeline(playback, grows, now) {
  const { game, known, phase } = playback;
  paint(playback);
  movePlayhead(game.ticks, known.ticks);
  const at = { tick: String(game.ticks), of: String(known.ticks) }; // not amounts: without groups of digits
  setText(byId("replay-tick"), t(grows ? "replay.tick" : "replay.tickOf", at));
  setText(byId("replay-time"), t("replay.time", { time: time(game.nominalMs), of: time(known.nominalMs) }));
  if (phase === PLAYING && now - announcedAt < ANNOUNCE_MS) return;
  announcedAt = now;
  setAttribute(slider, "aria-valuetext", t("replay.position", { ...at, score: game.score }));
}

function movePlayhead(tick, end) {
  if (placed.tick === tick && placed.end === end) return;
  placed = { tick, end };
  Object.assign(slider, { max: end, value: tick });
  timeline.style.setProperty("--played", end ? tick / end : 0);
}

function time(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

// Painting

function paint(playback) {
  const { known: { ticks }, allMeals } = playback;
  if (painted?.playback === playback && painted.ticks === ticks && painted.density === devicePixelRatio) return;
  painted = { playback, ticks, density: devicePixelRatio };
  const [egg, snake, scales] = COLORS.map(tokensOf(timeline));
  const meals = allMeals.map(({ tick }) => tick / ticks);
  dotMeals(clear(eggs), meals, egg);
  const ctx = clear(eaten);
  ctx.fillStyle = snake;
  ctx.fillRect(0, 0, eaten.width, eaten.height);
  dotMeals(ctx, meals, scales);
}

/** Empty a canvas and make it as sharp as the screen. Return its context. */
function clear(canvas) {
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
  canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
  return canvas.getContext("2d");
}

/** An egg for each meal, at its part of the game; smaller where they are close. */
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
