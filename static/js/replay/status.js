/* What the page shows around a replayed or watched game: its player, its status, and how it ended. It shows what
replay.js has, `shown`, and changes nothing. */

import { OVER, PAUSED, PLAYING, shownScore } from "../game/state.js";
import { byId, make, setAttribute, setHidden, setText, setTitle } from "../lib/dom.js";
import { MODE_NAMES, OUTCOME_NAMES, challengeAddress, dayOf, playerAddress, rankWords } from "../lib/format.js";
import { DELETED, ENDED, LOST, STALE, statusOf } from "../live/feed.js";
import { SIZE } from "../rules.js";

const SIGNS = { // of what the button does in each phase
  [PLAYING]: ["Pause", "M7 5V19M17 5V19"],
  [PAUSED]: ["Go on", "M7 4.5L19 12L7 19.5Z"],
  [OVER]: ["Again", "M19 12A7 7 0 1 1 16.5 6.6M17 2.5V7H12.5"],
};

/** What doesn't change while the game is shown. */
export function showHeader({ record, target, feed }) {
  const { id, username, mode, score, bot, challenge } = record;
  setTitle(feed ? `${username} is playing` : `${score} by ${username}`);
  setText(byId("replay-player"), username);
  byId("replay-player").href = playerAddress(username);
  setText(byId("replay-mode"), MODE_NAMES[mode]);
  setText(byId("replay-bot"), bot ? "bot" : ""); // text would be part of the page's title
  setHidden(byId("replay-bot"), !bot);
  setText(byId("replay-final-label"), feed ? "Length" : "Final");
  byId("replay-beat").href = challengeAddress(id);
  byId("replay-challenge").replaceChildren(...challenge ? [challengeLink(challenge, mode)] : []);
  if (target) byId("replay-challenge").append(`, to beat ${target.score} by `, make("bdi", {}, target.username));
}

function challengeLink(challenge, mode) {
  const day = dayOf(challenge), date = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  const words = day ? `Daily challenge of ${new Date(day).toLocaleDateString("en-GB", date)}` : "A challenge";
  return make("a", { href: `#/boards?${new URLSearchParams({ challenge, mode })}` }, words);
}

/** What changes with each tick, or when the viewer does something. */
export function showStatus(shown, now) {
  const { playback, record, feed, watched, speed } = shown, { game, phase } = playback;
  setText(byId("replay-score"), shownScore(playback));
  setText(byId("replay-final"), feed ? game.body.length : record.score);
  showButton(phase);
  for (const button of byId("replay-speeds").children) {
    setAttribute(button, "aria-pressed", Number(button.dataset.speed) === speed);
  }
  const status = feed ? statusOf(feed, watched, now) : phase === OVER ? ENDED : null;
  showLive(shown, status);
  showOverlay(shown, status);
}

function showButton(phase) {
  const [words, sign] = SIGNS[phase];
  if (byId("replay-toggle").dataset.phase === phase) return;
  byId("replay-toggle").dataset.phase = phase;
  setText(byId("replay-act"), words);
  byId("replay-sign").setAttribute("d", sign);
}

function showLive({ feed, watched }, status) {
  const live = byId("replay-live");
  setHidden(live, !feed || status === DELETED);
  setHidden(byId("replay-time"), !live.hidden);
  setHidden(byId("replay-links"), status === DELETED);
  if (live.hidden) return;
  setText(live, watched.isDetached ? "Back to live" : "Live");
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
  switch (status) {
    case DELETED: return ["This game is gone", "with its player’s account"];
    case LOST: return ["Connection lost; trying again"];
    case PAUSED: return [`${record.username} has paused`];
    case STALE: return [`No word from ${record.username}`, `for ${Math.floor(watched.idleMs / 1000)} s`];
    case ENDED: return feed ? [""] : [OUTCOME_NAMES[record.outcome], ending(record)];
    default: return [""];
  }
}

function ending(record) {
  const points = `${record.score} points`;
  if (!record.ranked) return `${points}, not ranked`;
  return record.rank ? `${points}, ${rankWords(record)}` : points;
}
