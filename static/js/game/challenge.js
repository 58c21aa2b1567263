/* Challenges: what the start says of the one that is chosen, and who is to be beaten in the one that is played. Fetched with
the first challenge. */

import * as api from "../api.js";
import { setHidden, setText, setWords } from "../play/hud.js";
import { chooseMode, chosenMode, dailyTry } from "../play/start.js";
import { IDLE, state } from "./state.js";
import { keep, recall } from "../storage.js";
import { DAILY, DAILY_HIDDEN, MODE_NAMES, challengeAddress, day, dayOf, longDay, ordinal } from "../lib/format.js";

const GONE = "It may be gone with its player's account, or the link may be cut short.";
const OLD = "Only today's can be played, and yesterday's out of the count.";

const at = (id) => document.getElementById(id);

let askedFor = {}; // {chosen, trouble, date}: what was looked up, and when
let followed = null; // the id of the game whose beginning has been seen here
let noted = null; // the id of the game whose result has

/** Finds out what is to be known of the challenges that are chosen and played. Called with each frame. */
export function watch() {
  const { chosen, challenge, id, result } = state;
  if (chosen && isNews()) lookUp(chosen);
  if (!challenge) return;
  if (id !== followed) begin();
  if (result && id !== noted) end();
}

/** Shows what there is to say on the start card. */
export function show() {
  const { chosen, phase } = state;
  if (phase !== IDLE || !chosen) return;
  const { title, name, note, played } = describe(chosen);
  setWords(at("challenge-title"), title, name);
  setText(at("challenge-note"), note);
  setText(at("challenge-played"), played || (api.isPlayer() ? "\u00a0" : "")); // keeps its line for what may come
  showWays(chosen);
  at("start").classList.toggle("is-known", Boolean(title));
  if (title) namePage(title.replace("@", () => name));
}

function namePage(title) {
  const whole = `${title} · Snakepit`;
  if (document.title !== whole) document.title = whole;
}

function showWays({ name, target, problem }) {
  setHidden(at("challenge-watch"), !target);
  if (target) at("challenge-watch").href = `#/games/${encodeURIComponent(target.id)}`;
  setHidden(at("challenge-board"), Boolean(problem) && !dayOf(name));
  at("challenge-board").href = boardAddress(name);
  const isPast = Boolean(problem && dayOf(name));
  at("challenge-leave").href = isPast ? challengeAddress(DAILY) : "#/";
  setText(at("challenge-leave"), isPast ? "Play today's" : problem ? "Play a normal game" : "Leave the challenge");
  at("challenge-leave").classList.toggle("loud", Boolean(problem));
}

function boardAddress(name) {
  const date = dayOf(name);
  if (!date) return `#/boards?challenge=${encodeURIComponent(name)}`;
  return `#/boards?challenge=daily&mode=${chosenMode()}&at=${date}`;
}

// What is chosen

/** Whether something else is chosen than before, or it is another day, or it could not be played. */
function isNews() {
  const { chosen, trouble } = state, asked = { chosen, trouble, date: day(0) };
  const isSame = Object.keys(asked).every((key) => asked[key] === askedFor[key]);
  askedFor = asked;
  return !isSame;
}

/** What can be said of the challenge: {title, name, note, played}; no title while it is not known. */
function describe({ name, target, standing, problem }) {
  if (problem) return { title: dayOf(name) ? "The daily challenge" : "No such game", note: problem };
  if (dayOf(name)) return describeDaily(dayOf(name), standing);
  if (!target) return { title: state.trouble ? "The challenge" : "", note: "" };
  const best = standing?.rank ? `You are ${ordinal(standing.rank)} there with ${standing.score}.` : "";
  const { username, score, mode, status } = target;
  const soFar = status === "playing" ? " It is still being played: this is the score so far." : "";
  return {
    title: `Beat ${isOwn(target) ? "your own" : "@'s"} ${score}`,
    name: username,
    note: `${MODE_NAMES[mode]}, with the same eggs. It counts on a board of its own.${soFar}`,
    played: best,
  };
}

function describeDaily(date, standing) {
  if (date !== day(0)) {
    return { title: "Yesterday's challenge", note: `${longDay(date)}. It is over: a game on it is out of the count.` };
  }
  return {
    title: "Daily challenge",
    note: `${longDay(date)}. Everybody has the same eggs today, and only the first try counts${forWhom()}`,
    played: playedToday(standing),
  };
}

/** A guest is told before the attempt what it is worth. */
function forWhom() {
  if (api.isPlayer()) return ".";
  return ", with an account. A guest's try doesn't count, even after signing up later. Sign up first.";
}

/** What became of today's first try; of a guest's, only this browser knows. */
function playedToday(standing) {
  const mode = chosenMode(), score = dailyTry(mode);
  const more = "Another try doesn't count.";
  if (standing?.rank && standing.mode === mode) {
    return `Played: ${standing.score}, ${ordinal(standing.rank)} today. ${more}`;
  }
  if (score === undefined) return "";
  return score === null ? `Played. ${more}` : `Played: ${score}. ${more}`;
}

function isOwn({ username }) {
  return username === api.session.user?.username;
}

/** Asks for the game that is to be beaten; of a daily challenge everything follows from its date. */
async function lookUp(chosen) {
  const date = dayOf(chosen.name);
  if (date) {
    chosen.problem = [day(0), day(-1)].includes(date) ? null : OLD;
    if (chosen.game) showGame(chosen);
    return;
  }
  try {
    chosen.target = await api.game(chosen.name);
    if (state.chosen === chosen) chooseMode(chosen.target.mode);
  } catch (problem) {
    if (problem.status === 404) chosen.problem = GONE;
    else if (problem.code === DAILY_HIDDEN && state.chosen === chosen) {
      location.replace(challengeAddress(DAILY, problem.params.mode));
    }
    else if (state.chosen === chosen) state.trouble = problem.message;
  }
}

/** Somebody has handed a game of the daily challenge on: those who may see it are shown it. */
async function showGame(chosen) {
  const found = await api.game(chosen.game).catch(() => null);
  if (found && state.chosen === chosen) location.replace(`#/games/${encodeURIComponent(chosen.game)}`);
}

// What is played

/** A game on a challenge has begun: who is to be beaten in it. */
async function begin() {
  const { id, challenge, chosen } = state;
  followed = id;
  if (dayOf(challenge.name)) return noteTry(null);
  let target = chosen?.name === challenge.asked ? chosen.target : null;
  if (target?.status !== "over") target = await api.game(challenge.asked).catch(() => target); // as far as it is now
  if (target && state.id === id) takeOn(target);
}

function takeOn(target) {
  const { username, score } = target, isMine = isOwn(target);
  state.target = { ...target, isOwn: isMine };
  if (score >= state.game.score) state.rival = { rank: null, username: isMine ? "Your own game" : username, score };
}

/** The server has said how it ended. */
function end() {
  const { id, result, challenge } = state;
  noted = id;
  if (dayOf(challenge.name) && result.ranked) noteTry(result.score);
}

/** Remembers today's try in this mode, and its score once it is known. */
function noteTry(score) {
  const { challenge, mode } = state, user = api.session.user?.id, today = day(0), kept = recall("daily");
  if (dayOf(challenge.name) !== today) return;
  const scores = kept?.day === today && kept.user === user ? kept.scores : {};
  keep("daily", { user, day: today, scores: { ...scores, [mode]: score ?? scores[mode] ?? null } });
}
