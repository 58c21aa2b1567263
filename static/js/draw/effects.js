/* Draws what is felt for a moment: crumbs of eggshell and the points of a meal, and the dust of the last blow.

Lengths are in cells, times in milliseconds. All of it is drawn from the moments that the scene remembers, and none
of it where the player wants nothing to move. */

import { SIZE } from "../rules.js";
import { ATE, DIED } from "../game/state.js";

const LASTS = { [ATE]: 600, [DIED]: 600 };
const SHAKES_MS = 320;
const SHAKE = 0.16; // by how much, at most
const CRUMBS = 9, PUFFS = 11;

/** By how much the pit is shaken: [x, y]. */
export function shake({ moments }, now) {
  const blow = moments.at(-1);
  const age = blow?.what === DIED ? now - blow.at : SHAKES_MS;
  if (age >= SHAKES_MS || age < 0) return [0, 0];
  const force = SHAKE * (1 - age / SHAKES_MS) ** 2;
  return [force * Math.sin(age / 13), force * Math.cos(age / 17)];
}

export function drawEffects(ctx, { moments }, now, palette) {
  for (const moment of moments) {
    const part = (now - moment.at) / LASTS[moment.what];
    if (!(part >= 0 && part < 1)) continue;
    const x = moment.cell % SIZE + 0.5, y = Math.floor(moment.cell / SIZE) + 0.5;
    if (moment.what === ATE) {
      drawCrumbs(ctx, x, y, part, palette);
      drawPoints(ctx, x, y, part, moment.points, palette);
    } else {
      drawDust(ctx, x, y, part, palette);
    }
  }
  ctx.globalAlpha = 1;
}

/** Shards that fly apart and fall. */
function drawCrumbs(ctx, x, y, part, palette) {
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
  ctx.font = `800 0.85px ${palette.heavy}`;
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
    ctx.beginPath();
    ctx.arc(x + far * Math.cos(angle), y + far * Math.sin(angle), 0.12 + (0.16 + 0.05 * (n % 3)) * out, 0, 2 * Math.PI);
    ctx.fill();
  }
}
