/* The ghost: the snake of the game to beat, as it moved at the same moment of its own game. It is played by the clock of
the game played here, so both begin and pause together. Loaded with the first challenge. */

import { openPlayback, play, playedMs } from "./playback.js";
import { drawSnake } from "../draw/snake.js";
import { progress, state } from "./state.js";

const OPACITY = 0.5;
const FADE_MS = 1500; // after its end

const layer = document.createElement("canvas"), context = layer.getContext("2d");

/** Advance the ghost to the time of the game. Called with each frame. */
export function runAlong(now) {
  const { target, game, clock } = state;
  if (!target) return;
  state.ghost ??= openPlayback(target);
  play(state.ghost, Math.max(0, game.nominalMs + clock - playedMs(state.ghost)), now);
}

/** Draw the ghost: first as a whole on a layer, since its parts overlap, then translucently. */
export function drawGhost(ctx, palette, now, still) {
  const { ghost } = state, opacity = ghost ? OPACITY * presence() : 0;
  if (!opacity) return;
  const { width, height } = ctx.canvas;
  if (layer.width !== width || layer.height !== height) Object.assign(layer, { width, height });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(ctx.getTransform());
  const colours = { ...palette, snake: palette.ghost, scales: palette["ghost-scales"] };
  drawSnake(context, ghost, progress(ghost), now, colours, still);
  ctx.save();
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.globalAlpha = opacity;
  ctx.drawImage(layer, 0, 0);
  ctx.restore();
}

/** 1 while it runs, then fading to 0. */
function presence() {
  const { ghost, game, clock } = state;
  const goneMs = game.nominalMs + clock - ghost.known.nominalMs;
  return Math.min(1, Math.max(0, 1 - goneMs / FADE_MS));
}
