/* Challenges: what the start card shows of the selected one, and the target of the one being played. Loaded with the
first challenge. */

import * as api from "../api.js";
import { OPENED, SELECTED, START_FAILED, byId, focusAction, on, setHidden, setText, setTitle } from "../lib/dom.js";
import {
  DAILY, DAILY_HIDDEN, boardAddress, challengeAddress, day, dayOf, gameAddress, longDay, modeName, numberOf,
} from "../lib/format.js";
import { language, ordinal, setWords, t } from "../lib/language.js";
import { bindDaily, isReady, showAfter, showToday } from "../play/daily.js";
import { selectMode, selectedMode } from "../play/start.js";
import { IDLE, state } from "./state.js";

const DATE_CHECK_MS = 60_000;

export function bind() {
  on(SELECTED, lookUp);
  on(START_FAILED, lookUp);
  on(OPENED, begin);
  setInterval(checkDate, DATE_CHECK_MS);
  lookUp();
  begin();
  bindDaily();
}

/** Called with each frame. */
export function show() {
  const { selection, phase } = state;
  if (isReady()) {
    showToday();
    showAfter();
  }
  if (phase !== IDLE || !selection) return;
  const { title, values, note, played } = describe(selection);
  setWords(byId("challenge-title"), title, values);
  setText(byId("challenge-note"), note);
  const isAwaited = api.isPlayer() && !dayOf(selection.name); // its line is held
  setText(byId("challenge-played"), played || (isAwaited ? "\u00a0" : ""));
  showWays(selection);
  const isNew = title && !byId("start").classList.contains("is-known");
  byId("start").classList.toggle("is-known", Boolean(title));
  if (isNew && hasLostFocus()) focusAction(byId("start"));
  if (title) setTitle(t(title, values));
}

/** Whether the link that led here is gone with its view; at the start of the page nothing has been focused yet. */
function hasLostFocus() {
  return document.activeElement === document.body && navigator.userActivation?.hasBeenActive;
}

function showWays({ name, target, problem }) {
  setHidden(byId("challenge-watch"), !target);
  if (target) byId("challenge-watch").href = gameAddress(target.id);
  setHidden(byId("challenge-board"), Boolean(problem) && !dayOf(name));
  byId("challenge-board").href = boardAddress(selectedMode(), name);
  const isPast = Boolean(problem && dayOf(name));
  byId("challenge-leave").href = isPast ? challengeAddress(DAILY) : "#/";
  setText(byId("challenge-leave"), t(isPast ? "play.today" : problem ? "play.normal" : "result.leave"));
  byId("challenge-leave").classList.toggle("primary", Boolean(problem));
}

// The selected challenge

/** The challenge in words: {title, values, note, played}; `title` is a key, null until the challenge is known. */
function describe({ name, target, standing, problem }) {
  if (problem) return { title: dayOf(name) ? "challenge.daily" : "challenge.none", note: t(problem) };
  if (dayOf(name)) return describeDaily(dayOf(name));
  if (!target) return { title: state.startError ? "challenge.unknown" : null, note: "" };
  const { username, score, mode, status } = target;
  const notes = [t("challenge.note", { mode: modeName(mode) }), ...status === "playing" ? [t("challenge.soFar")] : []];
  return {
    title: isOwn(target) ? "challenge.beatOwn" : "challenge.beat",
    values: { name: username, score },
    note: notes.join(" "),
    played: standing?.rank ? t("challenge.standing", { rank: ordinal(standing.rank), score: standing.score }) : "",
  };
}

function describeDaily(date) {
  if (date !== day(0)) {
    return { title: "daily.yesterdays", note: t("daily.over", { date: longDay(date) }) };
  }
  return {
    title: isReady() ? "daily.title" : null,
    values: { number: String(numberOf(date)) },
    note: capitalized(t(api.isPlayer() ? "daily.rules" : "daily.rulesForGuests", { date: longDay(date) })),
  };
}

/** Names of days are in small letters in many languages, but not at the beginning of a sentence. */
function capitalized(words) {
  return words[0].toLocaleUpperCase(language) + words.slice(1);
}

function isOwn({ username }) {
  return username === api.session.user?.username;
}

/** Fetch the game to beat; a daily challenge is known by its date. */
async function lookUp() {
  const { selection } = state;
  checkDate();
  if (!selection) return;
  if (dayOf(selection.name)) {
    const found = selection.game && await api.game(selection.game).catch(() => null); // for those who may see it
    if (found && state.selection === selection) location.replace(gameAddress(selection.game));
    return;
  }
  try {
    selection.target = await api.game(selection.name);
    if (state.selection === selection) selectMode(selection.target.mode);
  } catch (problem) {
    if (problem.status === 404) selection.problem = "challenge.gone";
    else if (problem.code === DAILY_HIDDEN && state.selection === selection) {
      location.replace(challengeAddress(DAILY, problem.params.mode));
    }
    else if (state.selection === selection) state.startError = problem;
  }
}

function checkDate() {
  const { selection } = state, date = selection && dayOf(selection.name);
  if (date) selection.problem = [day(0), day(-1)].includes(date) ? null : "daily.old";
}

// The challenge being played

async function begin() {
  const { id, challenge, selection } = state;
  if (!challenge || dayOf(challenge.name)) return;
  let target = selection?.name === challenge.asked ? selection.target : null;
  if (target?.status !== "over") target = await api.game(challenge.asked).catch(() => target); // as far as it is now
  if (!target || state.id !== id) return;
  const { username, score } = target, isMine = isOwn(target);
  state.target = { ...target, isOwn: isMine };
  if (score >= state.game.score) state.rival = { rank: null, username, score, isOwn: isMine };
}
