/* The result card: how the game ended and what became of its score. Loaded with the first game. */

import * as api from "../api.js";
import { drawThumbnail } from "../draw/thumbnail.js";
import { isRankedAttempt, isSettled, outcome } from "../game/playing.js";
import { LOST, OVER, SIGNED_OUT, state } from "../game/state.js";
import { byId, focusAction, onColours, setHidden, setText } from "../lib/dom.js";
import { SESSION, SETTLED, on } from "../lib/events.js";
import { boardAddress, comparison, day, dayOf, gameAddress, longDay, modeName, outcomeName } from "../lib/format.js";
import { number, ordinal, setWords, t } from "../lib/language.js";
import { shareGame } from "../lib/share.js";
import { openAccount } from "../pages/account.js";
import { LEFT, POINTS } from "../rules.js";
import { play, selectedMode } from "./start.js";

const DELAY_MS = 650; // to see what happened, before the card covers it

let density = 0; // of the screen for which the picture is drawn

export function bind() {
  byId("play-again").addEventListener("click", play);
  byId("result-sign-up").addEventListener("click", () => openAccount("signup"));
  byId("result-log-in").addEventListener("click", () => openAccount("login"));
  byId("share").addEventListener("click", () =>
    shareGame(byId("share"), byId("share-note"), t("share.own", { count: (state.result ?? state.game).score }), state.id));
  onColours(() => byId("result").hidden || showPicture());
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
  setText(byId("result-score"), number((result ?? game).score));
  setText(byId("result-rank"), rank());
  setText(byId("result-note"), note());
  setWords(byId("result-best"), ...best());
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
  const { seed, mode, turns, game } = state, values = { count: game.score / POINTS, ticks: game.ticks };
  drawThumbnail(byId("result-picture"), { seed, mode, turns, tick: game.ticks });
  byId("result-picture").setAttribute("aria-label", t("result.picture", values));
}

function nextGameLabel() {
  const { selection, challenge, mode } = state, date = selection && dayOf(selection.name);
  if (selection?.name !== challenge?.asked) return t(selection ? "play.challenge" : "play.new");
  if (date !== day(0)) return t("play.again");
  const isSame = date === dayOf(challenge.name) && mode === selectedMode(); // as the one just played
  return t(isSame ? "play.notCounted" : "play.today");
}

/** Whether the target was beaten, or the player's best. */
function isBest() {
  const { target, result, game, challenge } = state;
  return target ? game.score > target.score : Boolean(result?.isBest && !challenge);
}

/** The target, or the player's best beside this score: a key and its values, or none. */
function best() {
  const { result, previousBest, game, target, challenge } = state;
  if (target) return comparison((result ?? game).score, target);
  if (challenge) return [];
  if (result?.isBest) return ["result.isBest"];
  const best = Math.max(result?.personal_best ?? 0, previousBest ?? 0);
  return best > game.score ? ["result.best", { score: best }] : [];
}

function title() {
  if (outcome() === LEFT) return t(state.gaveUp ? "result.left" : "result.elsewhere");
  return outcome() ? outcomeName(outcome()) : t("result.ended");
}

/** The player's rank, or why there is none yet. */
function rank() {
  const { result, rejection, nextGame, connection } = state;
  if (rejection) return t("result.rejected");
  if (!result) {
    if (nextGame) return t("result.sendingForNext");
    if (connection === SIGNED_OUT) return t("result.logIn", { name: state.player });
    return t(connection === LOST ? "result.lost" : "result.sending");
  }
  if (!result.rank) return guestRank();
  const values = { rank: ordinal(result.rank), where: where(), score: result.personal_best };
  if (!isRankedAttempt()) return t("result.rankFirstTry", values);
  return t(result.score < result.personal_best ? "result.rankBest" : "result.rank", values);
}

/** The rank that a guest would have; its line is there before the rank is known. */
function guestRank() {
  const { result } = state;
  if (!lacksAccount()) return "";
  if (!result.guestRank) return "\u00a0";
  const score = bestScore(result), values = { score, rank: ordinal(result.guestRank), where: where() };
  return t(score > result.score ? "result.bestWouldBe" : "result.wouldBe", values);
}

/** The score of a guest that signing up would put on the leaderboard. */
function bestScore({ ranked, score, personal_best: best }) {
  return ranked ? Math.max(score, best ?? 0) : score;
}

/** "on the Walls board" */
function where() {
  const { mode, challenge } = state, date = challenge && dayOf(challenge.name);
  if (date) return date === day(0) ? t("where.today") : t("where.daily", { date: longDay(date) });
  return challenge ? t("where.challenge") : t("where.board", { mode: modeName(mode) });
}

/** Why the game is not ranked, or how to get it ranked. */
function note() {
  const { result, rejection } = state;
  if (rejection) return rejection;
  if (!result) return "";
  if (!result.ranked) return isRankedAttempt() ? t("result.paused") : outOfTheCount(dayOf(state.challenge.name));
  if (result.outcome === LEFT && !state.gaveUp) {
    return t(result.abandoned ? "result.abandoned" : "result.otherTab");
  }
  if (!isGuests()) return "";
  const score = bestScore(result);
  if (state.challenge) return t(score ? "result.signUpChallenge" : "result.signUpGamesChallenge", { score });
  return t(score ? "result.signUp" : "result.signUpGames", { score });
}

function outOfTheCount(date) {
  if (date !== day(0)) return t("result.yesterdays");
  return t(api.session.user?.guest ? "result.guestsTry" : "result.notFirst");
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
