/* What the page shows around a replayed or watched game: its player, its status, and how it ended. It shows what
replay.js has, `shown`, and changes nothing. */

import { OVER, PAUSED, PLAYING, shownScore } from "../game/state.js";
import { byId, make, setAttribute, setHidden, setText, setTitle } from "../lib/dom.js";
import { challengeAddress, dayOf, modeName, outcomeName, playerAddress, rankWords } from "../lib/format.js";
import { dates, named, number, t } from "../lib/language.js";
import { DELETED, ENDED, LOST, STALE, statusOf } from "../live/feed.js";
import { SIZE } from "../rules.js";

const SIGNS = { // keys and signs of what the button does in each phase
  [PLAYING]: ["play.pause", "M7 5V19M17 5V19"],
  [PAUSED]: ["play.goOn", "M7 4.5L19 12L7 19.5Z"],
  [OVER]: ["replay.again", "M19 12A7 7 0 1 1 16.5 6.6M17 2.5V7H12.5"],
};

/** What doesn't change while the game is shown. */
export function showHeader({ record, target, feed }) {
  const { id, username, mode, score, bot, challenge } = record;
  setTitle(feed ? t("replay.playing", { name: username }) : t("game.by", { score, name: username }));
  setText(byId("replay-player"), username);
  byId("replay-player").href = playerAddress(username);
  setText(byId("replay-mode"), modeName(mode));
  setText(byId("replay-bot"), bot ? t("tag.bot") : ""); // text would be part of the page's title
  setHidden(byId("replay-bot"), !bot);
  setText(byId("replay-final-label"), t(feed ? "replay.length" : "replay.final"));
  byId("replay-beat").href = challengeAddress(id);
  const link = challenge ? challengeLink(challenge, mode) : "";
  byId("replay-challenge").replaceChildren(...target
    ? named("replay.toBeat", { challenge: link, score: target.score, name: target.username }) : [link]);
}

function challengeLink(challenge, mode) {
  const day = dayOf(challenge), format = dates({ day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const words = day ? t("replay.daily", { date: format.format(new Date(day)) }) : t("boards.challenge");
  return make("a", { href: `#/boards?${new URLSearchParams({ challenge, mode })}` }, words);
}

/** What changes with each tick, or when the viewer does something. */
export function showStatus(shown, now) {
  const { playback, record, feed, watched, speed } = shown, { game, phase } = playback;
  setText(byId("replay-score"), number(shownScore(playback)));
  setText(byId("replay-final"), number(feed ? game.body.length : record.score));
  showButton(phase);
  for (const button of byId("replay-speeds").children) {
    setAttribute(button, "aria-pressed", Number(button.dataset.speed) === speed);
    setText(button, `${number(Number(button.dataset.speed))}×`);
  }
  const status = feed ? statusOf(feed, watched, now) : phase === OVER ? ENDED : null;
  showLive(shown, status);
  showOverlay(shown, status);
}

function showButton(phase) {
  const [words, sign] = SIGNS[phase];
  setText(byId("replay-act"), t(words));
  if (byId("replay-toggle").dataset.phase === phase) return;
  byId("replay-toggle").dataset.phase = phase;
  byId("replay-sign").setAttribute("d", sign);
}

function showLive({ feed, watched }, status) {
  const live = byId("replay-live");
  setHidden(live, !feed || status === DELETED);
  setHidden(byId("replay-time"), !live.hidden);
  setHidden(byId("replay-links"), status === DELETED);
  if (live.hidden) return;
  setText(live, t(watched.isDetached ? "replay.toLive" : "nav.live"));
  setAttribute(live, "aria-disabled", !watched.isDetached); // rather than disabled: it would lose the focus
  setAttribute(live, "data-status", status);
}

/** What the board itself doesn't show, away from the head. */
function showOverlay(shown, status) {
  const [words, more = ""] = overlayWords(shown, status), outcome = byId("replay-outcome");
  if (words && !byId("replay-said").textContent) {
    outcome.classList.toggle("is-low", shown.playback.game.body[0] < SIZE * SIZE / 2);
  }
  setText(byId("replay-said"), words);
  setText(byId("replay-more"), more);
  setAttribute(byId("replay-more"), "aria-hidden", status === STALE); // screen readers shouldn't count seconds
}

function overlayWords({ record, feed, watched }, status) {
  const name = record.username;
  switch (status) {
    case DELETED: return [t("replay.deleted"), t("replay.deletedWith")];
    case LOST: return [t("live.lost")];
    case PAUSED: return [t("replay.paused", { name })];
    case STALE: return [t("replay.stale", { name }), t("replay.staleFor", { count: Math.floor(watched.idleMs / 1000) })];
    case ENDED: return feed ? [""] : [outcomeName(record.outcome), ending(record)];
    default: return [""];
  }
}

function ending(record) {
  const values = { count: record.score, rank: record.rank && rankWords(record) };
  if (!record.ranked) return t("replay.pointsNotRanked", values);
  return t(record.rank ? "replay.pointsRanked" : "replay.points", values);
}
