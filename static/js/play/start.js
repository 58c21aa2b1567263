/* The start: the choice of a mode, or of a challenge, the button, and the offer to go on with a game that the last page
left open. */

import * as api from "../api.js";
import { setHidden, setText } from "./hud.js";
import { pause, prepare, putAway, resume, start } from "../game/playing.js";
import { Game, MODES, PASS_THROUGH, RULES, WALLS } from "../rules.js";
import { IDLE, OVER, state } from "../game/state.js";
import { forget, keep, recall } from "../storage.js";
import { MODE_NAMES, challengeAddress, day, dayOf } from "../lib/format.js";

const ANSWER_MS = 250; // for another tab to say that it is playing

const at = (id) => document.getElementById(id);
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("snakepit") : null;

let offer = null; // {opened, played} of a game that could be resumed

/** Wires the start card; answers nothing, as it lives as long as the page. */
export function bindStart() {
  showMode(recall("mode"));
  at("modes").addEventListener("change", choose);
  at("start").addEventListener("submit", (event) => {
    event.preventDefault();
    play();
  });
  at("resume").addEventListener("click", accept);
  tabs?.addEventListener("message", ({ data }) => {
    if (data.ask && data.ask === state.id && state.phase !== IDLE) tabs.postMessage({ playing: state.id });
  });
}

/** What Enter means before a game: to go on with the one that is offered, or to play. */
export function goAhead() {
  if (offer) accept();
  else play();
}

/** Starts a game in the chosen mode, or the chosen challenge. */
export function play() {
  const { chosen } = state;
  offer = null;
  document.activeElement?.blur(); // a key meant for the snake is not to press the button once more
  if (chosen?.problem) location.hash = at("challenge-leave").getAttribute("href");
  else start(chosen && !dayOf(chosen.name) ? null : chosenMode(), chosen?.name); // a game brings its mode
}

export function chosenMode() {
  return at(modeId(PASS_THROUGH)).checked ? PASS_THROUGH : WALLS;
}

export function showStart() {
  const { phase, trouble, chosen } = state;
  setHidden(at("start"), phase !== IDLE);
  const isGiven = Boolean(chosen && !dayOf(chosen.name)); // by the game that is to be beaten
  for (const mode of MODES) at(modeId(mode)).disabled = isGiven || ![IDLE, OVER].includes(phase);
  setText(at("trouble"), trouble ?? "");
  setHidden(at("offer"), !offer);
  setHidden(at("play"), Boolean(chosen?.problem) && !offer);
  setText(at("play"), offer ? (chosen ? "Play the challenge" : "New game") : "Play");
  at("play").classList.toggle("loud", !offer);
  setHidden(at("challenge"), !chosen);
  setHidden(at("challenge-ways"), !chosen || Boolean(offer));
  setHidden(at("daily"), Boolean(chosen || offer || trouble));
  if (!offer) return;
  const kind = offer.opened.challenge ? "a challenge" : MODE_NAMES[offer.mode];
  setText(at("offer-text"), `Your last game is still open: ${offer.score} points, ${kind}.`);
}

function modeId(mode) {
  return `mode-${mode}`;
}

function showMode(mode) {
  at(modeId(MODES.includes(mode) ? mode : WALLS)).checked = true;
}

function choose() {
  keep("mode", chosenMode());
  chooseMode(chosenMode());
}

/** Shows a mode that need not be the one which the player likes best. */
export function chooseMode(mode) {
  showMode(mode);
  at("daily").classList.toggle("is-new", dailyTry(chosenMode()) === undefined);
  prepare(chosenMode());
}

/** What this browser knows of the player's try of today's challenge: undefined for none, null for one of unknown score. */
export function dailyTry(mode) {
  const kept = recall("daily");
  return kept?.day === day(0) && kept.user === api.session.user?.id ? kept.scores[mode] : undefined;
}

// A challenge

/** The address asks for a challenge by its name, or for none, and perhaps for a mode, and for a `game` of the daily one,
which those may see who have played it. A game in progress is not lost to it: it is paused, and the address of its own
challenge is put back where that was only left out. */
export function chooseChallenge(name = null, mode = null, game = null) {
  const { phase, challenge } = state, was = state.chosen?.name ?? null, playing = challenge?.asked ?? null;
  if (![IDLE, OVER].includes(phase)) {
    if (!name && playing) history.replaceState(null, "", challengeAddress(name = playing));
    if (name !== playing) pause();
  }
  if (name !== playing) putAway();
  if (state.chosen !== undefined && name === was && !mode) return;
  // `target`: the server's record of the game that is to be beaten, `standing`: one's own on the board, and its `mode`,
  // `problem`: why it can't be played, in words; each null until it is known
  state.chosen = name && { name, game, target: null, standing: null, problem: null };
  state.trouble = null;
  chooseMode(mode ?? recall("mode"));
}

// A game left open

/** Looks whether the last page left a game that the server still holds open, and offers to go on with it. */
export async function findOpenGame() {
  const left = recall("game");
  if (!left || await isPlayedElsewhere(left.id)) return;
  const found = await api.game(left.id).catch((problem) => problem.status === 404 ? {} : null);
  if (!found || state.phase !== IDLE) return; // out of reach: the next page will ask again
  const canGoOn = found.status === "playing" && found.rules === RULES && left.user === api.session.user?.id;
  if (!canGoOn) forget("game");
  else propose(found, { ...(left.tick > found.tick ? left : found), challenge: left.challenge });
}

/** `played` is what goes furthest: the server's record, or what this browser had not sent yet. */
function propose(found, { turns, tick, challenge }) {
  const game = new Game(found.seed, found.mode);
  game.advance(turns, tick);
  offer = { opened: found, played: { turns, tick, challenge }, mode: found.mode, score: game.score };
  if (game.outcome) accept(); // it had ended, only the server doesn't know yet
  else showStart();
}

function accept() {
  const { opened, played, mode } = offer, { challenge } = opened;
  offer = null;
  document.activeElement?.blur();
  resume(opened, played);
  if (!at("view-play").hidden) goTo(challenge ? played.challenge?.asked ?? challenge : null);
  showMode(mode);
}

/** The address comes to where the game is. */
function goTo(challenge) {
  if (challenge === (state.chosen?.name ?? null)) return;
  history.pushState(null, "", challenge ? challengeAddress(challenge) : "#/");
  chooseChallenge(challenge);
}

/** Whether another tab of this browser is in the middle of that game. */
function isPlayedElsewhere(id) {
  if (!tabs) return false;
  return new Promise((resolve) => {
    tabs.addEventListener("message", ({ data }) => data.playing === id && resolve(true));
    setTimeout(() => resolve(false), ANSWER_MS);
    tabs.postMessage({ ask: id });
  });
}
