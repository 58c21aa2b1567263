/* Challenges: what the start says of the one that is chosen, and who is to be beaten in the one that is played. Fetched with
the first challenge. */

import * as api from "../api.js";
import { set_hidden, set_text, set_words } from "../play/hud.js";
import { choose_mode, chosen_mode, daily_try } from "../play/start.js";
import { IDLE, state } from "./state.js";
import { keep, recall } from "../storage.js";
import { DAILY, DAILY_HIDDEN, MODE_NAMES, challenge_address, day, day_of, long_day, ordinal } from "../lib/format.js";

const GONE = "It may be gone with its player's account, or the link may be cut short.";
const OLD = "Only today's can be played, and yesterday's out of the count.";

const at = (id) => document.getElementById(id);

let asked_for = {}; // {chosen, trouble, date}: what was looked up, and when
let followed = null; // the id of the game whose beginning has been seen here
let noted = null; // the id of the game whose result has

/** Finds out what is to be known of the challenges that are chosen and played. Called with each frame. */
export function watch() {
  const { chosen, challenge, id, result } = state;
  if (chosen && is_news()) look_up(chosen);
  if (!challenge) return;
  if (id !== followed) begin();
  if (result && id !== noted) end();
}

/** Shows what there is to say on the start card. */
export function show() {
  const { chosen, phase } = state;
  if (phase !== IDLE || !chosen) return;
  const { title, name, note, played } = describe(chosen);
  set_words(at("challenge-title"), title, name);
  set_text(at("challenge-note"), note);
  set_text(at("challenge-played"), played || (api.is_player() ? "\u00a0" : "")); // keeps its line for what may come
  show_ways(chosen);
  at("start").classList.toggle("is-known", Boolean(title));
  if (title) name_page(title.replace("@", () => name));
}

function name_page(title) {
  const whole = `${title} · Snakepit`;
  if (document.title !== whole) document.title = whole;
}

function show_ways({ name, target, problem }) {
  set_hidden(at("challenge-watch"), !target);
  if (target) at("challenge-watch").href = `#/games/${encodeURIComponent(target.id)}`;
  set_hidden(at("challenge-board"), Boolean(problem) && !day_of(name));
  at("challenge-board").href = board_address(name);
  const is_past = Boolean(problem && day_of(name));
  at("challenge-leave").href = is_past ? challenge_address(DAILY) : "#/";
  set_text(at("challenge-leave"), is_past ? "Play today's" : problem ? "Play a normal game" : "Leave the challenge");
  at("challenge-leave").classList.toggle("loud", Boolean(problem));
}

function board_address(name) {
  const date = day_of(name);
  if (!date) return `#/boards?challenge=${encodeURIComponent(name)}`;
  return `#/boards?challenge=daily&mode=${chosen_mode()}&at=${date}`;
}

// What is chosen

/** Whether something else is chosen than before, or it is another day, or it could not be played. */
function is_news() {
  const { chosen, trouble } = state, asked = { chosen, trouble, date: day(0) };
  const is_same = Object.keys(asked).every((key) => asked[key] === asked_for[key]);
  asked_for = asked;
  return !is_same;
}

/** What can be said of the challenge: {title, name, note, played}; no title while it is not known. */
function describe({ name, target, standing, problem }) {
  if (problem) return { title: day_of(name) ? "The daily challenge" : "No such game", note: problem };
  if (day_of(name)) return describe_daily(day_of(name), standing);
  if (!target) return { title: state.trouble ? "The challenge" : "", note: "" };
  const best = standing?.rank ? `You are ${ordinal(standing.rank)} there with ${standing.score}.` : "";
  const { username, score, mode, status } = target;
  const so_far = status === "playing" ? " It is still being played: this is the score so far." : "";
  return {
    title: `Beat ${is_own(target) ? "your own" : "@'s"} ${score}`,
    name: username,
    note: `${MODE_NAMES[mode]}, with the same eggs. It counts on a board of its own.${so_far}`,
    played: best,
  };
}

function describe_daily(date, standing) {
  if (date !== day(0)) {
    return { title: "Yesterday's challenge", note: `${long_day(date)}. It is over: a game on it is out of the count.` };
  }
  return {
    title: "Daily challenge",
    note: `${long_day(date)}. Everybody has the same eggs today, and only the first try counts${for_whom()}`,
    played: played_today(standing),
  };
}

/** A guest is told before the attempt what it is worth. */
function for_whom() {
  if (api.is_player()) return ".";
  return ", with an account. A guest's try doesn't count, even after signing up later. Sign up first.";
}

/** What became of today's first try; of a guest's, only this browser knows. */
function played_today(standing) {
  const mode = chosen_mode(), score = daily_try(mode);
  const more = "Another try doesn't count.";
  if (standing?.rank && standing.mode === mode) {
    return `Played: ${standing.score}, ${ordinal(standing.rank)} today. ${more}`;
  }
  if (score === undefined) return "";
  return score === null ? `Played. ${more}` : `Played: ${score}. ${more}`;
}

function is_own({ username }) {
  return username === api.session.user?.username;
}

/** Asks for the game that is to be beaten; of a daily challenge everything follows from its date. */
async function look_up(chosen) {
  const date = day_of(chosen.name);
  if (date) {
    chosen.problem = [day(0), day(-1)].includes(date) ? null : OLD;
    if (chosen.game) show_game(chosen);
    return;
  }
  try {
    chosen.target = await api.game(chosen.name);
    if (state.chosen === chosen) choose_mode(chosen.target.mode);
  } catch (problem) {
    if (problem.status === 404) chosen.problem = GONE;
    else if (problem.code === DAILY_HIDDEN && state.chosen === chosen) {
      location.replace(challenge_address(DAILY, problem.params.mode));
    }
    else if (state.chosen === chosen) state.trouble = problem.message;
  }
}

/** Somebody has handed a game of the daily challenge on: those who may see it are shown it. */
async function show_game(chosen) {
  const found = await api.game(chosen.game).catch(() => null);
  if (found && state.chosen === chosen) location.replace(`#/games/${encodeURIComponent(chosen.game)}`);
}

// What is played

/** A game on a challenge has begun: who is to be beaten in it. */
async function begin() {
  const { id, challenge, chosen } = state;
  followed = id;
  if (day_of(challenge.name)) return note_try(null);
  let target = chosen?.name === challenge.asked ? chosen.target : null;
  if (target?.status !== "over") target = await api.game(challenge.asked).catch(() => target); // as far as it is now
  if (target && state.id === id) take_on(target);
}

function take_on(target) {
  const { username, score } = target, is_mine = is_own(target);
  state.target = { ...target, is_own: is_mine };
  if (score >= state.game.score) state.rival = { rank: null, username: is_mine ? "Your own game" : username, score };
}

/** The server has said how it ended. */
function end() {
  const { id, result, challenge } = state;
  noted = id;
  if (day_of(challenge.name) && result.ranked) note_try(result.score);
}

/** Remembers today's try in this mode, and its score once it is known. */
function note_try(score) {
  const { challenge, mode } = state, user = api.session.user?.id, today = day(0), kept = recall("daily");
  if (day_of(challenge.name) !== today) return;
  const scores = kept?.day === today && kept.user === user ? kept.scores : {};
  keep("daily", { user, day: today, scores: { ...scores, [mode]: score ?? scores[mode] ?? null } });
}
