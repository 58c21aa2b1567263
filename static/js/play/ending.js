/* The end of a game as a moment: the path draws itself and the score counts up with it. Then eggs burst if it is a new best,
and what the score is worth slides in. Without motion all of it is there at once. */

import { drawCrumbs } from "../draw/effects.js";
import { beginThumbnail, drawOn, drawThumbnail, placeOf, trace } from "../draw/thumbnail.js";
import { NEW_BEST } from "../game/state.js";
import { emit, make, reducedMotion, tokensOf } from "../lib/dom.js";
import { POINTS } from "../rules.js";

const DRAW_MS = 1000;
const SLIDE = { duration: 320, easing: "cubic-bezier(0.2, 0.9, 0.3, 1.15)", fill: "backwards" };
const STAGGER_MS = 90; // between two things that slide in

const BURST_MS = 700; // of an egg
const SPREAD_MS = 600; // between the first egg and the last
const MAX_BURSTS = 24;
const SHARD_PX = 38; // what is a cell on the board

let thumbnail = null; // the canvas
let traced = null; // the game
let drawing = null; // as of thumbnail.js, until the path is complete
let beganAt = 0;

/** Show a game {seed, mode, turns, tick} on the canvas, drawn from `now` on. */
export function beginEnding(canvas, game, now) {
  thumbnail = canvas;
  traced = trace(game);
  if (reducedMotion.matches) return endDrawing();
  drawing = beginThumbnail(thumbnail, traced);
  beganAt = now;
}

/** Show the whole game at once. */
export function endDrawing() {
  drawing = null;
  drawThumbnail(thumbnail, traced);
}

/** Draw as far as the path is at `now`. Return the points made up to there; null once it is complete. */
export function drawEnding(now) {
  if (!drawing) return null;
  const { path, meals, drawnTo } = drawing, last = path.length - 1;
  const part = Math.min(1, Math.max(0, (now - beganAt) / DRAW_MS)), at = Math.round(last * (1 - (1 - part) ** 2));
  if (part === 1) endDrawing(); // again as a whole: with the eggs that the path has crossed since
  else if (at > drawnTo) drawOn(drawing, at);
  return drawing && POINTS * meals.filter((meal) => meal <= at).length;
}

/** Let things that have just been shown slide in, one after the other. */
export function slideIn(elements, way = "0 0.8rem") {
  if (reducedMotion.matches) return;
  elements.forEach((element, n) =>
    element.animate({ opacity: [0, 1], translate: [way, "0 0"] }, { ...SLIDE, delay: n * STAGGER_MS }));
}

/** A new best: the eggs of the thumbnail burst over the card, and the words for it pop. */
export function celebrate(card, words) {
  emit(NEW_BEST, {});
  if (reducedMotion.matches) return;
  words.animate({ scale: [0.6, 1.12, 1] }, SLIDE);
  const canvas = make("canvas", { className: "burst", ariaHidden: true });
  card.append(canvas);
  const { left, top } = canvas.getBoundingClientRect(), square = thumbnail.getBoundingClientRect();
  canvas.width = canvas.clientWidth * devicePixelRatio;
  canvas.height = canvas.clientHeight * devicePixelRatio;
  const places = spread(traced.meals, MAX_BURSTS).map((at) => {
    const { x, y } = placeOf(traced.path[at]);
    return {
      x: (square.left - left + x * square.width) / SHARD_PX, y: (square.top - top + y * square.height) / SHARD_PX,
    };
  });
  burst(canvas, places);
}

/** At most so many of a list, evenly. */
function spread(list, count) {
  const step = Math.max(1, list.length / count);
  return Array.from({ length: Math.min(count, list.length) }, (_, n) => list[Math.floor(n * step)]);
}

/** Shards fly from each place in turn; then the canvas is gone. */
function burst(canvas, places) {
  const ctx = canvas.getContext("2d"), colour = tokensOf(canvas), scale = SHARD_PX * devicePixelRatio;
  const palette = { egg: colour("accent"), speckle: colour("speckle") }, began = performance.now();
  requestAnimationFrame(function draw(now) {
    if (now - began > SPREAD_MS + BURST_MS || !canvas.offsetParent) return canvas.remove();
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    places.forEach(({ x, y }, n) => {
      const part = (now - began - SPREAD_MS * n / places.length) / BURST_MS;
      if (part >= 0 && part < 1) drawCrumbs(ctx, x, y, part, palette);
    });
    requestAnimationFrame(draw);
  });
}
