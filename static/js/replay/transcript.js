/* A playback in words, for those who don't look: a list of what happened when, each line a link to its tick. */

import { make } from "../lib/dom.js";
import { OVER } from "../game/state.js";
import { OUTCOME_NAMES } from "../lib/format.js";

const at = (id) => document.getElementById(id);
const details = at("replay-words"), list = at("replay-lines");

let told = null; // the playback that the lines are of
let lines = []; // {tick, element, isEnd}, in their order
let current = null; // the line that was reached last

/** Shows the lines as far as the game is known, if anybody has asked for them; there may be hundreds. */
export function retell(playback) {
  if (told !== playback) forget(playback);
  if (!details.open) return;
  addLines(playback);
  mark(reached(playback));
}

function forget(playback) {
  told = playback;
  lines = [];
  current = null;
  list.replaceChildren();
}

/** Lines are only ever added below the others: somebody may be reading them. */
function addLines({ id, known, allMeals, outcome }) {
  if (lines.at(-1)?.isEnd) return;
  const news = [];
  if (!lines.length) news.push(line(id, 0, "start, length 3"));
  for (const { tick, length } of allMeals.slice(Math.max(0, lines.length - 1))) {
    news.push(line(id, tick, `ate, length ${length}`));
  }
  if (outcome) news.push(line(id, known.ticks, ending(known, outcome), true));
  if (!news.length) return;
  lines.push(...news);
  list.append(...news.map(({ element }) => element));
}

function line(id, tick, words, isEnd = false) {
  const link = make("a", { href: `#/games/${id}?tick=${tick}` }, `tick ${tick}: ${words}`);
  return { tick, element: make("li", {}, link), isEnd };
}

function ending({ body, score }, outcome) {
  return `${OUTCOME_NAMES[outcome].replace("!", "").toLowerCase()}, length ${body.length}, score ${score}`;
}

/** The last line whose time has come. */
function reached({ game, phase }) {
  return lines.findLast(({ tick, isEnd }) => isEnd ? phase === OVER : tick <= game.ticks);
}

function mark(line) {
  if (line === current) return;
  const wasSeen = !current || isSeen(current.element);
  current?.element.firstChild.removeAttribute("aria-current");
  line.element.firstChild.setAttribute("aria-current", "true");
  if (wasSeen) bringIntoView(line.element);
  current = line;
}

// Where the list has a height of its own, it follows the game, unless somebody has scrolled it elsewhere

function isSeen(element) {
  return element.offsetTop + element.offsetHeight > list.scrollTop && element.offsetTop < list.scrollTop + list.clientHeight;
}

function bringIntoView({ offsetTop, offsetHeight }) {
  const most = offsetTop, least = offsetTop + offsetHeight - list.clientHeight;
  if (list.scrollHeight > list.clientHeight) list.scrollTop = Math.min(most, Math.max(least, list.scrollTop));
}
