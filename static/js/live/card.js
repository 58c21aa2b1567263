/* A card of the wall: the board of a watched game with a caption, as a link to the game. It shows the game and changes
nothing. */

import { draw } from "../draw/board.js";
import { PAUSED, progress, shownScore } from "../game/state.js";
import { make, setHidden, setText } from "../lib/dom.js";
import { dayOf, gameAddress, modeName, outcomeName, rankWords } from "../lib/format.js";
import { number, sentence, t } from "../lib/language.js";
import { ENDED, STALE } from "./feed.js";

const END_DELAY_MS = 900; // to see the end of a game before its outcome covers it
const LABEL_MS = 4000; // between two names of a link for screen readers

/** The card of a watched game; without its `boardView` until it is on the page, where its board has a size and colours. */
export function makeCard(watched) {
  const { id, username, bot, challenge, playback } = watched;
  const tags = [bot && "tag.bot", challenge && (dayOf(challenge) ? "tag.daily" : "tag.challenge")].filter(Boolean);
  const part = (name) => make("span", { className: name });
  const card = {
    id, watched, boardView: null, isSeen: false, drawnAt: -Infinity, labelledAt: -Infinity,
    endedAt: null, // when its end was shown
    leavesAt: null, // when it leaves the wall, if it is about to
    canvas: make("canvas"), outcome: part("live-outcome optional"),
    total: part("live-total number optional"), rank: part("live-rank optional"),
    score: part("live-score number"),
  };
  card.canvas.setAttribute("aria-hidden", "true");
  card.overlay = make("span", { className: "live-said", hidden: true }, card.outcome, card.total, card.rank);
  card.link = make("a", { className: "live-card", href: gameAddress(id) },
    make("span", { className: "live-board" }, card.canvas, card.overlay),
    make("span", { className: "live-name ellipsis", dir: "auto" }, username),
    make("span", { className: "live-about" }, modeName(playback.mode),
      ...tags.map((tag) => make("span", { className: "tag" }, t(tag)))),
    card.score);
  card.element = make("li", {}, card.link);
  return card;
}

export function unmount(card) {
  card.boardView.close();
  card.element.remove();
}

/** Show the game as of `now`, with its `status` in the feed. */
export function showCard(card, status, now) {
  setText(card.score, number(shownScore(card.watched.playback)));
  const lines = overlayLines(card, status, now), [outcome = "", total = "", rank = ""] = lines;
  setHidden(card.overlay, !lines.length);
  setText(card.outcome, outcome);
  setText(card.total, total);
  setText(card.rank, rank);
  if (now - card.labelledAt < LABEL_MS) return;
  card.labelledAt = now;
  card.link.setAttribute("aria-label", label(card, status));
}

export function drawCard(card, now) {
  const { playback } = card.watched;
  card.drawnAt = now;
  draw(card.boardView, playback, progress(playback), now);
}

/** Up to three lines over the board; none while the game runs. */
function overlayLines({ watched, endedAt }, status, now) {
  if (status === PAUSED) return [t("pause.paused")];
  if (status === STALE) return [t("live.stale", { count: Math.floor(watched.idleMs / 1000) })];
  if (status !== ENDED || now - endedAt < END_DELAY_MS) return [];
  return [outcome(watched), number(watched.playback.game.score), rankNote(watched)];
}

function outcome({ ending, playback }) {
  return outcomeName(ending?.outcome ?? playback.outcome);
}

/** The rank in words; a guest has none. */
function rankNote({ bot, challenge, ending, playback: { mode } }) {
  if (!ending) return "";
  if (!ending.ranked) return t("live.notRanked");
  return ending.rank ? rankWords({ rank: ending.rank, mode, bot, challenge }) : "";
}

function label({ watched }, status) {
  const { username, bot, playback } = watched;
  const values = { name: username, count: playback.game.score, mode: modeName(playback.mode) };
  const notes = status === PAUSED ? [t("pause.paused")] : status === ENDED ? [outcome(watched), rankNote(watched)] : [];
  return [t(bot ? "live.watchBot" : "live.watch", values), ...notes].filter(Boolean).map(sentence).join(" ");
}
