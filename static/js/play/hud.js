/* The HUD: score, best, the next rank, the connection, pauses. It shows the state and changes nothing. */

import { READY_MS, bestKey, isRankedAttempt, outcome, pauseLeft } from "../game/playing.js";
import {
  ATE, IDLE, LOST, NEW_BEST, OPENING, OVER, OVERTOOK, PAUSED, PLAYING, READY, SIGNED_OUT, isPractice, shownScore,
  starvesIn, state,
} from "../game/state.js";
import { byId, focusAction, setHidden, setText } from "../lib/dom.js";
import { dayOf, modeName, outcomeName } from "../lib/format.js";
import { number, ordinal, sentence, setWords, t } from "../lib/language.js";
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
  setText(byId("score"), number(result?.score ?? shownScore(state)));
  if (state.round) showTimeLeft(state.round.endsAt - now);
  else showBest(mode);
  showNext();
  showBanner(now);
  setText(byId("connection"), connection(now));
  byId("connection").dataset.state = isPractice() && state.isOffline ? LOST : state.connection;
  showPause(now);
  setHidden(byId("count"), phase !== READY);
  const step = state.round?.startsAt > now ? 1000 : READY_MS / 3;
  setText(byId("count"), Math.ceil(state.readyMs / step) || 1);
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
  setText(byId("best"), beaten || best ? number(beaten ? shownScore(state) : best) : "–");
  setText(byId("best-label"), t(beaten && best ? "hud.newBest" : "hud.best"));
  byId("best").parentElement.classList.toggle("is-beaten", Boolean(beaten && best));
}

function showTimeLeft(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  setText(byId("best"), `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
  setText(byId("best-label"), t("rooms.timeLeft"));
  byId("best").parentElement.classList.remove("is-beaten");
}

/** The target, or the next rank; the line stays empty until it is known. */
function showNext() {
  const { target, rival } = state, shown = target ?? rival;
  setText(byId("next-label"), nextLabel());
  setText(byId("next-name"), shown?.isOwn ? t("hud.own") : shown?.username ?? "");
  setText(byId("next-score"), shown ? number(shown.score) : "");
  setText(byId("next-lead"), lead());
}

function nextLabel() {
  const { target, rival, isLeading, challenge, round } = state;
  if (round) return round.rank ? t("rooms.place", { rank: ordinal(round.rank), of: round.of }) : "";
  if (target) return t(shownScore(state) > target.score ? "hud.aheadOf" : "hud.toBeat");
  if (rival) return rival.rank ? t("hud.next", { rank: ordinal(rival.rank) }) : t("hud.toBeat");
  if (!isRankedAttempt()) return t("hud.notCounted");
  if (isLeading) return t("hud.leading");
  return challenge && dayOf(challenge.name) ? t("daily.challenge") : "";
}

/** How far the game is ahead of the ghost, as both are now. */
function lead() {
  const { ghost } = state;
  if (!ghost) return "";
  const points = shownScore(state) - shownScore(ghost);
  if (points === 0) return t("hud.level");
  return t(points > 0 ? "hud.ahead" : "hud.behind", { count: Math.abs(points) });
}

/** The rank that was just taken. */
function showBanner(now) {
  const taken = state.events.findLast(({ type }) => type === OVERTOOK);
  const shows = Boolean(taken) && state.phase === PLAYING && now - taken.at < BANNER_MS;
  setHidden(byId("banner"), !shows);
  if (!shows) return;
  setText(byId("banner-rank"), taken.rank ? `${ordinal(taken.rank)}!` : "");
  setWords(byId("banner-name"), taken.isOwn ? "hud.overtakenOwn" : "hud.overtaken", { name: taken.username });
}

/** The state of the connection in words, if it matters. */
function connection(now) {
  const isBack = now - state.reconnectedAt < RECONNECTED_MS;
  if (isPractice()) return t(state.isOffline ? "hud.practice" : "hud.online");
  if (state.phase === IDLE) return isBack ? t("hud.online") : "";
  if (!state.id || (state.phase === OVER && state.result)) return "";
  if (state.connection === SIGNED_OUT) return t("hud.loggedOut");
  if (state.connection === LOST) {
    const unsyncedMs = Math.max(0, state.game.nominalMs - state.syncedMs);
    return state.phase === OVER ? t("hud.lostAtEnd") : t("hud.lost", { count: Math.round(unsyncedMs / 1000) });
  }
  return isBack ? t("hud.connected") : "";
}

function showPause(now) {
  const left = pauseLeft(now), paused = state.phase === PAUSED, isAway = paused && byId("view-play").hidden;
  setHidden(byId("paused"), !paused);
  setHidden(byId("waiting"), !isAway);
  byId("waiting").href = state.round ? `#/rooms/${state.round.code}` : "#/";
  setText(byId("waiting-note"), isAway ? budget(left) : "");
  const pauseNote = paused && left !== null ? `${t("pause.account")} ${budget(left)}` : "";
  for (const note of document.getElementsByClassName("dialog-paused")) setText(note, pauseNote);
  const signedOut = state.connection === SIGNED_OUT, { selection, challenge } = state;
  const isOtherSelected = selection && selection.name !== challenge?.asked;
  setText(byId("paused-title"), t(signedOut ? "pause.loggedOut" : "pause.paused"));
  if (signedOut) setWords(byId("paused-note"), "pause.logIn", { name: state.player });
  else setText(byId("paused-note"), `${isOtherSelected ? `${t("pause.challenge")} ` : ""}${budget(left)}`);
  setHidden(byId("go-on"), signedOut);
  setHidden(byId("log-in-again"), !signedOut);
  setText(byId("budget"), state.phase === PLAYING ? warning(left) : "");
  focusPause(paused);
}

/** What is about to run out during play. */
function warning(left) {
  const ticks = starvesIn(state);
  if (ticks) return t("hud.starving", { count: Math.ceil(ticks * tickMs(state.game.score) / 1000) });
  return left !== null && left < SCARCE ? budget(left) : "";
}

/** When the pause comes into view, the next key continues the game. */
function focusPause(paused) {
  const isSeen = paused && !byId("view-play").hidden;
  if (isSeen && !isPauseSeen) focusAction(byId("paused"));
  isPauseSeen = isSeen;
}

function budget(left) {
  if (left === null) return t("pause.unlimited");
  return left === 0 ? t("pause.over") : t("pause.left", { count: Math.ceil(left) });
}

/** What a screen reader should say now. */
function announcement() {
  const { phase, game, mode } = state;
  if (phase === OVER) return ending();
  if (!game || phase === OPENING) return "";
  const score = shownScore(state);
  if (phase === PAUSED) return t("say.paused", { score });
  if (phase === READY) return game.ticks ? t("say.readyAgain", { score }) : t("say.ready", { mode: modeName(mode) });
  if (starvesIn(state)) return t("say.starving");
  return [score ? t("say.score", { score }) : t("say.started"), ...news(), roundRank()].filter(Boolean).join(" ");
}

function roundRank() {
  const { round } = state;
  return round?.rank ? t("rooms.rankIs", { rank: ordinal(round.rank), of: round.of }) : "";
}

/** What the last meal has brought beside its points. */
function news() {
  const { events } = state, latest = events.slice(events.findLastIndex(({ type }) => type === ATE) + 1);
  const said = [], taken = latest.findLast(({ type }) => type === OVERTOOK);
  if (taken) said.push(overtaken(taken));
  if (latest.some(({ type }) => type === NEW_BEST)) said.push(t("hud.newBest"));
  return said.map(sentence);
}

function overtaken({ username: name, rank, isOwn }) {
  if (isOwn) return t("hud.overtakenOwn");
  return rank ? t("say.overtaken", { name, rank: ordinal(rank) }) : t("hud.overtaken", { name });
}

/** The end, and once all of it is known what the result says. */
function ending() {
  const { game, result } = state, card = byId("result"), shown = card.dataset.told === "true" && !card.hidden;
  const more = shown ? ["best", "rank", "note"].map((part) => byId(`result-${part}`).textContent.trim()) : [];
  const how = outcome() ? outcomeName(outcome()) : t("say.over");
  return [how, t("say.score", { score: (result ?? game).score }), ...more].filter(Boolean).map(sentence).join(" ");
}

/** Announce at once, but scores no faster than they can be spoken. */
function announce(words, now) {
  if (byId("announce").textContent === words) return;
  if (state.phase === PLAYING && now - announcedAt < ANNOUNCE_MS && !news().length) return;
  announcedAt = now;
  byId("announce").textContent = words;
}
