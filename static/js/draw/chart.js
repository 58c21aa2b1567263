/* A chart of a player's scores: a mark for each game, and the best so far as a climbing snake. */

import { make, makeSvg } from "../lib/dom.js";
import { MODES, WALLS } from "../rules.js";
import { modeName, when } from "../lib/format.js";
import { number, t } from "../lib/language.js";

const LEFT = 2.75, RIGHT = 1.125, TOP = 2, BOTTOM = 1.875; // room for the axes, in rem
const STEPS = [10, 20, 50, 100, 200, 500, 1000]; // points between two lines
const MOST_LINES = 5;
const TWO_DATES = 14; // rem that they need beside each other

/** Draw `scores`, [{at, mode, score}] oldest first, of `games` in all, into the figure, again with each new width. */
export function showChart(figure, scores, games) {
  sizes.disconnect();
  if (!scores.length) {
    figure.replaceChildren(make("p", { className: "plot-empty" }, t("player.noGame")));
    return;
  }
  const svg = makeSvg("svg", { role: "img", "aria-label": summary(scores, games) });
  figure.replaceChildren(svg, make("figcaption", {}, ...legend(scores)));
  sizes.observe(figure);
  redraw = () => fill(svg, scores);
}

let redraw = () => {};

const sizes = new ResizeObserver(() => redraw());

function summary(scores, games) {
  const best = scores.reduce((one, other) => (other.score > one.score ? other : one));
  const average = Math.round(scores.reduce((sum, { score }) => sum + score, 0) / scores.length);
  const values = { count: scores.length, games, score: best.score, mode: modeName(best.mode), average };
  return t(games > scores.length ? "player.chartOfLast" : "player.chart", values);
}

function legend(scores) {
  const modes = MODES.filter((mode) => scores.some((game) => game.mode === mode));
  const marks = modes.map((mode) => key(modeName(mode), mark(mode, 8, 8, 5)));
  return [...marks, key(t("player.bestSoFar"), makeSvg("path", { class: "plot-best", d: "M3 12H8V4H13" }))];
}

function key(words, sign) {
  return make("span", { className: "key" },
    makeSvg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, sign), words);
}

function fill(svg, scores) {
  const width = svg.clientWidth, height = svg.clientHeight;
  if (!width || !height) return; // out of sight
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const left = LEFT * rem, right = width - RIGHT * rem, bottom = height - BOTTOM * rem;
  const field = { rem, width, height, left, right };
  const most = Math.max(10, ...scores.map(({ score }) => score));
  const gap = STEPS.find((step) => most / step <= MOST_LINES) ?? Math.ceil(most / MOST_LINES / 1000) * 1000;
  const top = Math.ceil(most / gap) * gap;
  const x = (n) => left + 10 + (scores.length > 1 ? n / (scores.length - 1) : 0.5) * (right - left - 10);
  const y = (score) => bottom - score / top * (bottom - TOP * rem);
  const radius = Math.max(2.6, Math.min(5.5, width / scores.length / 3));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(
    ...lines(gap, top, field, y),
    ...dates(scores, field),
    ...snake(scores, field, x, y),
    ...scores.map(({ mode, score }, n) => mark(mode, x(n), y(score), radius)));
}

function lines(gap, top, { rem, left, right, width }, y) {
  const found = [makeSvg("text", { x: left - 10, y: 0.75 * rem, "text-anchor": "end" }, t("score.label"))];
  for (let score = 0; score <= top; score += gap) {
    found.push(makeSvg("path", { class: "plot-line", d: `M${left} ${y(score)}H${(right + width) / 2}` }));
    found.push(makeSvg("text", { x: left - 10, y: y(score) + 0.25 * rem, "text-anchor": "end" }, number(score)));
  }
  return found;
}

function dates(scores, { rem, left, right, width, height }) {
  const y = height - 0.5 * rem, first = when(scores[0].at);
  const middle = (left + 10 + right) / 2;
  if (scores.length === 1) return [makeSvg("text", { x: middle, y, "text-anchor": "middle" }, first)];
  const last = makeSvg("text", { x: (right + width) / 2, y, "text-anchor": "end" }, when(scores.at(-1).at));
  return width < TWO_DATES * rem ? [last] : [makeSvg("text", { x: left, y }, first), last];
}

/** The best score so far, as steps. */
function snake(scores, { left }, x, y) {
  let best = scores[0].score, path = `M${left} ${y(best)}H${x(0)}`;
  scores.forEach(({ score }, n) => {
    path += `H${x(n)}`;
    if (score > best) path += `V${y(best = score)}`;
  });
  const [headX, headY] = [x(scores.length - 1), y(best)];
  return [
    makeSvg("path", { class: "plot-best", d: path }),
    makeSvg("circle", { class: "plot-head", cx: headX, cy: headY, r: 8 }),
    makeSvg("circle", { class: "plot-eye", cx: headX + 2, cy: headY - 3, r: 2 }),
  ];
}

/** A game of walls is a square, one of pass-through a ring. */
function mark(mode, x, y, radius) {
  if (mode === WALLS) {
    const side = 1.8 * radius;
    return makeSvg("rect", { class: "plot-walls", x: x - side / 2, y: y - side / 2, width: side, height: side });
  }
  return makeSvg("circle", { class: "plot-ring", cx: x, cy: y, r: radius });
}
