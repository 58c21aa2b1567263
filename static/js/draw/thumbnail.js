/* A game as a thumbnail: the path of its head as a line that brightens with time, its meals, and its end. */

import { tokensOf } from "../lib/dom.js";
import { Game, SIZE, WALLS, WON } from "../rules.js";
import { cellCentre, cross, dot } from "./snake.js";

const STRETCHES = 40; // of the line, each a little brighter than the one before
const MARGIN = 0.7; // around the field, in cells

/** Draw a game, as `trace` has it, on the canvas, at its size on the page. */
export function drawThumbnail(canvas, traced) {
  drawOn(beginThumbnail(canvas, traced), traced.path.length - 1);
}

/** Draw the field only, for `drawOn`. */
export function beginThumbnail(canvas, traced) {
  canvas.width = canvas.height = Math.round(canvas.clientWidth * devicePixelRatio);
  return beginDrawing(canvas.getContext("2d"), canvas.width, traced, tokensOf(canvas));
}

/** The same in a square at the origin of a context. */
export function beginDrawing(ctx, side, traced, colour) {
  const cell = side / (SIZE + 2 * MARGIN);
  ctx.transform(cell, 0, 0, cell, MARGIN * cell, MARGIN * cell);
  drawField(ctx, traced.mode, colour);
  return { ...traced, ctx, colour, drawnTo: -1 };
}

/** Draw more of the path, up to its point `to`, and the meals that are new; at its last point also the end. */
export function drawOn(drawing, to) {
  const { ctx, colour, path, meals, drawnTo } = drawing;
  drawPath(ctx, path, [Math.max(0, drawnTo), to], colour);
  drawing.drawnTo = to;
  ctx.fillStyle = colour("egg");
  for (const at of meals) if (at > drawnTo && at <= to) dot(ctx, path[at], 0.36);
  if (to === path.length - 1) drawEnd(ctx, path[to], drawing.isWon, colour);
}

/** Where a point of the path is in the square, 0 to 1. */
export function placeOf({ x, y }) {
  return { x: (x + MARGIN) / (SIZE + 2 * MARGIN), y: (y + MARGIN) / (SIZE + 2 * MARGIN) };
}

/** Play the game {seed, mode, turns, tick}. Return {mode, path, meals, isWon}: the cells of its head, tick by tick, as points, and
the ticks of its meals. */
export function trace({ seed, mode, turns, tick }) {
  const game = new Game(seed, mode), path = [cellCentre(game.body[0])], meals = [];
  for (let at = 1; at <= tick && !game.outcome; at++) {
    const score = game.score;
    game.advance(turns, at);
    path.push(cellCentre(game.body[0]));
    if (game.score > score) meals.push(at);
  }
  return { mode, path, meals, isWon: game.outcome === WON };
}

function drawField(ctx, mode, colour) {
  ctx.fillStyle = colour("shade");
  ctx.beginPath();
  ctx.roundRect(-MARGIN, -MARGIN, SIZE + 2 * MARGIN, SIZE + 2 * MARGIN, 1.6);
  ctx.fill();
  ctx.strokeStyle = colour("rim-light");
  ctx.lineWidth = 0.35;
  if (mode !== WALLS) ctx.setLineDash([0.8, 0.8]);
  ctx.beginPath();
  ctx.roundRect(-0.1, -0.1, SIZE + 0.2, SIZE + 0.2, 0.9);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** The part of the path between two of its points, in stretches. */
function drawPath(ctx, path, [first, last], colour) {
  const snake = colour("snake"), shade = colour("shade"), length = path.length - 1;
  Object.assign(ctx, { lineWidth: 0.46, lineCap: "round", lineJoin: "round" });
  for (let n = 0; n < STRETCHES; n++) {
    const from = Math.max(first, Math.floor(n * length / STRETCHES));
    const to = Math.min(last, Math.floor((n + 1) * length / STRETCHES));
    if (from >= to) continue;
    const bright = Math.round(30 + 70 * (n + 1) / STRETCHES);
    ctx.strokeStyle = `color-mix(in srgb, ${snake} ${bright}%, ${shade})`;
    ctx.beginPath();
    for (let at = from; at <= to; at++) {
      const isJump = at === from || Math.abs(path[at].x - path[at - 1].x) + Math.abs(path[at].y - path[at - 1].y) > 1;
      if (isJump) ctx.moveTo(path[at].x, path[at].y); // round the edge, too
      else ctx.lineTo(path[at].x, path[at].y);
    }
    ctx.stroke();
  }
}

/** A cross; the last egg where the pit is full. */
function drawEnd(ctx, { x, y }, isWon, colour) {
  ctx.fillStyle = colour("shade");
  dot(ctx, { x, y }, 1.15);
  ctx.fillStyle = colour("egg");
  dot(ctx, { x, y }, 0.95);
  if (isWon) {
    ctx.fillStyle = colour("accent");
    return dot(ctx, { x, y }, 0.5);
  }
  Object.assign(ctx, { strokeStyle: colour("shade"), lineWidth: 0.4 });
  cross(ctx, x, y, 0.4);
}
