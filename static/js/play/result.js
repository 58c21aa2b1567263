/* The result card: how the game ended and what became of its score. Loaded with the first game. */

import * as api from "../api.js";
import { ending, isRankedAttempt, isSettled, outcome } from "../game/playing.js";
import { LOST, OVER, SIGNED_OUT, isPractice, state } from "../game/state.js";
import { SESSION, SETTLED, byId, focusAction, on, onColours, setHidden, setText } from "../lib/dom.js";
import { boardAddress, comparison, day, dayOf, gameAddress, longDay, modeName } from "../lib/format.js";
import { number, ordinal, setWords, t } from "../lib/language.js";
import { shareGame, showOutcome } from "../lib/share.js";
import { openAccount } from "../pages/account.js";
import { LEFT, POINTS } from "../rules.js";
import { beginEnding, celebrate, drawEnding, endDrawing, slideIn } from "./ending.js";
import { findStanding, showNeighbours } from "./neighbours.js";
import { isPracticeNext, play, selectedMode } from "./start.js";

const DELAY_MS = 650; // to see what happened, before the card covers it

let density = 0; // of the screen for which the picture is drawn
let told = null; // of the game that is shown: {isWorth, isBest, rows}, as far as it is on the card already

export function bind() {
  byId("play-again").addEventListener("click", play);
  byId("result-sign-up").addEventListener("click", () => openAccount("signup"));
  byId("result-log-in").addEventListener("click", () => openAccount("login"));
  byId("share").addEventListener("click", share);
  byId("picture").addEventListener("click", openPicture);
  onColours(() => byId("result").hidden || showPicture());
  on(SESSION, () => state.result?.rank || findPlace());
  on(SETTLED, findPlace);
  findPlace(); // this module may have been loaded later
}

/** Find the player's place on the leaderboard, or the one that a guest would have with an account. A guest who signs up after
the game gets one. */
async function findPlace() {
  const { result, mode, challenge } = state, isGuest = lacksAccount();
  if (!result || state.round) return;
  const isPlaced = isGuest || (api.isPlayer() && (result.rank || result.ranked));
  const asked = isPlaced && findStanding(mode, challenge?.name, isGuest ? bestScore(result) : null);
  const { rank, rows } = await Promise.resolve(asked).catch(() => null) || { rank: null, rows: [] };
  Object.assign(result, isGuest ? { guestRank: rank } : { rank: rank ?? result.rank }, { rows });
}

/** A game of a daily challenge may be hidden: what is shared of it is in the text. */
async function share() {
  const { challenge, result, game, mode, id } = state, date = challenge && dayOf(challenge.name);
  const button = byId("share"), note = byId("share-note");
  if (!date) return shareGame(button, note, t("share.own", { count: (result ?? game).score }), id);
  const { shareAttempt } = await import("./daily.js");
  await shareAttempt(button, note, date, mode);
}

/** A picture of the game to share: its maker is loaded at the first use. */
async function openPicture() {
  const { game, result, challenge, player } = state, { score } = result ?? game;
  try {
    const { showPictureOf } = await import("./picture.js");
    await showPictureOf({ ...played(), score, outcome: outcome(), challenge: challenge?.name, username: player });
  } catch {
    showOutcome(byId("picture"), byId("share-note"), t("picture.failed"));
  }
}

function played() {
  const { id, seed, mode, turns, game } = state;
  return { id, seed, mode, turns, tick: game.ticks };
}

/** Show the card while there is a game that is over. */
export function showResult(now) {
  const hidden = state.phase !== OVER || state.round?.isShown || now - state.overAt < DELAY_MS;
  const appears = byId("result").hidden && !hidden;
  setHidden(byId("result"), hidden);
  if (hidden) return;
  if (appears) begin(now);
  else if (density !== devicePixelRatio) showPicture();
  const { result, game } = state, points = drawEnding(now);
  setText(byId("result-outcome"), ending());
  setText(byId("result-score"), number(points ?? (result ?? game).score));
  setText(byId("result-waiting"), waiting());
  setText(byId("result-rank"), rank());
  setText(byId("result-note"), note());
  setWords(byId("result-best"), ...best());
  byId("result-best").classList.toggle("is-new", isBest());
  byId("result-board").href = boardAddress(state.mode, state.challenge?.name);
  setText(byId("play-again"), nextGameLabel());
  setHidden(byId("result-leave"), !state.selection);
  setHidden(byId("result-sign-up"), !isGuests() && (isSettled() || !api.session.user?.guest));
  const isLoggedOut = state.connection === SIGNED_OUT && !isSettled(), logIn = byId("result-log-in");
  setHidden(logIn, !isLoggedOut);
  for (const button of [logIn, byId("play-again")]) button.classList.toggle("primary", isLoggedOut === (button === logIn));
  setHidden(byId("result").querySelector(".links"), isPractice()); // they lead to what the server has
  byId("result").dataset.settled = isSettled();
  if (appears) focusAction(byId("result"));
  if (points === null) tell();
}

function begin(now) {
  told = { isWorth: false, isBest: false, rows: null };
  byId("result").dataset.told = false;
  density = devicePixelRatio;
  byId("result-replay").href = gameAddress(state.id);
  byId("result").classList.add("is-drawing");
  byId("result-around").replaceChildren();
  describePicture();
  beginEnding(byId("result-picture"), played(), now);
}

/** Once the path is complete, tell what the score is worth, as soon as that is known. */
function tell() {
  const { result } = state, card = byId("result");
  if (!told.isWorth) {
    card.classList.remove("is-drawing");
    slideIn([byId("result-best"), ...byId("result-around").parentElement.children]);
    told.isWorth = true;
  }
  if (!told.isBest && isBest()) celebrate(card, byId("result-best"));
  told.isBest ||= isBest();
  const { rows } = result ?? {};
  card.dataset.told = Boolean(rows || state.rejection); // all of it, to be announced
  if (!rows || rows === told.rows) return;
  told.rows = rows;
  slideIn(showNeighbours(byId("result-around"), rows), "1.6rem 0");
}

/** The whole game at a glance. */
function showPicture() {
  density = devicePixelRatio;
  endDrawing();
}

/** The picture in words, for screen readers. */
function describePicture() {
  const { game } = state, values = { count: game.score / POINTS, ticks: game.ticks };
  byId("result-picture").setAttribute("aria-label", t("result.picture", values));
}

function nextGameLabel() {
  const { selection, challenge, mode, daily } = state, date = selection && dayOf(selection.name), next = selectedMode();
  if (isSettled() && isPracticeNext()) return t("play.practise");
  if (selection?.name !== challenge?.asked) return t(selection ? "play.challenge" : "play.new");
  if (date !== day(0)) return t("play.again");
  if (date !== dayOf(challenge.name)) return t("play.today");
  const isPlayed = next === mode || !daily || daily.modes[next].mine;
  return isPlayed ? t("play.notCounted") : t("daily.now", { mode: modeName(next) });
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

/** What the score waits for. */
function waiting() {
  const { nextGame, connection } = state;
  if (isSettled()) return "";
  if (nextGame) return t("result.sendingForNext");
  if (connection === SIGNED_OUT) return t("result.logIn", { name: state.player });
  return t(connection === LOST ? "result.lost" : "result.sending");
}

function rank() {
  const { result, rejection } = state;
  if (rejection) return t("result.rejected");
  if (!result) return "";
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
  const { mode, challenge, round } = state, date = challenge && dayOf(challenge.name);
  if (round) return t("rooms.inRound");
  if (date) return date === day(0) ? t("where.today") : t("where.daily", { date: longDay(date) });
  return challenge ? t("where.challenge") : t("where.board", { mode: modeName(mode) });
}

/** Why the game is not ranked, or how to get it ranked. */
function note() {
  const { result, rejection } = state;
  if (rejection) return rejection;
  if (!result) return "";
  if (isPractice()) return t("result.practice");
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
  return Boolean(api.session.user?.guest && state.result?.ranked && !state.round);
}

/** Whether only an account is missing for a rank, now or, in today's challenge, before the game. */
function lacksAccount() {
  const { result, challenge } = state, isToday = challenge && dayOf(challenge.name) === day(0);
  return isGuests() || Boolean(api.session.user?.guest && result && isToday);
}
