/* Draws short effects of the scene's latest events: crumbs of eggshell and the points of a meal, and dust where the
snake hit.

Lengths are in cells, times in milliseconds. */

import { ATE, DIED } from "../game/state.js";
import { SIZE } from "../rules.js";
import { cellCentre, dot } from "./snake.js";

const DURATION_MS = { [ATE]: 600, [DIED]: 600 };
const SHAKE_MS = 320;
const SHAKE = 0.16; // by how much, at most
const CRUMBS = 9, PUFFS = 11;

/** The offset of the shaken board: [x, y]. */
export function shake({ events }, now) {
  const blow = events.at(-1);
  const age = blow?.type === DIED ? now - blow.at : SHAKE_MS;
  if (age >= SHAKE_MS || age < 0) return [0, 0];
  const force = SHAKE * (1 - age / SHAKE_MS) ** 2;
  return [force * Math.sin(age / 13), force * Math.cos(age / 17)];
}

export function drawEffects(ctx, { events }, now, palette) {
  for (const { type, at, cell, points } of events) {
    const part = (now - at) / DURATION_MS[type];
    if (!(part >= 0 && part < 1)) continue;
    const { x, y } = cellCentre(cell);
    if (type === DIED) drawDust(ctx, x, y, part, palette);
    if (type === ATE) drawCrumbs(ctx, x, y, part, palette);
    if (type === ATE) drawPoints(ctx, x, y, part, points, palette);
  }
  ctx.globalAlpha = 1;
}

/** Shards that fly apart and fall, as far as `part`, 0 to 1. */
export function drawCrumbs(ctx, x, y, part, palette) {
  const out = 1 - (1 - part) ** 3;
  ctx.globalAlpha = Math.min(1, 2.5 * (1 - part));
  for (let n = 0; n < CRUMBS; n++) {
    const angle = 2.4 * n, far = 0.42 + (0.35 + 0.13 * (n * 5 % 7)) * out, size = 0.09 + 0.025 * (n % 4);
    ctx.fillStyle = n % 3 ? palette.egg : palette.speckle;
    ctx.save();
    ctx.translate(x + far * Math.cos(angle), y + far * Math.sin(angle) + 0.5 * part ** 2);
    ctx.rotate(angle + 5 * part);
    ctx.beginPath();
    ctx.moveTo(-size, size);
    ctx.lineTo(size * 1.2, size * 0.4);
    ctx.lineTo(-size * 0.2, -size * 1.3);
    ctx.fill();
    ctx.restore();
  }
}

/** "+10", rising; below the egg where there is no room above it. */
function drawPoints(ctx, x, y, part, points, palette) {
  const rise = 0.75 + 0.9 * (1 - (1 - part) ** 2);
  ctx.globalAlpha = Math.min(1, 3 * (1 - part));
  Object.assign(ctx, { textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 0.22 });
  ctx.font = `800 0.85px ${palette["font-display"]}`;
  ctx.strokeStyle = palette.shade;
  ctx.fillStyle = palette.egg;
  const atX = Math.min(SIZE - 0.8, Math.max(0.8, x)), atY = y + (y < 2.5 ? rise : -rise);
  ctx.strokeText(`+${points}`, atX, atY);
  ctx.fillText(`+${points}`, atX, atY);
}

/** Rings of earth that spread where the head struck. */
function drawDust(ctx, x, y, part, palette) {
  const out = 1 - (1 - part) ** 3;
  ctx.fillStyle = palette.dust;
  for (let n = 0; n < PUFFS; n++) {
    const angle = 2 * Math.PI * n / PUFFS + 0.3 * (n % 3), far = (0.5 + 0.2 * (n * 3 % 5)) * out + 0.3;
    ctx.globalAlpha = 0.75 * (1 - part);
    const centre = { x: x + far * Math.cos(angle), y: y + far * Math.sin(angle) };
    dot(ctx, centre, 0.12 + (0.16 + 0.05 * (n % 3)) * out);
  }
}
