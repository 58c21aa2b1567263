/* The HUD: score, best, the next rank, the connection, pauses. It shows the state and changes nothing. */

import { READY_MS, bestKey, isRankedAttempt, isSettled, outcome, pauseLeft } from "../game/playing.js";
import {
  ATE, IDLE, LOST, NEW_BEST, OPENING, OVER, OVERTOOK, PAUSED, PLAYING, READY, SIGNED_OUT, shownScore, starvesIn,
  state,
} from "../game/state.js";
import { byId, focusAction, setHidden, setText } from "../lib/dom.js";
import { MODE_NAMES, OUTCOME_NAMES, dayOf } from "../lib/format.js";
import { ordinal } from "../lib/language.js";
import { tickMs } from "../rules.js";

const RECONNECTED_MS = 4000; // for how long the HUD says so
const SCARCE = 5; // seconds of pausing left from which on they are shown during play
const BANNER_MS = 1800;
const ANNOUNCE_MS = 1000; // between two scores for screen readers

let announcedAt = -Infinity;
let isPauseSeen = false;

/** Show the state as of `now`; called with each frame, it touches only what has changed. `mode` is the selected one. */
export function showHud(now, mode) {
  const { phase, result } = state;
  byId("view-play").dataset.phase = phase;
  setText(byId("score"), result?.score ?? shownScore(state));
  showBest(mode);
  showNext();
  showBanner(now);
  setText(byId("connection"), connection(now));
  byId("connection").dataset.state = state.connection;
  showPause(now);
  setHidden(byId("count"), phase !== READY);
  setText(byId("count"), Math.ceil(state.readyMs / (READY_MS / 3)) || 1);
  setHidden(byId("opening"), phase !== OPENING);
  byId("pause").disabled = ![PLAYING, READY].includes(phase);
  announce(announcement(), now);
}

function showBest(mode) {
  const { phase, result, game, selection, challenge } = state, isOver = [IDLE, OVER].includes(phase);
  const key = bestKey(state.mode, challenge?.name), shown = isOver ? bestKey(mode, selection?.name) : key;
  const best = state.bests[shown] ?? 0;
  const isOpen = !isOver || (phase === OVER && !result && shown === key); // the server hasn't counted it yet
  const beaten = isOpen && isRankedAttempt() && game && shownScore(state) > best;
  setText(byId("best"), beaten ? shownScore(state) : best || "–");
  setText(byId("best-label"), beaten && best ? "New best" : "Best");
  byId("best").parentElement.classList.toggle("is-beaten", Boolean(beaten && best));
}

/** The target, or the next rank; the line stays empty until it is known. */
function showNext() {
  const { target, rival } = state, shown = target ?? rival;
  setText(byId("next-label"), nextLabel());
  setText(byId("next-name"), target?.isOwn ? "Your own" : shown?.username ?? "");
  setText(byId("next-score"), shown?.score ?? "");
  setText(byId("next-lead"), lead());
}

function nextLabel() {
  const { target, rival, isLeading, challenge } = state;
  if (target) return shownScore(state) > target.score ? "Ahead of" : "To beat";
  if (rival) return rival.rank ? `Next: ${ordinal(rival.rank)}` : "To beat";
  if (!isRankedAttempt()) return "Not counted";
  if (isLeading) return "Nobody ahead of you";
  return challenge && dayOf(challenge.name) ? "Daily challenge" : "";
}

/** How far the game is ahead of the ghost, as both are now. */
function lead() {
  const { ghost } = state;
  if (!ghost) return "";
  const points = shownScore(state) - shownScore(ghost);
  if (points === 0) return "Level with the ghost";
  return points > 0 ? `${points} ahead of the ghost` : `${-points} behind the ghost`;
}

/** The rank that was just taken. */
function showBanner(now) {
  const taken = state.events.findLast(({ type }) => type === OVERTOOK);
  const shows = Boolean(taken) && state.phase === PLAYING && now - taken.at < BANNER_MS;
  setHidden(byId("banner"), !shows);
  if (!shows) return;
  setText(byId("banner-rank"), taken.rank ? `${ordinal(taken.rank)}!` : "");
  setText(byId("banner-name"), taken.username);
}

/** The state of the connection in words, if it matters. */
function connection(now) {
  if (!state.id || (state.phase === OVER && state.result)) return "";
  if (state.connection === SIGNED_OUT) return "You are logged out.";
  if (state.connection === LOST) {
    const unsyncedMs = Math.max(0, state.game.nominalMs - state.syncedMs);
    return state.phase === OVER
      ? "Connection lost. The score is safe here, and sent as soon as it is back."
      : `Connection lost. Playing on; ${Math.round(unsyncedMs / 1000)} s to catch up.`;
  }
  return now - state.reconnectedAt < RECONNECTED_MS ? "Connected again. Nothing is lost." : "";
}

function showPause(now) {
  const left = pauseLeft(now), paused = state.phase === PAUSED, isAway = paused && byId("view-play").hidden;
  setHidden(byId("paused"), !paused);
  setHidden(byId("waiting"), !isAway);
  setText(byId("waiting-note"), isAway ? budget(left) : "");
  setText(byId("account-paused"), paused && left !== null ? `Your game is paused. ${budget(left)}` : "");
  const signedOut = state.connection === SIGNED_OUT, { selection, challenge } = state;
  const isOtherSelected = selection && selection.name !== challenge?.asked;
  setText(byId("paused-title"), signedOut ? "You are logged out" : "Paused");
  setText(byId("paused-note"), signedOut
    ? `Only ${state.player} can continue this game. Log in again, and it goes on from here.`
    : `${isOtherSelected ? "The challenge waits until this game is over. " : ""}${budget(left)}`);
  setHidden(byId("go-on"), signedOut);
  setHidden(byId("log-in-again"), !signedOut);
  setText(byId("budget"), state.phase === PLAYING ? warning(left) : "");
  focusPause(paused);
}

/** What is about to run out during play. */
function warning(left) {
  const ticks = starvesIn(state);
  if (ticks) return `Eat within ${Math.ceil(ticks * tickMs(state.game.score) / 1000)} s, or the snake starves.`;
  return left !== null && left < SCARCE ? budget(left) : "";
}

/** When the pause comes into view, the next key continues the game. */
function focusPause(paused) {
  const isSeen = paused && !byId("view-play").hidden;
  if (isSeen && !isPauseSeen) focusAction(byId("paused"));
  isPauseSeen = isSeen;
}

function budget(left) {
  if (left === null) return "Take your time.";
  if (left === 0) return "Paused for too long: this game is not ranked unless you play on. Playing earns pausing time.";
  return `${Math.ceil(left)} s of pausing left, then this game is not ranked.`;
}

/** What a screen reader should say now. */
function announcement() {
  const { phase, game, mode } = state;
  if (phase === OVER) return ending();
  if (!game || phase === OPENING) return "";
  const score = shownScore(state);
  if (phase === PAUSED) return `Paused. Score ${score}.`;
  if (phase === READY) return `Get ready. ${game.ticks ? `Score ${score}` : MODE_NAMES[mode]}.`;
  if (starvesIn(state)) return "Eat soon, or the snake starves.";
  return [score ? `Score ${score}.` : "Go! The game has started.", ...news()].join(" ");
}

/** What the last meal has brought beside its points. */
function news() {
  const { events } = state, latest = events.slice(events.findLastIndex(({ type }) => type === ATE) + 1);
  const said = [], taken = latest.findLast(({ type }) => type === OVERTOOK);
  if (taken) said.push(`${taken.username} overtaken${taken.rank ? `, you are ${ordinal(taken.rank)}` : ""}.`);
  if (latest.some(({ type }) => type === NEW_BEST)) said.push("New best.");
  return said;
}

/** The end, and once the server has confirmed it what the result says. */
function ending() {
  const { game, result } = state, shown = isSettled() && !byId("result").hidden;
  const more = shown ? ["best", "rank", "note"].map((part) => byId(`result-${part}`).textContent.trim()) : [];
  return [OUTCOME_NAMES[outcome()] ?? "Game over", `Score ${(result ?? game).score}`, ...more]
    .filter(Boolean).map((words) => /[.!?]$/.test(words) ? words : `${words}.`).join(" ");
}

/** Announce at once, but scores no faster than they can be spoken. */
function announce(words, now) {
  if (byId("announce").textContent === words) return;
  if (state.phase === PLAYING && now - announcedAt < ANNOUNCE_MS && !news().length) return;
  announcedAt = now;
  byId("announce").textContent = words;
}
