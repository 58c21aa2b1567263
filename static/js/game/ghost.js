/* The ghost: the snake of the game that is to be beaten, as it ran at the same moment of its own game. It is played by the
clock of the game played here, so that both begin together and pause together. Fetched with the first challenge. */

import { openPlayback, play, playedMs, progress } from "./playback.js";
import { drawSnake } from "../draw/snake.js";
import { state } from "./state.js";

const SEEN = 0.5; // how much of it is seen: the ground shows through
const FADE_MS = 1500; // in which it is gone after its end

const layer = document.createElement("canvas"), context = layer.getContext("2d");

/** Lets the ghost come to where the game is. Called with each frame. */
export function runAlong(now) {
  const { target, game, clock } = state;
  if (!target) return;
  state.ghost ??= openPlayback(target);
  play(state.ghost, Math.max(0, game.nominalMs + clock - playedMs(state.ghost)), now);
}

/** Draws it on what `ctx` draws on: all of it first on a layer, since its parts overlap, and that thinly. */
export function drawGhost(ctx, palette, now, still) {
  const { ghost } = state, seen = ghost ? SEEN * presence() : 0;
  if (!seen) return;
  const { width, height } = ctx.canvas;
  if (layer.width !== width || layer.height !== height) Object.assign(layer, { width, height });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(ctx.getTransform());
  const colours = { ...palette, snake: palette.ghost, scales: palette["ghost-scales"] };
  drawSnake(context, ghost, progress(ghost), now, colours, still);
  ctx.save();
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.globalAlpha = seen;
  ctx.drawImage(layer, 0, 0);
  ctx.restore();
}

/** 1 while it runs, then less and less. */
function presence() {
  const { ghost, game, clock } = state;
  const goneMs = game.nominalMs + clock - ghost.known.nominalMs;
  return Math.min(1, Math.max(0, 1 - goneMs / FADE_MS));
}
