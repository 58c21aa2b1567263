/* The wall: the games that are being played now, best first. */

import { byId, make, reducedMotion, setHidden, setText } from "../lib/dom.js";
import { createBoardView } from "../draw/board.js";
import { t } from "../lib/language.js";
import { drawCard, makeCard, showCard, unmount } from "./card.js";
import { DELETED, ENDED, STALE, advance, closeFeed, isLost, openFeed, statusOf } from "./feed.js";
import { closeShowcase, openShowcase, showShowcase } from "./showcase.js";

const CAPACITY = 12, CAPACITY_NARROW = 7; // games: they fill the rows of each width
const SORT_MS = 4000; // between two sorts by score
const END_MS = 6500; // to see how a game ended
const ABANDONED_MS = 10_000; // without a post: the server no longer counts it as being played, either
const FADE_MS = 300;
const MOVE_MS = 500;
const POINTER_IDLE_MS = 5000; // after which a pointer that rests is not about to choose
const ANNOUNCE_MS = 5000; // between two numbers of games
const SMALL_FRAME_MS = 30; // between two frames of a small board

const narrowScreen = matchMedia("(max-width: 40rem)"), canHover = matchMedia("(hover: hover)");

/** The open wall, or null. */
export let wall = null;

export function open() {
  const opened = wall = {
    feed: openFeed(capacity() + 1),
    places: [], // ids of games in the order of the wall; null: a free place
    cards: new Map(), // by id
    showcase: null, // while nobody plays
    sight: new IntersectionObserver(onIntersection),
    sortedAt: performance.now(),
    pointerMovedAt: -Infinity,
    announcedAt: -Infinity,
  };
  requestAnimationFrame((now) => frame(now, opened));
}

export function close() {
  if (!wall) return;
  closeFeed(wall.feed);
  wall.sight.disconnect();
  for (const card of wall.cards.values()) unmount(card);
  if (wall.showcase) closeShowcase(wall.showcase);
  wall = null;
  byId("live-wall").replaceChildren();
  setHidden(byId("live-wall"), true);
  setHidden(byId("live-empty"), true);
  setText(byId("live-note"), t("live.note"));
}

function capacity() {
  return narrowScreen.matches ? CAPACITY_NARROW : CAPACITY;
}

function frame(now, opened) {
  if (wall !== opened) return;
  advance(wall.feed, now);
  arrange(now);
  for (const card of wall.cards.values()) {
    showCard(card, statusOf(wall.feed, card.watched, now), now);
    const isDue = card.id === wall.places[0] || now - card.drawnAt >= SMALL_FRAME_MS; // only the large one at the full rate
    if (card.isSeen && isDue) drawCard(card, now);
  }
  showEmptiness(now);
  announce(now);
  requestAnimationFrame((next) => frame(next, opened));
}

function onIntersection(changes) {
  for (const { target, isIntersecting } of changes) {
    const card = wall?.cards.get(target.dataset.game);
    if (card) card.isSeen = isIntersecting;
  }
}

// Which games

/** Add, remove and sort games. While the wall has the viewer's attention nothing moves: a game that leaves leaves its
place free, and a new one takes a free place. */
function arrange(now) {
  const { feed, places } = wall, isHeld = hasAttention(byId("live-wall"));
  feed.limit = capacity() + 1; // one more, to know whether there are more
  for (const card of wall.cards.values()) showLeaving(card, now);
  const staying = places.map((id) => id && stays(wall.cards.get(id), now) ? id : null);
  const waiting = Array.from(feed.games.keys()).filter((id) => !places.includes(id) && isPlayed(id, now));
  const wanted = isHeld ? fill(staying, bestFirst(waiting), now) : closeUp(staying, bestFirst(waiting), now);
  if (wanted.join() !== places.join() || wanted.length !== places.length) placeCards(wanted.some(Boolean) ? wanted : []);
  unwatch(now);
}

function hasAttention(element) {
  return element.matches(":focus-within") || (canHover.matches && element.matches(":hover"));
}

/** More cards make the others smaller, so they wait until the pointer rests. */
function fill(staying, waiting, now) {
  const filled = staying.map((id) => id ?? waiting.shift() ?? null);
  if (now - wall.pointerMovedAt < POINTER_IDLE_MS) return filled;
  return [...filled, ...waiting.slice(0, Math.max(0, capacity() - filled.length))];
}

function closeUp(staying, waiting, now) {
  const all = [...staying.filter(Boolean), ...waiting];
  if (now - wall.sortedAt < SORT_MS && staying[0]) return all.slice(0, capacity()); // the large place is the best one's
  wall.sortedAt = now;
  return bestFirst(all).slice(0, capacity());
}

/** By the score shown; equal ones stay in order. */
function bestFirst(ids) {
  const score = (id) => wall.feed.games.get(id).playback.game.score;
  return ids.sort((one, other) => score(other) - score(one));
}

function isPlayed(id, now) {
  const watched = wall.feed.games.get(id);
  return ![ENDED, DELETED].includes(statusOf(wall.feed, watched, now)) && !isAbandoned(watched, now);
}

function isAbandoned(watched, now) {
  return statusOf(wall.feed, watched, now) === STALE && watched.idleMs >= ABANDONED_MS;
}

/** A game leaves after its end, but not while it has the viewer's attention. */
function stays({ leavesAt, element }, now) {
  return leavesAt === null || now < leavesAt || hasAttention(element);
}

function showLeaving(card, now) {
  const status = statusOf(wall.feed, card.watched, now);
  if (status === ENDED) {
    card.endedAt ??= now;
    card.leavesAt ??= now + END_MS;
  } else if (status === DELETED || isAbandoned(card.watched, now)) {
    card.leavesAt ??= now + FADE_MS;
  } else {
    card.leavesAt = null;
  }
  const isLeaving = card.leavesAt !== null && now > card.leavesAt - FADE_MS && !hasAttention(card.element);
  card.element.classList.toggle("is-leaving", isLeaving);
}

/** Stop polling games that are over or far from the wall. */
function unwatch(now) {
  const { feed, places } = wall;
  const others = Array.from(feed.games.keys()).filter((id) => !places.includes(id));
  const waiting = bestFirst(others.filter((id) => isPlayed(id, now)));
  for (const id of others) if (!waiting.includes(id) || waiting.indexOf(id) > capacity()) feed.games.delete(id);
}

// Cards

/** Put these games on the wall, in this order. Cards glide to their new places. */
function placeCards(wanted) {
  const before = new Map(Array.from(wall.cards.values(), (card) => [card, card.element.getBoundingClientRect()]));
  const newIds = wanted.filter((id) => id && !wall.cards.has(id));
  for (const id of newIds) wall.cards.set(id, makeCard(wall.feed.games.get(id)));
  wall.places = wanted;
  setHidden(byId("live-wall"), !wanted.length);
  setChildren(byId("live-wall"), wanted.map((id) => id ? wall.cards.get(id).element : make("li", { ariaHidden: "true" })));
  for (const [id, card] of wall.cards) {
    if (wanted.includes(id)) continue;
    wall.sight.unobserve(card.element);
    unmount(card);
    wall.cards.delete(id);
  }
  for (const id of newIds) insertCard(wall.cards.get(id));
  for (const [card, from] of before) if (wall.cards.has(card.id)) animateMove(card.element, from);
}

/** Make these the children of the list. Those in place are not touched: moved, they would lose the focus. */
function setChildren(list, elements) {
  for (const child of Array.from(list.children)) if (!elements.includes(child)) child.remove();
  elements.forEach((element, n) => {
    if (list.children[n] !== element) list.insertBefore(element, list.children[n] ?? null);
  });
}

function insertCard(card) {
  card.boardView = createBoardView(card.canvas);
  card.element.dataset.game = card.id;
  wall.sight.observe(card.element);
  if (reducedMotion.matches) return;
  card.element.animate({ opacity: [0, 1], scale: [0.94, 1] }, { duration: FADE_MS, easing: "ease-out" });
}

function animateMove(element, from) {
  if (reducedMotion.matches) return;
  for (const animation of element.getAnimations()) if (animation.id === "glide") animation.cancel();
  const to = element.getBoundingClientRect(), [x, y] = [from.x - to.x, from.y - to.y], scale = from.width / to.width;
  if (!x && !y && scale === 1) return;
  element.animate({ transform: [`translate(${x}px, ${y}px) scale(${scale})`, "none"], transformOrigin: ["0 0", "0 0"] },
    { id: "glide", duration: MOVE_MS, easing: "cubic-bezier(0.3, 0.8, 0.3, 1)" });
}

// Notes

function showEmptiness(now) {
  const isEmpty = wall.feed.answeredAt !== null && !wall.places.length;
  setHidden(byId("live-empty"), !isEmpty);
  if (isEmpty) wall.showcase ??= openShowcase(byId("live-empty"));
  else if (wall.showcase) wall.showcase = closeShowcase(wall.showcase) ?? null;
  if (wall.showcase) showShowcase(wall.showcase, now);
}

/** Announce at once, but numbers no faster than they can be spoken. */
function announce(now) {
  const words = note(now), isNumber = /\d/.test(words) && /\d/.test(byId("live-note").textContent);
  if (byId("live-note").textContent === words || (isNumber && now - wall.announcedAt < ANNOUNCE_MS)) return;
  wall.announcedAt = now;
  byId("live-note").textContent = words;
}

function note(now) {
  const { feed } = wall;
  const played = Array.from(feed.games.keys()).filter((id) => isPlayed(id, now)).length;
  if (isLost(feed, now)) return t("live.lost");
  if (feed.answeredAt === null) return t("live.note");
  if (!played) return t("live.nobody");
  if (played > capacity()) return t("live.bestOf", { count: capacity() });
  return t("live.games", { count: played });
}

for (const type of ["pointermove", "focusin"]) {
  byId("live-wall").addEventListener(type, () => Object.assign(wall ?? {}, { pointerMovedAt: performance.now() }));
}
