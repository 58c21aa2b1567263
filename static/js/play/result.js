/* The card that says how a game ended, and what became of its score. Loaded with the first game. */

import * as api from "../api.js";
import { openAccount } from "../pages/account.js";
import { setHidden, setText, setWords } from "./hud.js";
import { counts, isSettled, outcome, refreshRank } from "../game/playing.js";
import { drawPicture } from "../draw/thumbnail.js";
import { LEFT, POINTS } from "../rules.js";
import { chosenMode } from "./start.js";
import { LOST, OVER, SIGNED_OUT, state } from "../game/state.js";
import { MODE_NAMES, OUTCOME_NAMES, day, dayOf, longDay, ordinal } from "../lib/format.js";

const PAUSED_TOO_LONG = "Not ranked: it was paused for too long. Ten seconds are free, and playing earns more.";
const LOOK_MS = 650; // to see what happened, before the card covers it
const SAID_MS = 2500; // for how long a button says what it has done

const at = (id) => document.getElementById(id);

/** Wires the card; `again` starts the next game. */
export function bind({ again }) {
  at("play-again").addEventListener("click", again);
  at("result-sign-up").addEventListener("click", () => openAccount("signup"));
  at("result-log-in").addEventListener("click", () => openAccount("login"));
  at("share").addEventListener("click", share);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => at("result").hidden || showPicture());
  api.onSession(refreshRank);
}

/** Shows the card while there is a game that is over. */
export function showResult(now) {
  const hidden = state.phase !== OVER || now - state.overAt < LOOK_MS;
  if (at("result").hidden && !hidden) appear();
  setHidden(at("result"), hidden);
  if (hidden) return;
  const { result, game } = state;
  setText(at("result-outcome"), title());
  setText(at("result-score"), (result ?? game).score);
  setText(at("result-rank"), standing());
  setText(at("result-note"), note());
  setWords(at("result-best"), best(), state.target?.username);
  at("result-best").classList.toggle("is-new", isBest());
  at("result-board").href = board();
  setText(at("play-again"), again());
  setHidden(at("result-leave"), !state.chosen);
  setHidden(at("result-sign-up"), !isGuests());
  setHidden(at("result-log-in"), state.connection !== SIGNED_OUT || isSettled());
  at("result").dataset.settled = isSettled();
}

function appear() {
  at("result").hidden = false;
  at("result-replay").href = `#/games/${encodeURIComponent(state.id)}`;
  showPicture();
  if (!document.querySelector("dialog[open]")) at("play-again").focus({ preventScroll: true });
}

/** The whole game at a glance; who can't see it hears what it shows. */
function showPicture() {
  const { seed, mode, turns, game } = state, meals = game.score / POINTS;
  drawPicture(at("result-picture"), { seed, mode, turns, tick: game.ticks });
  const eggs = meals === 1 ? "1 egg" : `${meals} eggs`;
  at("result-picture").setAttribute("aria-label", `The way of the snake in this game: ${eggs} in ${game.ticks} steps`);
}

/** Hands the link to the replay on, or leaves it where it can be pasted. */
async function share() {
  const url = new URL(at("result-replay").getAttribute("href"), location.href).href;
  const score = (state.result ?? state.game).score;
  try {
    if (navigator.share) return await navigator.share({ title: "Snakepit", text: `${score} points in the pit`, url });
    await navigator.clipboard.writeText(url);
    sayShared("Link copied");
  } catch (problem) {
    if (problem.name !== "AbortError") sayShared("Copying is forbidden here"); // else the player thought better of it
  }
}

function sayShared(words) {
  setText(at("share"), words);
  setText(at("share-note"), words);
  setTimeout(() => {
    setText(at("share"), "Share it");
    setText(at("share-note"), "");
  }, SAID_MS);
}

/** The name of the next game. */
function again() {
  const { chosen, challenge, mode } = state, date = chosen && dayOf(chosen.name);
  if (chosen?.name !== challenge?.asked) return chosen ? "Play the challenge" : "New game";
  if (date !== day(0)) return "Play again";
  const isSame = date === dayOf(challenge.name) && mode === chosenMode(); // as the one just played
  return isSame ? "Try again, out of the count" : "Play today's";
}

function board() {
  const { mode, challenge } = state, date = challenge && dayOf(challenge.name);
  if (date) return `#/boards?challenge=daily&mode=${mode}&at=${date}`;
  return challenge ? `#/boards?challenge=${encodeURIComponent(challenge.name)}` : `#/boards?mode=${mode}`;
}

/** Whether there is something to be proud of: a score that was beaten. */
function isBest() {
  const { target, result, game, challenge } = state;
  return target ? game.score > target.score : Boolean(result?.isBest && !challenge);
}

function best() {
  const { result, bestBefore, game, target, challenge } = state;
  if (target) return comparison((result ?? game).score, target);
  if (challenge) return "";
  if (result?.isBest) return "Your best so far!";
  const best = Math.max(result?.personal_best ?? 0, bestBefore ?? 0);
  return best > game.score ? `Best ${best}` : "";
}

/** How a score compares to the one that was to be beaten; "@" is for its player's name. */
function comparison(score, { score: theirs, isOwn }) {
  const whose = isOwn ? "your own" : "@'s";
  if (score < theirs) return `${theirs - score} short of ${whose} ${theirs}`;
  if (score === theirs) return `As good as ${whose} ${theirs}`;
  return `You beat ${isOwn ? `your own ${theirs}` : "@"} by ${score - theirs}`;
}

function title() {
  if (outcome() === LEFT) return state.givenUp ? "You left the pit" : "Ended elsewhere";
  return OUTCOME_NAMES[outcome()] ?? "Ended";
}

/** Where the player stands, once the server has said so. */
function standing() {
  const { result, refused, wanted, connection } = state;
  if (refused) return "The score could not be stored.";
  if (!result) return wanted ? "Sending the score, then the next game starts…" : sending(connection);
  if (!result.rank) return "";
  const best = counts() ? "best" : "first try";
  const own = result.score < result.personal_best || !counts() ? ` with your ${best}, ${result.personal_best}` : "";
  return `You are ${ordinal(result.rank)} ${where()}${own}.`;
}

function where() {
  const { mode, challenge } = state, date = challenge && dayOf(challenge.name);
  if (date) return date === day(0) ? "in today's daily challenge" : `in the daily challenge of ${longDay(date)}`;
  return challenge ? "in this challenge" : `on the ${MODE_NAMES[mode]} board`;
}

function sending(connection) {
  if (connection === SIGNED_OUT) return `You are logged out. Log in again as ${state.player} to store this score.`;
  return connection === LOST ? "No connection. The score is sent as soon as it is back." : "Sending the score…";
}

/** What else there is to say about it. */
function note() {
  const { result, refused } = state;
  if (refused) return refused;
  if (!result) return "";
  if (!result.ranked) return counts() ? PAUSED_TOO_LONG : outOfTheCount(dayOf(state.challenge.name));
  if (result.outcome === LEFT && !state.givenUp) return leftBy(result);
  const board = state.challenge ? "the challenge's board" : "the board";
  if (isGuests() && result.personal_best) return `Sign up, and ${result.personal_best} goes on ${board}.`;
  return "";
}

function outOfTheCount(date) {
  if (date !== day(0)) return "Yesterday's challenge is out of the count.";
  if (api.session.user?.guest) return "Not counted: you play as a guest. Sign up, and tomorrow's first try counts.";
  return "Not counted: only the day's first try counts.";
}

function leftBy({ abandoned }) {
  if (abandoned) return "The server had heard nothing of this game for ten minutes, and ended it.";
  return "Another game was begun elsewhere, in a second tab or on another device. That ended this one.";
}

function isGuests() {
  return Boolean(api.session.user?.guest && state.result?.ranked);
}
