/* Draws the snake: a round body along the centres of its cells, gliding from one to the next.

Lengths are in cells, (0, 0) is the corner of the field. Where a snake goes round the edge, its line runs on beyond the
field and is drawn again one field further on, so that one piece leaves while the other enters. */

import { SIZE, STEPS, WALLS, WON } from "../rules.js";
import { OVER } from "../game/state.js";

const WIDTH = 0.76;
const BEND = 0.46; // how far from the middle of a cell the body begins to turn
const TAPER = 3.2; // the length of the tail that grows thinner
const TIP = 0.3; // of the WIDTH is left at its end
const DROP = 0.13; // how far the shadow falls
const NEAR = 1; // beside the field, something may still be seen on it
const AHEAD = 0.06, ASIDE = 0.08; // how far the pupils are from the middle of the eyes

/** `scene` as in state.js; `progress` 0 to 1 from the last tick to the next; `now` in milliseconds. */
export function drawSnake(ctx, scene, progress, now, palette, still) {
  const points = spine(scene, progress), angle = lookAngle(points, progress);
  const line = roundOff(points);
  const look = { angle, gaze: gaze(scene, angle), ...pose(scene, now, still) };
  const parts = scene.mode === WALLS ? [{ x: 0, y: 0, runs: [[0, line.length - 1]] }] : seenParts(line);
  for (const { x, y, runs } of parts) {
    atPlace(ctx, x, y + DROP, () => {
      drawBody(ctx, line, runs, scene, progress, palette.shade);
      if (runs[0][0] === 0) drawSkull(ctx, line[0], look, palette.shade);
    });
  }
  for (const { x, y, runs } of parts) {
    atPlace(ctx, x, y, () => {
      drawBody(ctx, line, runs, scene, progress, palette.snake);
      drawDots(ctx, line, runs, palette.scales);
      if (runs[0][0] === 0) drawHead(ctx, line[0], look, palette);
    });
  }
}

export function cellCentre(cell) {
  return { x: cell % SIZE + 0.5, y: Math.floor(cell / SIZE) + 0.5 };
}

function atPlace(ctx, x, y, draw) {
  ctx.save();
  ctx.translate(x, y);
  draw();
  ctx.restore();
}

// Where it is

/** The middle line, head first, one point a cell; neighbours are neighbours even across the edge. */
function spine({ game, tailLeft }, progress) {
  const cells = tailLeft === null ? game.body : [...game.body, tailLeft];
  const points = [cellCentre(cells[0])];
  for (let n = 1; n < cells.length; n++) {
    points.push({
      x: points[n - 1].x + step(cells[n - 1] % SIZE, cells[n] % SIZE),
      y: points[n - 1].y + step(Math.floor(cells[n - 1] / SIZE), Math.floor(cells[n] / SIZE)),
    });
  }
  if (game.ticks > 0) points[0] = between(points[1], points[0], progress);
  if (tailLeft !== null) points[points.length - 1] = between(points.at(-1), points.at(-2), progress);
  return points;
}

/** From one coordinate to the neighbouring one, which may lie across the edge: -1, 0 or 1. */
function step(from, to) {
  const way = to - from;
  return Math.abs(way) > 1 ? -Math.sign(way) : way;
}

function between(from, to, part) {
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}

function distance(a, b) {
  return Math.hypot(b.x - a.x, b.y - a.y);
}

/** The line with its corners rounded: points {x, y, at}, `at` being the way from the head. */
function roundOff(points) {
  const line = [];
  const add = ({ x, y }) => {
    const last = line.at(-1);
    line.push({ x, y, at: last ? last.at + distance(last, { x, y }) : 0 });
  };
  add(points[0]);
  for (let n = 1; n < points.length - 1; n++) {
    const [before, corner, after] = [points[n - 1], points[n], points[n + 1]];
    const reach = Math.min(BEND, distance(before, corner), distance(corner, after));
    if (reach === 0 || before.x === after.x || before.y === after.y) {
      add(corner);
      continue;
    }
    const start = between(corner, before, reach / distance(corner, before));
    const end = between(corner, after, reach / distance(corner, after));
    // Along a quadratic curve
    for (const t of [0, 0.25, 0.5, 0.75, 1]) add(between(between(start, corner, t), between(corner, end, t), t));
  }
  add(points.at(-1));
  return line;
}

function pointAt(line, at) {
  let n = line.length - 1;
  while (n > 1 && line[n - 1].at > at) n--;
  const [from, to] = [line[n - 1], line[n]];
  return between(from, to, to.at > from.at ? (at - from.at) / (to.at - from.at) : 0);
}

/** Where the line is seen on the field: [{x, y, runs}], by how much it is moved there, and which of its points, from
and to, are then on the field or beside it, with one more at either end. A snake may go round the edge many times: each
place draws its part only. */
function seenParts(line) {
  const parts = {}, last = line.length - 1;
  line.forEach((point, n) => {
    for (const x of fields(point.x)) {
      for (const y of fields(point.y)) {
        const { runs } = parts[`${x} ${y}`] ??= { x: -x * SIZE, y: -y * SIZE, runs: [] };
        if (runs.at(-1)?.[1] >= n - 1) runs.at(-1)[1] = Math.min(last, n + 1);
        else runs.push([Math.max(0, n - 1), Math.min(last, n + 1)]);
      }
    }
  });
  return Object.values(parts);
}

/** The one field, or the two, in which something at this coordinate shows. */
function fields(coordinate) {
  const low = Math.floor((coordinate - NEAR) / SIZE), high = Math.floor((coordinate + NEAR) / SIZE);
  return low === high ? [low] : [low, high];
}

// What it looks like

function drawBody(ctx, line, runs, { game, meals }, progress, colour) {
  const length = line.at(-1).at, taper = Math.min(TAPER, length * 0.7);
  Object.assign(ctx, { strokeStyle: colour, fillStyle: colour, lineCap: "round", lineJoin: "round", lineWidth: WIDTH });
  trace(ctx, line, runs, length - taper);
  ctx.stroke();
  if (runs.at(-1)[1] === line.length - 1) drawTail(ctx, line, length, taper);
  for (let n = meals.length - 1; n >= 0; n--) {
    const at = game.ticks - meals[n] + progress; // on its way down
    if (at >= length - taper) break;
    if (at > 1) dot(ctx, pointAt(line, at), WIDTH * (0.5 + 0.12 * Math.min(1, at - 1)));
  }
}

function drawTail(ctx, line, length, taper) {
  for (let at = length - taper; at < length; at += 0.16) {
    ctx.lineWidth = WIDTH * (1 - (1 - TIP) * ((at - length + taper) / taper) ** 1.6);
    ctx.beginPath();
    for (const end of [at, Math.min(length, at + 0.16)]) {
      const { x, y } = pointAt(line, end);
      ctx.lineTo(x, y);
    }
    ctx.stroke();
  }
}

/** The runs of the line as a path, from the head to `end`. */
function trace(ctx, line, runs, end) {
  ctx.beginPath();
  for (const [from, to] of runs) {
    if (line[from].at > end) return;
    ctx.moveTo(line[from].x, line[from].y);
    let n = from;
    while (++n <= to && line[n].at <= end) ctx.lineTo(line[n].x, line[n].y);
    if (n > to) continue;
    const { x, y } = pointAt(line, end);
    ctx.lineTo(x, y);
  }
}

/** A dot every so often along the line, which is walked once. */
function drawDots(ctx, line, runs, colour) {
  const end = line.at(-1).at - 0.9;
  ctx.fillStyle = colour;
  for (const [first, last] of runs) {
    for (let n = first + 1; n <= last; n++) {
      const from = line[n - 1], to = line[n];
      for (let k = Math.max(0, Math.ceil((from.at - 1.05) / 0.7)); 1.05 + 0.7 * k < Math.min(to.at, end); k++) {
        dot(ctx, between(from, to, (1.05 + 0.7 * k - from.at) / (to.at - from.at)), 0.11);
      }
    }
  }
}

export function dot(ctx, { x, y }, radius) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
}

/** The way that the head looks, in radians; it turns within the first part of a tick. */
function lookAngle(points, progress) {
  const [head, neck, next] = points;
  const before = Math.atan2(neck.y - next.y, neck.x - next.x);
  if (distance(head, neck) < 1e-6) return before;
  const way = Math.atan2(head.y - neck.y, head.x - neck.x) - before;
  return before + Math.atan2(Math.sin(way), Math.cos(way)) * Math.min(1, progress / 0.45);
}

/** Where the pupils are, seen from a head at this angle: ahead, or to the last turn that waits for its tick. */
function gaze({ queue = [] }, angle) {
  if (!queue.length) return { x: AHEAD, y: 0 };
  const [x, y] = STEPS[queue.at(-1)], cos = Math.cos(angle), sin = Math.sin(angle);
  return { x: ASIDE * (x * cos + y * sin), y: ASIDE * (y * cos - x * sin) };
}

/** What the head does: `lunge` cells ahead into what it ran into, `dazed`, the `tongue` 0 to 1 out. */
function pose({ game, phase, overAt }, now, still) {
  const dazed = phase === OVER && Boolean(game.outcome) && game.outcome !== WON;
  const bump = Math.min(1, Math.max(0, (now - overAt) / 220));
  const beat = now % 2600 / 260;
  return {
    dazed,
    lunge: dazed && !still ? 0.3 * Math.sin(Math.PI * bump) : 0,
    tongue: still || dazed || beat > 1 ? 0 : Math.sin(Math.PI * beat),
    way: STEPS[game.heading],
  };
}

function atHead(ctx, head, { angle, lunge, way }, draw) {
  atPlace(ctx, head.x + lunge * way[0], head.y + lunge * way[1], () => {
    ctx.rotate(angle);
    draw();
  });
}

function drawSkull(ctx, head, look, colour) {
  atHead(ctx, head, look, () => {
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.ellipse(0.06, 0, 0.56, 0.47, 0, 0, 2 * Math.PI);
    ctx.fill();
  });
}

function drawHead(ctx, head, look, palette) {
  atHead(ctx, head, look, () => {
    if (look.tongue) drawTongue(ctx, look.tongue, palette.tongue);
  });
  drawSkull(ctx, head, look, palette.snake);
  atHead(ctx, head, look, () => {
    for (const side of [-1, 1]) (look.dazed ? drawDazedEye : drawEye)(ctx, { x: 0.16, y: side * 0.25 }, palette, look.gaze);
  });
}

function drawEye(ctx, { x, y }, palette, gaze) {
  ctx.fillStyle = palette.eye;
  dot(ctx, { x, y }, 0.165);
  ctx.fillStyle = palette.shade;
  dot(ctx, { x: x + gaze.x, y: y + gaze.y }, 0.09);
}

function drawDazedEye(ctx, { x, y }, palette) {
  Object.assign(ctx, { strokeStyle: palette.shade, lineWidth: 0.08, lineCap: "round" });
  cross(ctx, x, y, 0.11);
}

export function cross(ctx, x, y, reach) {
  ctx.beginPath();
  for (const slope of [-1, 1]) {
    ctx.moveTo(x - reach, y - reach * slope);
    ctx.lineTo(x + reach, y + reach * slope);
  }
  ctx.stroke();
}

function drawTongue(ctx, out, colour) {
  const tip = 0.5 + 0.5 * out;
  Object.assign(ctx, { strokeStyle: colour, lineWidth: 0.07, lineCap: "round", lineJoin: "round" });
  ctx.beginPath();
  ctx.moveTo(0.4, 0);
  ctx.lineTo(tip, 0);
  ctx.lineTo(tip + 0.14, -0.12);
  ctx.moveTo(tip, 0);
  ctx.lineTo(tip + 0.14, 0.12);
  ctx.stroke();
}
