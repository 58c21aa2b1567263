/* What is said around the board while one plays: score, best, the next rank, the connection, pauses. It shows the
state, and changes nothing. */

import { READY_MS, bestKey, counts, outcome, pauseLeft, unheard } from "../game/playing.js";
import { IDLE, LOST, OPENING, OVER, OVERTOOK, PAUSED, PLAYING, READY, SIGNED_OUT, state } from "../game/state.js";
import { OUTCOME_NAMES, dayOf, ordinal } from "../lib/format.js";

const BACK_MS = 4000; // for how long it is said that the connection is back
const SCARCE = 5; // seconds of pausing left from which on they are shown in mid-game
const BANNER_MS = 1800; // to read it in passing
const QUIET_MS = 1000; // between two scores that are said aloud

const at = (id) => document.getElementById(id);

let saidAt = -Infinity;

/** Shows the state as of `now`; called with each frame, it touches only what has changed. `mode` is the chosen one. */
export function show(now, mode) {
  const { phase, game, result } = state;
  at("view-play").dataset.phase = phase;
  setText(at("score"), (result ?? game)?.score ?? 0);
  showBest(mode);
  showNext();
  showBanner(now);
  setText(at("connection"), connection(now));
  at("connection").dataset.state = state.connection;
  showPause(now);
  setHidden(at("count"), phase !== READY);
  setText(at("count"), Math.ceil(state.readyMs / (READY_MS / 3)) || 1);
  setHidden(at("opening"), phase !== OPENING);
  at("pause").disabled = ![PLAYING, READY].includes(phase);
  announce(news(), now);
}

export function setText(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

/** The same with a name in the place of "@", which may run from right to left. */
export function setWords(element, words = "", name = "") {
  if (element.textContent === words.replace("@", () => name)) return;
  const [before, after] = words.split("@"), isolated = document.createElement("bdi");
  isolated.textContent = name;
  element.replaceChildren(before, ...(after === undefined ? [] : [isolated, after]));
}

export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

function showBest(mode) {
  const { phase, result, game, chosen, challenge } = state, isOver = [IDLE, OVER].includes(phase);
  const key = bestKey(state.mode, challenge?.name), shown = isOver ? bestKey(mode, chosen?.name) : key;
  const best = state.bests[shown] ?? 0;
  const isOpen = !isOver || (phase === OVER && !result && shown === key); // the server hasn't counted it yet
  const beaten = isOpen && counts() && game && game.score > best;
  setText(at("best"), beaten ? game.score : best || "–");
  setText(at("best-label"), beaten && best ? "New best" : "Best");
  at("best").parentElement.classList.toggle("is-beaten", Boolean(beaten && best));
}

/** Who is to be beaten next; the line stays empty until the board has said so. */
function showNext() {
  const { target, rival } = state, shown = target ?? rival;
  setText(at("next-label"), nextLabel());
  setText(at("next-name"), target?.isOwn ? "Your own" : shown?.username ?? "");
  setText(at("next-score"), shown?.score ?? "");
}

function nextLabel() {
  const { game, target, rival, leads, challenge } = state;
  if (target) return game?.score > target.score ? "Ahead of" : "To beat";
  if (rival) return rival.rank ? `Next: ${ordinal(rival.rank)}` : "To beat";
  if (!counts()) return "Out of the count";
  if (leads) return "Nobody ahead of you";
  return challenge && dayOf(challenge.name) ? "Daily challenge" : "";
}

/** A rank that was just taken. */
function showBanner(now) {
  const taken = state.moments.findLast(({ what }) => what === OVERTOOK);
  const shows = Boolean(taken) && state.phase === PLAYING && now - taken.at < BANNER_MS;
  setHidden(at("banner"), !shows);
  if (!shows) return;
  setText(at("banner-rank"), taken.rank ? `${ordinal(taken.rank)}!` : "");
  setText(at("banner-name"), taken.username);
}

/** The state of the connection in words, if it is worth any. */
function connection(now) {
  if (!state.id || (state.phase === OVER && state.result)) return "";
  if (state.connection === SIGNED_OUT) return "You are logged out.";
  if (state.connection === LOST) {
    return state.phase === OVER
      ? "Connection lost. The score is safe here, and sent as soon as it is back."
      : `Connection lost. Playing on; ${unheard()} s to catch up.`;
  }
  return now - state.backAt < BACK_MS ? "Connected again. Nothing is lost." : "";
}

function showPause(now) {
  const left = pauseLeft(now), paused = state.phase === PAUSED;
  setHidden(at("paused"), !paused);
  const signedOut = state.connection === SIGNED_OUT;
  setText(at("paused-title"), signedOut ? "You are logged out" : "Paused");
  setText(at("paused-note"), signedOut ? signedOutNote() : `${whatWaits()}${budget(left)}`);
  setHidden(at("go-on"), signedOut);
  setHidden(at("log-in-again"), !signedOut);
  const scarce = state.phase === PLAYING && left !== null && left < SCARCE;
  setText(at("budget"), scarce ? budget(left) : "");
}

function signedOutNote() {
  return `This game can be stored for ${state.player} only. Log in again, and it goes on where it stands.`;
}

/** The address may have asked for something else since. */
function whatWaits() {
  const { chosen, challenge } = state;
  return chosen && chosen.name !== challenge?.asked ? "The challenge waits until this game is over. " : "";
}

function budget(left) {
  if (left === null) return "Take your time.";
  if (left === 0) return "Paused for too long: this game is not ranked unless you play on. Playing earns pausing time.";
  return `${Math.ceil(left)} s of pausing left, then this game is not ranked.`;
}

/** What a listener should hear now. */
function news() {
  const { phase, game, result } = state;
  if (phase === OVER) return `${OUTCOME_NAMES[outcome()] ?? "Game over"}. Score ${(result ?? game).score}.`;
  if (phase === PAUSED) return `Paused. Score ${game.score}.`;
  return game?.score ? `Score ${game.score}.` : "";
}

/** Says it at once, but scores no faster than one can listen. */
function announce(words, now) {
  if (at("announce").textContent === words) return;
  if (state.phase === PLAYING && now - saidAt < QUIET_MS) return;
  saidAt = now;
  at("announce").textContent = words;
}
