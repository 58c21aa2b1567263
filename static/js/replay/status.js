/* What is said around a game that is shown again or watched: whose it is, how it stands, and how it ended. It shows what
replay.js knows, `shown`, and changes nothing. */

import { make } from "../lib/dom.js";
import { setHidden, setText } from "../play/hud.js";
import { SIZE } from "../rules.js";
import { OVER, PAUSED, PLAYING } from "../game/state.js";
import { ENDED, GONE, LOST, RESTS, SILENT, standing } from "../live/feed.js";
import { MODE_NAMES, OUTCOME_NAMES, challengeAddress, dayOf, ordinal } from "../lib/format.js";

const SIGNS = { // of what the button does in each phase
  [PLAYING]: ["Pause", "M7 5V19M17 5V19"],
  [PAUSED]: ["Go on", "M7 4.5L19 12L7 19.5Z"],
  [OVER]: ["Again", "M19 12A7 7 0 1 1 16.5 6.6M17 2.5V7H12.5"],
};

const at = (id) => document.getElementById(id);

/** Whose game it is, and what for: what does not change while it is shown. */
export function introduce({ record, watch }) {
  const { id, username, mode, score, bot, challenge } = record;
  document.title = `${watch ? `${username} is playing` : `${score} by ${username}`} · Snakepit`;
  setText(at("replay-player"), username);
  at("replay-player").href = `#/players/${encodeURIComponent(username)}`;
  setText(at("replay-mode"), MODE_NAMES[mode]);
  setText(at("replay-bot"), bot ? "bot" : ""); // which would be read in the title of the page
  setHidden(at("replay-bot"), !bot);
  setText(at("replay-final-label"), watch ? "Length" : "Final");
  at("replay-beat").href = challengeAddress(id);
  at("replay-challenge").replaceChildren(...challenge ? [challengeLink(challenge, mode)] : []);
}

function challengeLink(challenge, mode) {
  const day = dayOf(challenge), date = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  const words = day ? `Daily challenge of ${new Date(day).toLocaleDateString("en-GB", date)}` : "A challenge";
  return make("a", { href: `#/boards?${new URLSearchParams({ challenge, mode })}` }, words);
}

/** What changes with each tick, or when the viewer does something. */
export function show(shown, now) {
  const { playback, record, watch, watched, speed } = shown, { game, phase } = playback;
  setText(at("replay-score"), game.score);
  setText(at("replay-final"), watch ? game.body.length : record.score);
  showButton(phase);
  for (const button of at("replay-speeds").children) {
    updateAttribute(button, "aria-pressed", Number(button.dataset.speed) === speed);
  }
  const how = watch ? standing(watch, watched, now) : phase === OVER ? ENDED : null;
  showLive(shown, how);
  say(shown, how);
}

function showButton(phase) {
  const [words, sign] = SIGNS[phase];
  if (at("replay-toggle").dataset.phase === phase) return;
  at("replay-toggle").dataset.phase = phase;
  setText(at("replay-act"), words);
  at("replay-sign").setAttribute("d", sign);
}

function showLive({ watch, watched }, how) {
  const live = at("replay-live");
  setHidden(live, !watch || how === GONE);
  setHidden(at("replay-time"), !live.hidden);
  setHidden(at("replay-onward"), how === GONE);
  if (live.hidden) return;
  setText(live, watched.isHeld ? "Back to live" : "Live");
  updateAttribute(live, "aria-disabled", !watched.isHeld); // rather than disabled: it would lose the focus
  updateAttribute(live, "data-standing", how);
}

function updateAttribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Says over the board what is not seen on it; not where the head is. */
function say(shown, how) {
  const [said, more = ""] = words(shown, how), outcome = at("replay-outcome");
  if (said && !at("replay-said").textContent) {
    outcome.classList.toggle("is-low", shown.playback.game.body[0] < SIZE * SIZE / 2);
  }
  setText(at("replay-said"), said);
  setText(at("replay-more"), more);
  updateAttribute(at("replay-more"), "aria-hidden", how === SILENT); // nobody wants to hear seconds counted
}

function words({ record, watch, watched }, how) {
  switch (how) {
    case GONE: return ["This game is gone", "with its player’s account"];
    case LOST: return ["Connection lost; trying again"];
    case RESTS: return [`${record.username} has paused`];
    case SILENT: return [`No word from ${record.username}`, `for ${Math.floor(watched.heard / 1000)} s`];
    case ENDED: return watch ? [""] : [OUTCOME_NAMES[record.outcome], ending(record)];
    default: return [""];
  }
}

function ending({ score, ranked, rank, mode, bot, challenge }) {
  const points = `${score} points`;
  if (!ranked) return `${points}, not ranked`;
  if (!rank) return points;
  if (challenge && !dayOf(challenge)) return `${points}, ${ordinal(rank)} in the challenge`;
  return `${points}, ${ordinal(rank)} on the ${bot ? "bots’ " : ""}${challenge ? "daily " : ""}${MODE_NAMES[mode]} board`;
}
