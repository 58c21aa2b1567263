/* A card of the wall: the board of a game that is watched, what there is to say about it, and all of it one link to the
game. It shows how the game stands, and changes nothing. */

import { make } from "../lib/dom.js";
import { setHidden, setText } from "../play/hud.js";
import { progress } from "../game/playback.js";
import { draw, openPit } from "../draw/board.js";
import { ENDED, RESTS, SILENT } from "./feed.js";
import { MODE_NAMES, OUTCOME_NAMES, dayOf, ordinal } from "../lib/format.js";

const BLOW_MS = 900; // the end of a game is seen before it is said
const LABEL_MS = 4000; // between two names of a link: nobody listens faster

/** The card of a game of feed.js. Its `pit` is opened by `hang`, once it is on the page. */
export function makeCard(watched) {
  const { id, username, bot, challenge, playback } = watched;
  const tags = [bot && "bot", challenge && (dayOf(challenge) ? "daily" : "challenge")].filter(Boolean);
  const part = (name) => make("span", { className: name });
  const card = {
    id, watched, pit: null, isSeen: false, drawnAt: -Infinity, labelledAt: -Infinity,
    endedAt: null, // when its end was seen here
    leavesAt: null, // when it leaves the wall, if it is about to
    canvas: make("canvas"), outcome: part("live-outcome"), total: part("live-total number"), rank: part("live-rank"),
    score: part("live-score number"),
  };
  card.canvas.setAttribute("aria-hidden", "true");
  card.said = make("span", { className: "live-said", hidden: true }, card.outcome, card.total, card.rank);
  card.link = make("a", { className: "live-card", href: `#/games/${encodeURIComponent(id)}` },
    make("span", { className: "live-board" }, card.canvas, card.said),
    make("span", { className: "live-name", dir: "auto" }, username),
    make("span", { className: "live-about" }, MODE_NAMES[playback.mode],
      ...tags.map((tag) => make("span", { className: "tag" }, tag))),
    card.score);
  card.element = make("li", {}, card.link);
  return card;
}

/** To be called once the card is on the page: only there has its board a size and colours. */
export function hang(card) {
  card.pit = openPit(card.canvas);
}

export function drop(card) {
  card.pit.close();
  card.element.remove();
}

/** Shows the game as it stands at `now`; `how` is one of RUNS, RESTS, ... */
export function showCard(card, how, now) {
  const { playback } = card.watched;
  setText(card.score, playback.game.score);
  const said = words(card, how, now), [outcome, total = "", rank = ""] = said;
  setHidden(card.said, !said.length);
  setText(card.outcome, outcome ?? "");
  setText(card.total, total);
  setText(card.rank, rank);
  if (now - card.labelledAt < LABEL_MS) return;
  card.labelledAt = now;
  card.link.setAttribute("aria-label", label(card, how));
}

export function drawCard(card, now) {
  const { playback } = card.watched;
  card.drawnAt = now;
  draw(card.pit, playback, progress(playback), now);
}

// What is said

/** What is said over the board, in up to three lines: none while the game runs. */
function words({ watched, endedAt }, how, now) {
  if (how === RESTS) return ["Paused"];
  if (how === SILENT) return [`No word for ${Math.floor(watched.heard / 1000)} s`];
  if (how !== ENDED || now - endedAt < BLOW_MS) return [];
  return [outcome(watched), watched.playback.game.score, standing(watched)];
}

function outcome({ ending, playback }) {
  return OUTCOME_NAMES[ending?.outcome ?? playback.outcome];
}

/** The rank that the server has told, in words; a guest has none. */
function standing({ bot, challenge, ending, playback: { mode } }) {
  if (!ending) return "";
  if (!ending.ranked) return "Not ranked";
  if (!ending.rank) return "";
  if (challenge && !dayOf(challenge)) return `${ordinal(ending.rank)} in the challenge`;
  return `${ordinal(ending.rank)} on the ${bot ? "bots' " : ""}${challenge ? "daily " : ""}${MODE_NAMES[mode]} board`;
}

/** The name of the link. */
function label({ watched }, how) {
  const { username, bot, playback } = watched;
  const who = `Watch ${username}${bot ? ", a bot" : ""}, ${playback.game.score} points, ${MODE_NAMES[playback.mode]}`;
  if (how === RESTS) return `${who}, paused`;
  if (how !== ENDED) return who;
  return [who, outcome(watched), standing(watched)].filter(Boolean).join(", ");
}
