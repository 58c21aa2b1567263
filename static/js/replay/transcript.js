/* A playback in words: a list of what happened when, each line a link to its tick. */

import { OVER } from "../game/state.js";
import { byId, make } from "../lib/dom.js";
import { gameAddress } from "../lib/format.js";
import { t } from "../lib/language.js";

const details = byId("replay-words"), list = byId("replay-lines");

let source = null; // the playback of the lines
let lines = []; // {tick, element, isEnd}, in order
let current = null; // the last line that was reached

/** Show the lines as far as the game is known, if the list is open: there may be hundreds. */
export function updateTranscript(playback) {
  if (source !== playback) clear(playback);
  if (!details.open) return;
  addLines(playback);
  mark(reached(playback));
}

function clear(playback) {
  source = playback;
  lines = [];
  current = null;
  list.replaceChildren();
}

/** Lines are only added below the others: somebody may be reading them. */
function addLines({ id, known, allMeals, outcome }) {
  if (lines.at(-1)?.isEnd) return;
  const news = [];
  if (!lines.length) news.push(line(id, 0, "replay.start", { length: 3 }));
  for (const { tick, length } of allMeals.slice(Math.max(0, lines.length - 1))) {
    news.push(line(id, tick, "replay.ate", { length }));
  }
  if (outcome) {
    news.push(line(id, known.ticks, `replay.end.${outcome}`, { length: known.body.length, score: known.score }, true));
  }
  if (!news.length) return;
  lines.push(...news);
  list.append(...news.map(({ element }) => element));
}

function line(id, tick, key, values, isEnd = false) {
  const link = make("a", { href: gameAddress(id, tick) }, t(key, { tick: String(tick), ...values }));
  return { tick, element: make("li", {}, link), isEnd };
}

/** The last line that the playback has reached. */
function reached({ game, phase }) {
  return lines.findLast(({ tick, isEnd }) => isEnd ? phase === OVER : tick <= game.ticks);
}

function mark(line) {
  if (line === current) return;
  const wasSeen = !current || isSeen(current.element);
  current?.element.firstChild.removeAttribute("aria-current");
  line.element.firstChild.setAttribute("aria-current", "true");
  current = line;
  // A list that scrolls follows the game, unless somebody has scrolled it elsewhere
  const { offsetTop, offsetHeight } = line.element, least = offsetTop + offsetHeight - list.clientHeight;
  if (!wasSeen || list.scrollHeight <= list.clientHeight) return;
  list.scrollTop = Math.min(offsetTop, Math.max(least, list.scrollTop));
}

function isSeen({ offsetTop, offsetHeight }) {
  return offsetTop + offsetHeight > list.scrollTop && offsetTop < list.scrollTop + list.clientHeight;
}
