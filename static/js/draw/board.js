/* Draws a scene on its board: the background once, and on it, frame by frame, the food and the snake. It decides
nothing.

A board view is a canvas and what drawing on it has to remember. Lengths are in cells; the field begins at (0, 0), and
the rim is around it. */

import { IDLE, PAUSED, WARNING_TICKS, starvesIn } from "../game/state.js";
import { onColours, reducedMotion, tokensOf } from "../lib/dom.js";
import { CELLS, SIZE, WALLS, WON } from "../rules.js";
import { cellCentre, dot, drawSnake } from "./snake.js";

const RIM = 0.6;
const RETRY_MS = 2000; // before the effects are requested again
const TOKENS = [
  "pit", "pit-other", "grain", "rim", "rim-light", "shade", "snake", "scales", "eye", "tongue", "egg", "speckle",
  "dust", "ghost", "ghost-scales", "font-display",
];

/** The scene until the first game: a snake around the button. */
const RESTING = {
  id: null, phase: IDLE, tailLeft: null, eaten: null, meals: [], events: [],
  game: { body: cornersToCells([8, 4], [3, 4], [3, 15], [16, 15], [16, 4], [12, 4]), food: 4 * SIZE + 10,
    heading: "R", ticks: 0, score: 0, outcome: null },
};

let effects = null; // effects.js: {drawEffects, shake}, or {} while it is loaded: the first game needs it, not the first picture

/** Load the effects when a game is drawn first. */
async function loadEffects() {
  effects = {};
  try {
    effects = await import("./effects.js");
  } catch {
    setTimeout(() => { effects = null; }, RETRY_MS);
  }
}

/** Return a view on this canvas, sharp at its size on the screen. `close` unbinds it. */
export function createBoardView(canvas) {
  const view = { canvas, ctx: canvas.getContext("2d"), palette: null, background: null, density: 0, drawn: "" };
  const sizes = new ResizeObserver(() => resizeToDisplay(view));
  sizes.observe(canvas);
  const unbind = onColours(() => Object.assign(view, { palette: null, background: null }));
  view.close = () => {
    sizes.disconnect();
    unbind();
  };
  return view;
}

function resizeToDisplay(view) {
  const { canvas } = view, side = Math.round(canvas.clientWidth * devicePixelRatio);
  if (!side) return; // out of sight
  Object.assign(view, { background: null, density: devicePixelRatio });
  if (canvas.width === side && canvas.height === side) return;
  const last = canvas.cloneNode(); // resizing clears the canvas
  last.getContext("2d").drawImage(canvas, 0, 0);
  canvas.width = canvas.height = side;
  view.ctx.drawImage(last, 0, 0, side, side);
}

/** `state` is state.js's, or a scene with `id`, `mode` and `phase`; `progress` 0 to 1 from the last tick to the next;
`now` in milliseconds. `drawUnder(ctx, palette, now, still)`, if given, draws below the food and the snake. */
export function draw(view, state, progress, now, drawUnder = null) {
  if (view.density !== devicePixelRatio) resizeToDisplay(view); // the window is on another screen, or zoomed
  const scene = state.game ? state : { ...RESTING, mode: state.mode };
  const moving = scene.phase !== PAUSED && !reducedMotion.matches;
  const frame = [scene.id, scene.mode, scene.phase, scene.game.ticks, progress, scene.queue, moving ? now : ""].join();
  if (view.background?.mode === scene.mode && frame === view.drawn) return;
  view.drawn = frame;
  if (!effects && scene.id) loadEffects();
  const { canvas, ctx } = view, palette = view.palette ??= readPalette(canvas);
  if (view.background?.mode !== scene.mode) view.background = paintBackground(scene.mode, canvas.width, palette);
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.clearRect(0, 0, canvas.width, canvas.height);
  toCells(ctx, moving ? effects?.shake?.(scene, now) : undefined);
  ctx.drawImage(view.background, -RIM, -RIM, SIZE + 2 * RIM, SIZE + 2 * RIM);
  ctx.save();
  if (scene.mode !== WALLS) {
    ctx.beginPath();
    ctx.rect(0, 0, SIZE, SIZE);
    ctx.clip();
  }
  drawUnder?.(ctx, palette, now, reducedMotion.matches);
  drawFood(ctx, scene, progress, now, palette);
  drawSnake(ctx, scene, progress, now, palette, reducedMotion.matches);
  ctx.restore();
  if (moving) effects?.drawEffects?.(ctx, scene, now, palette);
  ctx.restore();
}

/** Until `restore`, lengths are in cells, and the origin is moved by [x, y]. */
function toCells(context, [x, y] = [0, 0]) {
  const cell = context.canvas.width / (SIZE + 2 * RIM);
  context.save();
  context.setTransform(cell, 0, 0, cell, (RIM + x) * cell, (RIM + y) * cell);
}

/** The cells along the lines between [x, y] and the next, and so on. */
function cornersToCells(...corners) {
  const cells = [];
  corners.forEach(([x, y], n) => {
    for (const [toX, toY] = corners[n + 1] ?? [x, y]; x !== toX || y !== toY;) {
      cells.push(y * SIZE + x);
      x += Math.sign(toX - x);
      y += Math.sign(toY - y);
    }
  });
  return cells;
}

// The background

/** Colours and font are the stylesheet's. */
function readPalette(canvas) {
  const token = tokensOf(canvas, TOKENS);
  return Object.fromEntries(TOKENS.map((name) => [name, token(name)]));
}

function paintBackground(mode, side, palette) {
  const layer = document.createElement("canvas");
  layer.width = layer.height = side;
  layer.mode = mode;
  const context = layer.getContext("2d");
  toCells(context);
  if (mode === WALLS) drawWall(context, palette);
  drawFloor(context, palette);
  if (mode === WALLS) drawDepth(context, palette);
  else drawOpenings(context, palette);
  return layer;
}

function drawWall(context, palette) {
  context.fillStyle = palette.rim;
  context.beginPath();
  context.roundRect(-RIM, -RIM, SIZE + 2 * RIM, SIZE + 2 * RIM, 0.7);
  context.fill();
  context.strokeStyle = palette["rim-light"];
  context.lineWidth = 0.1;
  context.beginPath();
  context.roundRect(-RIM + 0.16, -RIM + 0.16, SIZE + 2 * RIM - 0.32, SIZE + 2 * RIM - 0.32, 0.55);
  context.stroke();
}

function drawFloor(context, palette) {
  context.fillStyle = palette.pit;
  context.fillRect(0, 0, SIZE, SIZE);
  for (let cell = 0; cell < CELLS; cell++) {
    const x = cell % SIZE, y = Math.floor(cell / SIZE);
    if ((x + y) % 2) {
      context.fillStyle = palette["pit-other"];
      context.fillRect(x, y, 1, 1);
    }
    drawGrain(context, x, y, cell, palette);
  }
}

/** A few crumbs of earth, always the same ones. */
function drawGrain(context, x, y, cell, palette) {
  context.fillStyle = palette.grain;
  for (let n = 1; n <= cell * 7 % 3; n++) {
    const spot = cell * 97 * n;
    dot(context, { x: x + 0.1 + spot % 83 / 104, y: y + 0.1 + spot % 59 / 74 }, 0.03 + spot % 5 / 160);
  }
}

/** Shadow of the wall: the light comes from the top left. */
function drawDepth(context, palette) {
  for (const [x, y, reach] of [[0, 1, 0.9], [1, 0, 0.5]]) {
    const fade = context.createLinearGradient(0, 0, x * reach, y * reach);
    fade.addColorStop(0, palette.shade);
    fade.addColorStop(1, "transparent");
    context.globalAlpha = 0.5;
    context.fillStyle = fade;
    context.fillRect(0, 0, x ? reach : SIZE, y ? reach : SIZE);
  }
}

/** No wall: dashes beside the field, as many to a cell. */
function drawOpenings(context, palette) {
  context.strokeStyle = palette.rim;
  context.lineWidth = 0.2;
  context.lineCap = "round";
  context.setLineDash([0.5, 0.5]);
  context.lineDashOffset = -0.25;
  for (const at of [-0.32, SIZE + 0.32]) {
    context.beginPath();
    context.moveTo(0, at);
    context.lineTo(SIZE, at);
    context.moveTo(at, 0);
    context.lineTo(at, SIZE);
    context.stroke();
  }
}

// The food: an egg

function drawFood(ctx, scene, progress, now, palette) {
  const { game, eaten } = scene, left = starvesIn(scene);
  if (scene.isReaching) drawEgg(ctx, eaten, 1, palette);
  if (game.outcome === WON) return;
  const hatch = eaten === null || reducedMotion.matches ? 1 : Math.min(1, progress * 1.6);
  drawEgg(ctx, game.food, hatch * (reducedMotion.matches ? 1 : 1 + 0.035 * Math.sin(now / 260)), palette);
  if (left) drawHunger(ctx, game.food, left / WARNING_TICKS, palette);
}

/** A ring around the egg that runs out with the time to eat it. */
function drawHunger(ctx, cell, part, palette) {
  const { x, y } = cellCentre(cell), top = -Math.PI / 2;
  ctx.lineCap = "round";
  for (const [colour, width] of [[palette.shade, 0.26], [palette.egg, 0.14]]) {
    Object.assign(ctx, { strokeStyle: colour, lineWidth: width });
    ctx.beginPath();
    ctx.arc(x, y, 0.72, top, top + 2 * Math.PI * part);
    ctx.stroke();
  }
}

function drawEgg(ctx, cell, scale, palette) {
  const { x, y } = cellCentre(cell);
  ctx.save();
  ctx.translate(x, y);
  ctx.rotate(0.3);
  ctx.scale(scale, scale);
  eggShape(ctx, 0.05, 0.12, palette.shade);
  eggShape(ctx, 0, 0, palette.egg);
  ctx.fillStyle = palette.speckle;
  for (const [x, y, radius] of [[-0.1, -0.14, 0.045], [0.12, 0.02, 0.06], [-0.08, 0.14, 0.055], [0.08, 0.24, 0.04]]) {
    dot(ctx, { x, y }, radius);
  }
  ctx.restore();
}

function eggShape(ctx, x, y, colour) {
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.moveTo(x, y - 0.42);
  ctx.bezierCurveTo(x + 0.24, y - 0.42, x + 0.33, y - 0.05, x + 0.33, y + 0.1);
  ctx.bezierCurveTo(x + 0.33, y + 0.48, x - 0.33, y + 0.48, x - 0.33, y + 0.1);
  ctx.bezierCurveTo(x - 0.33, y - 0.05, x - 0.24, y - 0.42, x, y - 0.42);
  ctx.fill();
}
