/* The wall: the games that are being played now, best first. */

import { drawCard, drop, hang, makeCard, showCard } from "./card.js";
import { make } from "../lib/dom.js";
import { setHidden, setText } from "../play/hud.js";
import { closeShowcase, openShowcase, showShowcase } from "./showcase.js";
import { ENDED, GONE, SILENT, advance, closeWatch, isLost, openWatch, standing } from "./feed.js";

const HOLDS = 12, HOLDS_NARROW = 7; // games: they fill the rows of each width
const ORDER_MS = 4000; // between two orders by score
const END_MS = 6500; // for which one sees how a game ended
const GIVEN_UP_MS = 10_000; // of silence: the server no longer counts it as being played, either
const FADE_MS = 300;
const GLIDE_MS = 500;
const STIRS_MS = 5000; // after which a hand that lies still is not about to choose
const SAY_MS = 5000; // between two numbers of games
const SMALL_MS = 30; // between two pictures of a small board, where one sees no more

const at = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 40rem)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const hovers = matchMedia("(hover: hover)");

/** What is on the wall; null while it is closed. */
export let wall = null;

export function open() {
  const opened = wall = {
    watch: openWatch(holds() + 1),
    places: [], // ids of games in the order of the wall; null: a place that is free
    cards: new Map(), // by id
    showcase: null, // while nobody plays
    sight: new IntersectionObserver(see),
    orderedAt: performance.now(),
    stirredAt: -Infinity, // when a hand last moved over it
    saidAt: -Infinity,
  };
  requestAnimationFrame((now) => frame(now, opened));
}

export function close() {
  if (!wall) return;
  closeWatch(wall.watch);
  wall.sight.disconnect();
  for (const card of wall.cards.values()) drop(card);
  if (wall.showcase) closeShowcase(wall.showcase);
  wall = null;
  at("live-wall").replaceChildren();
  setHidden(at("live-wall"), true);
  setHidden(at("live-empty"), true);
  setText(at("live-note"), "Every game that is being played now.");
}

function holds() {
  return narrow.matches ? HOLDS_NARROW : HOLDS;
}

function frame(now, opened) {
  if (wall !== opened) return;
  advance(wall.watch, now);
  arrange(now);
  for (const card of wall.cards.values()) showCard(card, standing(wall.watch, card.watched, now), now);
  for (const card of wall.cards.values()) if (isDue(card, now)) drawCard(card, now);
  showEmptiness(now);
  say(now);
  requestAnimationFrame((next) => frame(next, opened));
}

/** Boards out of sight are not drawn, and only the first, which is large, at the full rate. */
function isDue({ id, isSeen, drawnAt }, now) {
  return isSeen && (id === wall.places[0] || now - drawnAt >= SMALL_MS);
}

function see(changes) {
  for (const { target, isIntersecting } of changes) {
    const card = wall?.cards.get(target.dataset.game);
    if (card) card.isSeen = isIntersecting;
  }
}

// Who is on it

/** Lets games come and go. Under somebody's hand nothing moves: what leaves leaves its place free, and who comes takes a
free place. */
function arrange(now) {
  const { watch, places } = wall, isHeld = hasAttention(at("live-wall"));
  watch.limit = holds() + 1; // one more, to know whether there are more
  for (const card of wall.cards.values()) showLeaving(card, now);
  const staying = places.map((id) => id && stays(wall.cards.get(id), now) ? id : null);
  const waiting = Array.from(watch.games.keys()).filter((id) => !places.includes(id) && isPlayed(id, now));
  const wanted = isHeld ? fill(staying, bestFirst(waiting), now) : closeUp(staying, bestFirst(waiting), now);
  if (wanted.join() !== places.join() || wanted.length !== places.length) placeCards(wanted.some(Boolean) ? wanted : []);
  forget(now);
}

function hasAttention(element) {
  return element.matches(":focus-within") || (hovers.matches && element.matches(":hover"));
}

/** More cards make the others smaller, so they wait until the hand lies still. */
function fill(staying, waiting, now) {
  const filled = staying.map((id) => id ?? waiting.shift() ?? null);
  return now - wall.stirredAt < STIRS_MS ? filled : [...filled, ...waiting.slice(0, Math.max(0, holds() - filled.length))];
}

function closeUp(staying, waiting, now) {
  const all = [...staying.filter(Boolean), ...waiting];
  if (now - wall.orderedAt < ORDER_MS && staying[0]) return all.slice(0, holds()); // the large place is the best one's
  wall.orderedAt = now;
  return bestFirst(all).slice(0, holds());
}

/** By the score that is seen; equals stay as they are. */
function bestFirst(ids) {
  const score = (id) => wall.watch.games.get(id).playback.game.score;
  return ids.sort((one, other) => score(other) - score(one));
}

function isPlayed(id, now) {
  const watched = wall.watch.games.get(id);
  return ![ENDED, GONE].includes(standing(wall.watch, watched, now)) && !isGivenUp(watched, now);
}

function isGivenUp(watched, now) {
  return standing(wall.watch, watched, now) === SILENT && watched.heard >= GIVEN_UP_MS;
}

/** Whose end has been seen, or is never to be told, leaves; but not from under somebody's hand. */
function stays({ leavesAt, element }, now) {
  return leavesAt === null || now < leavesAt || hasAttention(element);
}

function showLeaving(card, now) {
  const how = standing(wall.watch, card.watched, now);
  if (how === ENDED) {
    card.endedAt ??= now;
    card.leavesAt ??= now + END_MS;
  } else if (how === GONE || isGivenUp(card.watched, now)) {
    card.leavesAt ??= now + FADE_MS;
  } else {
    card.leavesAt = null;
  }
  const isLeaving = card.leavesAt !== null && now > card.leavesAt - FADE_MS && !hasAttention(card.element);
  card.element.classList.toggle("is-leaving", isLeaving);
}

/** Games that are over, and those that are far from the wall, are asked for no longer. */
function forget(now) {
  const { watch, places } = wall;
  const others = Array.from(watch.games.keys()).filter((id) => !places.includes(id));
  const waiting = bestFirst(others.filter((id) => isPlayed(id, now)));
  for (const id of others) if (!waiting.includes(id) || waiting.indexOf(id) > holds()) watch.games.delete(id);
}

// How it moves

/** Puts these games on the wall, in this order. The cards that were there glide to where they are now. */
function placeCards(wanted) {
  const before = new Map(Array.from(wall.cards.values(), (card) => [card, card.element.getBoundingClientRect()]));
  const newIds = wanted.filter((id) => id && !wall.cards.has(id));
  for (const id of newIds) wall.cards.set(id, makeCard(wall.watch.games.get(id)));
  wall.places = wanted;
  setHidden(at("live-wall"), !wanted.length);
  putIn(at("live-wall"), wanted.map((id) => id ? wall.cards.get(id).element : make("li", { ariaHidden: "true" })));
  for (const [id, card] of wall.cards) if (!wanted.includes(id)) takeDown(id, card);
  for (const id of newIds) putUp(wall.cards.get(id));
  for (const [card, from] of before) if (wall.cards.has(card.id)) glide(card.element, from);
}

/** Makes these the children of the list. Those that stand well are not touched: moved, they would lose the focus. */
function putIn(list, elements) {
  for (const child of Array.from(list.children)) if (!elements.includes(child)) child.remove();
  elements.forEach((element, n) => {
    if (list.children[n] !== element) list.insertBefore(element, list.children[n] ?? null);
  });
}

function putUp(card) {
  hang(card);
  card.element.dataset.game = card.id;
  wall.sight.observe(card.element);
  if (!still.matches) card.element.animate({ opacity: [0, 1], scale: [0.94, 1] }, { duration: FADE_MS, easing: "ease-out" });
}

function takeDown(id, card) {
  wall.sight.unobserve(card.element);
  drop(card);
  wall.cards.delete(id);
}

function glide(element, from) {
  if (still.matches) return;
  for (const animation of element.getAnimations()) if (animation.id === "glide") animation.cancel();
  const to = element.getBoundingClientRect(), [x, y] = [from.x - to.x, from.y - to.y], scale = from.width / to.width;
  if (!x && !y && scale === 1) return;
  element.animate({ transform: [`translate(${x}px, ${y}px) scale(${scale})`, "none"], transformOrigin: ["0 0", "0 0"] },
    { id: "glide", duration: GLIDE_MS, easing: "cubic-bezier(0.3, 0.8, 0.3, 1)" });
}

// What is said

function showEmptiness(now) {
  const isEmpty = wall.watch.answeredAt !== null && !wall.places.length;
  setHidden(at("live-empty"), !isEmpty);
  if (isEmpty) wall.showcase ??= openShowcase(at("live-empty"));
  else if (wall.showcase) wall.showcase = closeShowcase(wall.showcase) ?? null;
  if (wall.showcase) showShowcase(wall.showcase, now);
}

/** Says it at once, but numbers no faster than one can listen. */
function say(now) {
  const words = news(now), isNumber = /\d/.test(words) && /\d/.test(at("live-note").textContent);
  if (at("live-note").textContent === words || (isNumber && now - wall.saidAt < SAY_MS)) return;
  wall.saidAt = now;
  at("live-note").textContent = words;
}

function news(now) {
  const { watch } = wall;
  const played = Array.from(watch.games.keys()).filter((id) => isPlayed(id, now)).length;
  if (isLost(watch, now)) return "Connection lost; trying again.";
  if (watch.answeredAt === null) return "Every game that is being played now.";
  if (!played) return "Nobody is playing just now.";
  if (played > holds()) return `The ${holds()} best of the games being played.`;
  return played === 1 ? "1 game is being played." : `${played} games are being played, best first.`;
}

for (const sign of ["pointermove", "focusin"]) {
  at("live-wall").addEventListener(sign, () => Object.assign(wall ?? {}, { stirredAt: performance.now() }));
}
