/* A game as a thumbnail: the path of its head as a line that brightens with time, its meals, and its end. */

import { Game, SIZE, WALLS } from "../rules.js";
import { cellCentre, cross, dot } from "./snake.js";

const STRETCHES = 40; // of the line, each a little brighter than the one before
const MARGIN = 0.7; // around the field, in cells

/** Draw the game {seed, mode, turns, tick} on the canvas, at its size on the page. */
export function drawThumbnail(canvas, game) {
  const style = getComputedStyle(canvas), colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const ctx = canvas.getContext("2d"), { path, meals } = trace(game);
  canvas.width = canvas.height = Math.round(canvas.clientWidth * devicePixelRatio);
  const cell = canvas.width / (SIZE + 2 * MARGIN);
  ctx.setTransform(cell, 0, 0, cell, MARGIN * cell, MARGIN * cell);
  drawField(ctx, game.mode, colour);
  drawPath(ctx, path, colour);
  ctx.fillStyle = colour("egg");
  for (const spot of meals) dot(ctx, spot, 0.36);
  drawEnd(ctx, path.at(-1), colour);
}

/** The cells of the head, tick by tick, and those where it ate, as points. */
function trace({ seed, mode, turns, tick }) {
  const game = new Game(seed, mode), path = [cellCentre(game.body[0])], meals = [];
  for (let at = 1; at <= tick && !game.outcome; at++) {
    const score = game.score;
    game.advance(turns, at);
    path.push(cellCentre(game.body[0]));
    if (game.score > score) meals.push(path.at(-1));
  }
  return { path, meals };
}

function drawField(ctx, mode, colour) {
  ctx.fillStyle = colour("shade");
  ctx.beginPath();
  ctx.roundRect(-MARGIN, -MARGIN, SIZE + 2 * MARGIN, SIZE + 2 * MARGIN, 1.6);
  ctx.fill();
  ctx.strokeStyle = colour("rim-light");
  ctx.lineWidth = 0.35;
  if (mode !== WALLS) ctx.setLineDash([0.8, 0.8]);
  ctx.strokeRect(-0.1, -0.1, SIZE + 0.2, SIZE + 0.2);
  ctx.setLineDash([]);
}

function drawPath(ctx, path, colour) {
  const snake = colour("snake"), shade = colour("shade");
  Object.assign(ctx, { lineWidth: 0.46, lineCap: "round", lineJoin: "round" });
  for (let n = 0; n < STRETCHES; n++) {
    const from = Math.floor(n * (path.length - 1) / STRETCHES), to = Math.floor((n + 1) * (path.length - 1) / STRETCHES);
    if (from === to) continue;
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

function drawEnd(ctx, { x, y }, colour) {
  ctx.fillStyle = colour("shade");
  dot(ctx, { x, y }, 1.15);
  ctx.fillStyle = colour("egg");
  dot(ctx, { x, y }, 0.95);
  Object.assign(ctx, { strokeStyle: colour("shade"), lineWidth: 0.4 });
  cross(ctx, x, y, 0.4);
}
