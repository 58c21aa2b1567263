/* The result card: how the game ended and what became of its score. Loaded with the first game. */

import * as api from "../api.js";
import { drawThumbnail } from "../draw/thumbnail.js";
import { isRankedAttempt, isSettled, outcome } from "../game/playing.js";
import { LOST, OVER, SIGNED_OUT, state } from "../game/state.js";
import { byId, darkScheme, focusAction, setHidden, setText, setWords } from "../lib/dom.js";
import { SESSION, SETTLED, on } from "../lib/events.js";
import {
  MODE_NAMES, OUTCOME_NAMES, boardAddress, comparison, day, dayOf, gameAddress, longDay,
} from "../lib/format.js";
import { ordinal } from "../lib/language.js";
import { shareGame } from "../lib/share.js";
import { openAccount } from "../pages/account.js";
import { LEFT, POINTS } from "../rules.js";
import { play, selectedMode } from "./start.js";

const PAUSED_TOO_LONG = "Not ranked: it was paused for too long. Ten seconds are free, and playing earns more.";
const DELAY_MS = 650; // to see what happened, before the card covers it

let density = 0; // of the screen for which the picture is drawn

export function bind() {
  byId("play-again").addEventListener("click", play);
  byId("result-sign-up").addEventListener("click", () => openAccount("signup"));
  byId("result-log-in").addEventListener("click", () => openAccount("login"));
  byId("share").addEventListener("click", () =>
    shareGame(byId("share"), byId("share-note"), `${(state.result ?? state.game).score} points in the pit`, state.id));
  darkScheme.addEventListener("change", () => byId("result").hidden || showPicture());
  on(SESSION, refreshRank);
  on(SETTLED, findGuestRank);
  findGuestRank(); // this module may have been loaded later
}

/** Find the rank that a guest would have with an account. */
async function findGuestRank() {
  const { result, mode, challenge } = state;
  if (!lacksAccount()) return;
  const found = await api.nextRank(mode, bestScore(result), challenge?.name).catch(() => null);
  if (found) result.guestRank = found.rank;
}

/** A guest who signs up after a game gets a rank. */
function refreshRank() {
  const { result, mode, challenge } = state;
  if (!result || result.rank || !api.isPlayer()) return;
  api.myRank(mode, challenge?.name).then(({ rank }) => Object.assign(result, { rank }), () => {});
}

/** Show the card while there is a game that is over. */
export function showResult(now) {
  const hidden = state.phase !== OVER || now - state.overAt < DELAY_MS;
  const appears = byId("result").hidden && !hidden;
  setHidden(byId("result"), hidden);
  if (hidden) return;
  if (density !== devicePixelRatio) showPicture();
  const { result, game } = state;
  setText(byId("result-outcome"), title());
  setText(byId("result-score"), (result ?? game).score);
  setText(byId("result-rank"), rank());
  setText(byId("result-note"), note());
  setWords(byId("result-best"), best(), state.target?.username);
  byId("result-best").classList.toggle("is-new", isBest());
  byId("result-board").href = boardAddress(state.mode, state.challenge?.name);
  setText(byId("play-again"), nextGameLabel());
  setHidden(byId("result-leave"), !state.selection);
  setHidden(byId("result-sign-up"), !isGuests());
  const isLoggedOut = state.connection === SIGNED_OUT && !isSettled(), logIn = byId("result-log-in");
  setHidden(logIn, !isLoggedOut);
  for (const button of [logIn, byId("play-again")]) button.classList.toggle("primary", isLoggedOut === (button === logIn));
  byId("result").dataset.settled = isSettled();
  if (!appears) return;
  byId("result-replay").href = gameAddress(state.id);
  showPicture();
  focusAction(byId("result"));
}

/** The whole game at a glance, with a description for screen readers. */
function showPicture() {
  density = devicePixelRatio;
  const { seed, mode, turns, game } = state, meals = game.score / POINTS;
  drawThumbnail(byId("result-picture"), { seed, mode, turns, tick: game.ticks });
  const eggs = meals === 1 ? "1 egg" : `${meals} eggs`;
  byId("result-picture").setAttribute("aria-label", `The snake's path in this game: ${eggs} in ${game.ticks} steps`);
}

function nextGameLabel() {
  const { selection, challenge, mode } = state, date = selection && dayOf(selection.name);
  if (selection?.name !== challenge?.asked) return selection ? "Play the challenge" : "New game";
  if (date !== day(0)) return "Play again";
  const isSame = date === dayOf(challenge.name) && mode === selectedMode(); // as the one just played
  return isSame ? "Try again, not counted" : "Play today's";
}

/** Whether the target was beaten, or the player's best. */
function isBest() {
  const { target, result, game, challenge } = state;
  return target ? game.score > target.score : Boolean(result?.isBest && !challenge);
}

function best() {
  const { result, previousBest, game, target, challenge } = state;
  if (target) return comparison((result ?? game).score, target);
  if (challenge) return "";
  if (result?.isBest) return "Your best so far!";
  const best = Math.max(result?.personal_best ?? 0, previousBest ?? 0);
  return best > game.score ? `Best ${best}` : "";
}

function title() {
  if (outcome() === LEFT) return state.gaveUp ? "You left the pit" : "Ended elsewhere";
  return OUTCOME_NAMES[outcome()] ?? "Ended";
}

/** The player's rank, or why there is none yet. */
function rank() {
  const { result, rejection, nextGame, connection } = state;
  if (rejection) return "The score could not be stored.";
  if (!result) {
    if (nextGame) return "Sending the score, then the next game starts…";
    if (connection === SIGNED_OUT) return `You are logged out. Log in again as ${state.player} to store this score.`;
    return connection === LOST ? "No connection. The score is sent as soon as it is back." : "Sending the score…";
  }
  if (!result.rank) return guestRank();
  const best = isRankedAttempt() ? "best" : "first try";
  const own = result.score < result.personal_best || !isRankedAttempt() ? ` with your ${best}, ${result.personal_best}` : "";
  return `You are ${ordinal(result.rank)} ${where()}${own}.`;
}

/** The rank that a guest would have; its line is there before the rank is known. */
function guestRank() {
  const { result } = state;
  if (!lacksAccount()) return "";
  if (!result.guestRank) return "\u00a0";
  const score = bestScore(result), which = score > result.score ? `Your best, ${score},` : "This";
  return `${which} would be ${ordinal(result.guestRank)} ${where()}.`;
}

/** The score of a guest that signing up would put on the leaderboard. */
function bestScore({ ranked, score, personal_best: best }) {
  return ranked ? Math.max(score, best ?? 0) : score;
}

function where() {
  const { mode, challenge } = state, date = challenge && dayOf(challenge.name);
  if (date) return date === day(0) ? "in today's daily challenge" : `in the daily challenge of ${longDay(date)}`;
  return challenge ? "in this challenge" : `on the ${MODE_NAMES[mode]} board`;
}

/** Why the game is not ranked, or how to get it ranked. */
function note() {
  const { result, rejection } = state;
  if (rejection) return rejection;
  if (!result) return "";
  if (!result.ranked) return isRankedAttempt() ? PAUSED_TOO_LONG : outOfTheCount(dayOf(state.challenge.name));
  if (result.outcome === LEFT && !state.gaveUp) {
    return result.abandoned ? "The server received nothing of this game for ten minutes, and ended it."
      : "Another game was started in a second tab or on another device. That ended this one.";
  }
  const board = state.challenge ? "the challenge's board" : "the board";
  if (!isGuests()) return "";
  return `Sign up, and ${bestScore(result) ? `${bestScore(result)} goes` : "your games go"} on ${board}.`;
}

function outOfTheCount(date) {
  if (date !== day(0)) return "Yesterday's challenge doesn't count any more.";
  if (api.session.user?.guest) return "Not counted: you play as a guest. Sign up, and tomorrow's first try counts.";
  return "Not counted: only the day's first try counts.";
}

/** Whether a guest's game gets a rank by signing up. */
function isGuests() {
  return Boolean(api.session.user?.guest && state.result?.ranked);
}

/** Whether only an account is missing for a rank, now or, in today's challenge, before the game. */
function lacksAccount() {
  const { result, challenge } = state, isToday = challenge && dayOf(challenge.name) === day(0);
  return isGuests() || Boolean(api.session.user?.guest && result && isToday);
}
