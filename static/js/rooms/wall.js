/* The games of a running round on the big screen, best first. */

import { createBoardView } from "../draw/board.js";
import { drawCard, makeCard, showCard, unmount } from "../live/card.js";
import { DELETED, advance, closeFeed, openFeed, statusOf } from "../live/feed.js";
import { byId, make, setHidden } from "../lib/dom.js";

const CAPACITY = 6, MAX_WATCHED = 12; // games that are shown, and that are watched since they may be shown soon
const SORT_MS = 4000; // between two sorts by score
const FRAME_MS = 30; // between two frames of a board

export function makeWall() {
  return make("ul", { id: "screen-wall" });
}

export function openWall(code) {
  return { feed: openFeed(CAPACITY, code), cards: new Map(), order: [], sortedAt: -Infinity };
}

export function closeWall({ feed, cards }) {
  closeFeed(feed);
  for (const card of cards.values()) unmount(card);
  byId("screen-wall")?.replaceChildren();
}

export function showWall(wall, now) {
  advance(wall.feed, now);
  setHidden(byId("screen-wall"), wall.feed.failures > 0 && wall.feed.problem.status === 403); // strangers see the ranking only
  const isNew = wall.feed.games.size !== wall.order.length && wall.order.length < CAPACITY;
  if (isNew || now - wall.sortedAt > SORT_MS) place(wall, now);
  for (const card of wall.cards.values()) {
    showCard(card, statusOf(wall.feed, card.watched, now), now);
    if (now - card.drawnAt >= FRAME_MS) drawCard(card, now);
  }
}

/** A player's next game takes the place of the last one. */
function place(wall, now) {
  const { feed, cards } = wall, list = byId("screen-wall");
  wall.sortedAt = now;
  const latest = new Map(Array.from(feed.games.values(), (watched) => [watched.username, watched]));
  const shown = Array.from(latest.values()).filter((watched) => statusOf(feed, watched, now) !== DELETED);
  shown.sort((one, other) => other.playback.game.score - one.playback.game.score);
  const ids = shown.map(({ id }) => id);
  wall.order = ids.slice(0, CAPACITY);
  for (const id of feed.games.keys()) if (!ids.slice(0, MAX_WATCHED).includes(id)) feed.games.delete(id);
  for (const [id, card] of cards) if (!wall.order.includes(id)) drop(cards, id, card);
  for (const id of wall.order.filter((each) => !cards.has(each))) cards.set(id, add(list, feed.games.get(id)));
  wall.order.forEach((id, n) => {
    const { element } = cards.get(id);
    if (list.children[n] !== element) list.insertBefore(element, list.children[n]);
  });
  const count = wall.order.length, columns = count > 4 ? 3 : count > 1 ? 2 : 1;
  list.style.setProperty("--columns", columns);
  list.style.setProperty("--lines", Math.ceil(count / columns) || 1);
}

function add(list, watched) {
  const card = makeCard(watched);
  list.append(card.element);
  card.boardView = createBoardView(card.canvas);
  return card;
}

function drop(cards, id, card) {
  cards.delete(id);
  unmount(card);
}
