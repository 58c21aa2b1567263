/* Today's daily challenge: the player's attempts in both modes, the streak, yesterday's winner and the time to the next one, on
the start card and on the result. Loaded with the first challenge. */

import * as api from "../api.js";
import { IDLE, OVER, state } from "../game/state.js";
import {
  BEGUN_ELSEWHERE, OPENED, SELECTED, SESSION, SETTLED, byId, loadStyle, make, notice, on, setAttribute, setHidden,
  setText,
} from "../lib/dom.js";
import { DAILY, challengeAddress, day, dayOf, gameAddress, modeName, numberOf, serverNow, setClock } from "../lib/format.js";
import { percent, setWords, t } from "../lib/language.js";
import { shareText, showOutcome } from "../lib/share.js";
import { MODES } from "../rules.js";
import { save } from "../storage.js";
import { shareWords } from "./daily-share.js";
import { selectMode, selectedMode } from "./start.js";

const REFRESH_MS = 5000; // the least between two looks at the server when the page is looked at again
const SPREAD_MS = 3000; // in which the pages of all players ask for the new day

const parts = {}; // elements, by what they show
let endsAt = null; // of today's challenge, by the server's clock
let askedAt = -Infinity;
let failure = null; // why the latest request failed
let isBound = false;
let wentOnFrom = null; // the latest game after which the mode that is left was selected

/** Load the stylesheet; then the card can be shown. */
export async function bindDaily() {
  await loadStyle("daily.css");
  byId("challenge-note").after(makeToday());
  byId("result-best").after(parts.beaten = make("p", { id: "daily-beaten", hidden: true }));
  byId("result-note").after(parts.after = make("div", { id: "daily-after", hidden: true }));
  parts.after.append(parts.kept = make("p"), parts.comes = make("p", { className: "muted" }));
  byId("challenge-ways").prepend(parts.share = make("button", { type: "button", hidden: true }, t("share.share")));
  parts.share.dataset.t = "share.share";
  parts.share.addEventListener("click", () => shareAttempt(parts.share, parts.news, day(0), selectedMode()));
  parts.signUp.addEventListener("click", async () => (await import("../pages/account.js")).openAccount("signup"));
  for (const event of [SELECTED, OPENED, SETTLED, BEGUN_ELSEWHERE]) on(event, load);
  on(SESSION, () => {
    state.daily = null; // of somebody else
    load();
  });
  window.addEventListener("focus", refresh);
  document.addEventListener("visibilitychange", refresh);
  isBound = true;
  load();
}

/** Whether the card can be shown without moving anything later. */
export function isReady() {
  return isBound;
}

function makeToday() {
  parts.modes = Object.fromEntries(MODES.map((mode) => [mode, makeMode(mode)]));
  return parts.today = make("div", { id: "today", hidden: true },
    make("div", { id: "today-modes" }, ...Object.values(parts.modes).map(({ button }) => button)),
    parts.signUp = make("button", { type: "button", className: "secondary" }),
    parts.streak = make("p"),
    parts.winner = make("p", {}, make("a", { href: "#/" }), make("span")),
    parts.next = make("p", { className: "muted" }),
    parts.problem = make("div", { className: "notice" }),
    parts.news = make("p", { className: "sr-only", role: "status" }));
}

/** A button that selects the mode, with the player's attempt in it. */
function makeMode(mode) {
  const [name, score, note] = [make("span"), make("b"), make("span")];
  const button = make("button", { type: "button", className: "secondary" }, name, score, note);
  button.addEventListener("click", () => byId(`mode-${mode}`).click());
  return { button, name, score, note };
}

// The server's record

/** Ask for both modes; an answer from before midnight beside one from after it is asked for again. */
async function load() {
  if (!isToday(state.selection) && !isToday(state.challenge)) return;
  const asked = askedAt = performance.now(), before = state.daily?.date;
  try {
    const found = await Promise.all(MODES.map(api.daily)), [{ date, ends_at: ends, serverTime }, other] = found;
    if (asked !== askedAt) return;
    if (other.date !== date) return load();
    setClock(serverTime);
    [endsAt, failure] = [Date.parse(ends), null];
    state.daily = { date, modes: Object.fromEntries(MODES.map((mode, n) => [mode, found[n]])) };
    const scores = Object.fromEntries(MODES.map((mode, n) => [mode, found[n].mine?.score]));
    save("daily", { user: api.session.user?.id, day: date, scores }); // for the start card
    if (before && before !== date) setText(parts.news, t("daily.new"));
  } catch (problem) {
    if (asked === askedAt) failure = problem;
  }
}

/** Look again when the player returns to this tab: another may have played. */
function refresh() {
  if (!document.hidden && performance.now() - askedAt > REFRESH_MS) load();
}

/** Whether a challenge, or the selection of one, is that of today. */
function isToday(challenge) {
  return Boolean(challenge && dayOf(challenge.name) === day(0));
}

/** The time to the next challenge in words; asks for it when it comes. */
function countdown() {
  if (endsAt === null) return "\u00a0";
  const left = endsAt - serverNow();
  if (left <= 0) {
    endsAt = null;
    setTimeout(load, 1000 + Math.random() * SPREAD_MS);
  }
  const seconds = Math.max(0, Math.ceil(left / 1000)), two = (value) => String(Math.floor(value)).padStart(2, "0");
  return t("daily.next", { time: `${Math.floor(seconds / 3600)}:${two(seconds / 60 % 60)}:${two(seconds % 60)}` });
}

// The start card

/** Show it if today's challenge is selected. Called with each frame. */
export function showToday() {
  const { selection, phase } = state, isShown = phase === IDLE && isToday(selection);
  const known = state.daily?.date === day(0) ? state.daily.modes : null, found = known?.[selectedMode()];
  setHidden(parts.today, !isShown);
  setHidden(parts.share, !isShown || !found?.mine);
  if (!isShown) return;
  setHidden(parts.signUp, api.isPlayer());
  setText(parts.signUp, t("daily.signUp"));
  for (const mode of MODES) showMode(parts.modes[mode], mode, known?.[mode]);
  setText(parts.streak, found ? [playersWords(found), streakWords(found)].filter(Boolean).join(" · ") : "\u00a0");
  showWinner(found);
  setText(parts.next, countdown());
  if (failure && !known) showFailure();
  else setHidden(parts.problem, true);
}

function showMode({ button, name, score, note }, mode, found) {
  const { mine } = found ?? {};
  setAttribute(button, "aria-pressed", mode === selectedMode());
  setText(name, modeName(mode));
  setText(score, mine ? mine.score : "");
  setText(note, !found ? "\u00a0" : mine ? attemptWords(found) : t("daily.notPlayed"));
}

function showWinner(found) {
  const [link, none] = parts.winner.children, { yesterday } = found ?? {};
  setHidden(link, !yesterday);
  setText(none, found && !yesterday ? t("daily.noWinner") : "");
  if (!yesterday) return;
  link.href = gameAddress(yesterday.game);
  setWords(link, "daily.winner", { name: yesterday.name, score: yesterday.score });
}

function showFailure() {
  if (!parts.problem.hidden && parts.problem.failure === failure) return;
  setHidden(parts.problem, false);
  parts.problem.failure = failure;
  notice(parts.problem, t("daily.failed"), api.tryAgain(failure, load));
}

function playersWords({ players }) {
  return players ? t("daily.players", { count: players }) : t("daily.nobody");
}

function streakWords({ streak, best_streak: best }) {
  if (!best) return "";
  return streak ? t("daily.streak", { count: streak, best }) : t("daily.best", { count: best });
}

/** What an attempt is worth. */
function attemptWords(found) {
  return found.mine.counts ? beatenWords(found) : t("daily.notCounted");
}

function beatenWords({ mine, players }, key = "daily.better") {
  const { beaten_percent: beaten, counts } = mine, others = players - Number(counts);
  if (!beaten) return t(others > 0 ? "daily.noneBeaten" : "daily.alone");
  return beaten === 100 ? t("daily.allBeaten") : t(key, { percent: share(beaten) });
}

/** "1%" to "99%": the share of some. */
function share(value) {
  return percent(Math.max(1, Math.floor(value)));
}

// The result

/** After an attempt the next game is in the mode that is left, however it is started; before the result appears. */
function goOn() {
  const { id, mode, daily, selection } = state, other = MODES.find((each) => each !== mode);
  if (wentOnFrom === id || daily?.date !== day(0)) return;
  wentOnFrom = id;
  if (isToday(selection) && !daily.modes[other].mine) selectMode(other);
}

/** Show what an attempt that counts is worth, and when the next challenge comes. Called with each frame. */
export function showAfter() {
  const { phase, challenge, result, daily, mode, id } = state;
  if (phase === OVER && isToday(challenge) && challenge.counts) goOn();
  const isShown = phase === OVER && isToday(challenge) && challenge.counts && result?.ranked !== false;
  for (const part of [parts.after, parts.beaten]) setHidden(part, !isShown);
  if (!isShown) return;
  const known = daily?.date === day(0) ? daily.modes : null, found = known?.[mode], other = MODES.find((each) => each !== mode);
  const isCounted = result && found?.mine?.game === id;
  setText(parts.beaten, isCounted ? beatenWords(found, "daily.betterOf") : "\u00a0");
  setText(parts.kept, isCounted ? keptWords(found) : "\u00a0");
  setHidden(parts.comes, !known?.[other].mine);
  setText(parts.comes, countdown());
}

function keptWords({ streak }) {
  return streak > 1 ? t("daily.kept", { count: streak }) : streak ? t("daily.begun") : "";
}

// Sharing

/** Share the first attempt of a date in a mode; the game that has just been played as long as the server's record is missing. */
export async function shareAttempt(button, note, date, mode) {
  const { daily, challenge, game, seed, turns, id } = state, isHere = challenge?.name === `${DAILY}/${date}` && state.mode === mode;
  const found = daily?.date === date ? daily.modes[mode] : null, first = found?.mine?.game;
  try {
    const isPlayed = isHere && (!first || first === id);
    const record = isPlayed ? { seed, mode, turns, tick: game.ticks, score: game.score } : await api.game(first);
    const words = shareWords(numberOf(date), mode, record.score, worth(found), record);
    await shareText(button, note, words, new URL(challengeAddress(DAILY), location.href.split("#")[0]).href);
  } catch {
    showOutcome(button, note, t("daily.notShared"));
  }
}

function worth(found) {
  if (!found?.mine?.counts) return [];
  return [...found.mine.beaten_percent ? [beatenWords(found, "daily.betterOf")] : [], ...found.streak > 1 ? [`🔥 ${found.streak}`] : []];
}
