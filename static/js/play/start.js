/* The start card: the choice of a mode or a challenge, the button, and the offer to continue a game that the last page
left open. */

import * as api from "../api.js";
import { begin, pause, prepare, reset, start } from "../game/playing.js";
import { IDLE, OVER, state } from "../game/state.js";
import {
  BEGUN_ELSEWHERE, HOME, LANGUAGE, OPEN_ELSEWHERE, SELECTED, byId, emit, focusAction, make, on, setAttribute, setHidden,
  setText,
} from "../lib/dom.js";
import { challengeAddress, day, dayOf, modeName } from "../lib/format.js";
import { number as digits, t } from "../lib/language.js";
import { Game, MODES, PASS_THROUGH, RULES, WALLS } from "../rules.js";
import { load, remove, save } from "../storage.js";

const HOME_MS = 30_000; // for which what the card shows of the server is shown
const TOP = 3;
const MAX_LIVE = 6; // the server names no more

export let home = null; // what the server has to show: {live, top, daily, best_game}; null until it is known

let homeAt = -Infinity; // when it was requested
let offer = null; // {opened, played, mode, score} of a game that could be resumed

/** Until the page is loaded, Play opens a popover, which needs no script. */
export function bindStart() {
  byId("early").remove();
  if (selectedMode() !== WALLS) save("mode", selectedMode()); // chosen while the page loaded
  checkMode(load("mode"));
  byId("modes").addEventListener("change", () => {
    save("mode", selectedMode());
    selectMode(selectedMode());
  });
  byId("start").addEventListener("submit", play); // Enter on a mode; its method leads nowhere
  byId("play").removeAttribute("popovertarget");
  byId("play").addEventListener("click", play);
  byId("resume").addEventListener("click", acceptOffer);
  on(LANGUAGE, showHome);
  on(BEGUN_ELSEWHERE, () => {
    offer = null;
  });
  on(OPEN_ELSEWHERE, askToEndElsewhere);
}

/** Enter before a game: accept the offer, or play. */
export function playOrResume() {
  if (state.round?.isShown) return; // the room's page starts the next
  if (offer) acceptOffer();
  else play();
}

/** Start a game in the selected mode, or the selected challenge. The player is asked before that ends another game. */
export async function play() {
  const other = isPracticeNext() ? null : otherGame();
  if (state.isDeciding || (other && !await decide(() => mayEnd(other)))) return;
  const { selection } = state, ends = other?.id ?? offer?.opened.id;
  offer = null;
  document.activeElement?.blur(); // or a key meant for the snake would press the button again
  if (selection?.problem) location.hash = byId("challenge-leave").getAttribute("href");
  else start(selection && !dayOf(selection.name) ? null : selectedMode(), selection?.name, ends); // a game brings its mode
}

/** Whether the next game would be practice, which ends no other game. */
export function isPracticeNext() {
  return state.isOffline && !state.selection;
}

/** The player's open game in this browser that is neither played nor offered here, or null. */
function otherGame() {
  const saved = load("game"), isHere = [state.id, offer?.opened.id].includes(saved?.id);
  return saved && !isHere && saved.user === api.session.user?.id ? saved : null;
}

/** Let the player decide whether a new game may end another. */
async function decide(ask) {
  state.isDeciding = true;
  const isAllowed = await ask().catch(() => true); // without a connection no game starts, which is then said
  state.isDeciding = false;
  if (!isAllowed) state.early = [];
  return isAllowed;
}

/** Ask whether a game that another tab is playing may end; one that nobody is playing is offered instead. */
async function mayEnd(other) {
  const { askToEnd, findInOtherTab } = await import("../game/tabs.js"), played = await findInOtherTab(other.id);
  if (played) return askToEnd(played);
  reset(); // the offer is on the start card
  await offerToResume(other);
  return !offer;
}

/** The server has a game of the player that this browser doesn't know. */
async function askToEndElsewhere(other, begin) {
  const ask = async () => (await import("../game/tabs.js")).askToEnd(other, "tabs.device");
  if (await decide(ask)) begin();
  else focusAction(byId(state.phase === OVER ? "result" : "start"));
}

export function selectedMode() {
  return modeInput(PASS_THROUGH).checked ? PASS_THROUGH : WALLS;
}

export function showStart(now = performance.now()) {
  const { phase, startError, selection } = state;
  setHidden(byId("start"), phase !== IDLE);
  const isGiven = Boolean(selection && !dayOf(selection.name)); // by the game to beat
  for (const mode of MODES) modeInput(mode).disabled = isGiven || ![IDLE, OVER].includes(phase);
  setText(byId("trouble"), startError?.message ?? "");
  setHidden(byId("offer"), !offer);
  setHidden(byId("play"), Boolean(selection?.problem) && !offer);
  setText(byId("play"), t(playKey()));
  byId("play").classList.toggle("primary", !offer);
  setAttribute(byId("start"), "data-screen", screen(selection, startError));
  setHidden(byId("challenge"), !selection);
  setHidden(byId("challenge-ways"), !selection || Boolean(offer));
  const isPlain = !selection && !offer && !startError;
  setHidden(byId("about"), !isPlain);
  setHidden(byId("home"), !isPlain);
  if (isPlain && phase === IDLE && now - homeAt > HOME_MS) refreshHome(now);
  if (!offer) return;
  const values = { count: offer.score, mode: modeName(offer.mode) };
  setText(byId("offer-text"), t(offer.opened.challenge ? "start.offerChallenge" : "start.offer", values));
}

function playKey() {
  if (isPracticeNext()) return "play.practise";
  if (offer) return state.selection ? "play.challenge" : "play.new";
  return "play.play";
}

/** What the start card is about, for the stylesheet. */
function screen(selection, startError) {
  if (offer) return "offer";
  if (selection) return selection.problem || startError ? "problem" : "challenge";
  return startError ? "trouble" : "play";
}

function modeInput(mode) {
  return byId(`mode-${mode}`);
}

function checkMode(mode) {
  modeInput(MODES.includes(mode) ? mode : WALLS).checked = true;
}

/** Select a mode without saving it as the player's preference. */
export function selectMode(mode) {
  checkMode(mode);
  byId("daily").classList.toggle("is-new", dailyAttempt(selectedMode()) === undefined);
  prepare(selectedMode());
  showHome();
}

/** The score of the player's first attempt today, from this browser: undefined for none, null for an unknown score. */
export function dailyAttempt(mode) {
  const saved = load("daily");
  return saved?.day === day(0) && saved.user === api.session.user?.id ? saved.scores[mode] : undefined;
}

// What the server has to show

/** Fetch it; without it the card is as useful, so nothing says that it failed. */
async function refreshHome(now) {
  homeAt = now;
  try {
    home = await api.home();
    showHome();
  } catch (problem) {
    homeAt += api.retryDelayMs(5, problem) - HOME_MS;
  }
  emit(HOME);
}

function showHome() {
  if (!home) return;
  const { daily: { number, players }, live } = home, entries = home.top[selectedMode()].slice(0, TOP);
  byId("top").replaceChildren(...entries.map(({ rank, username, score }) => make("li", {},
    make("span", {}, digits(rank)), make("bdi", { className: "ellipsis" }, username), make("b", {}, digits(score)))));
  setHidden(byId("top-empty"), entries.length > 0);
  setHidden(byId("top"), entries.length === 0);
  setText(byId("daily-note"), t("start.dailyNote", { number, count: players[selectedMode()] }));
  const key = live.length < MAX_LIVE ? "start.live" : "start.liveMany";
  setText(byId("live"), live.length ? t(key, { count: live.length }) : "");
}

// A challenge

/** Select the challenge that the address names, or none; with a `mode` perhaps, and a `game` of the daily challenge for
those who may see it. A game in progress is paused, and the address of its own challenge put back if it was only left
out. */
export function selectChallenge(name = null, mode = null, game = null) {
  const { phase, challenge } = state, before = state.selection?.name ?? null, playing = challenge?.asked ?? null;
  if (![IDLE, OVER].includes(phase)) {
    if (!name && playing) history.replaceState(null, "", challengeAddress(name = playing));
    if (name !== playing) pause();
  }
  if (name !== playing) reset();
  if (state.selection !== undefined && name === before && !mode) return;
  // `target`: the server's record of the game to beat; `standing`: the player's on the leaderboard, with its `mode`;
  // `problem`: the key of why it can't be played. Each is null until it is known.
  state.selection = name && { name, game, target: null, standing: null, problem: null };
  state.startError = null;
  selectMode(mode ?? load("mode"));
  emit(SELECTED);
}

// A game left open

/** Offer to continue the game that the last page left open. */
export async function findOpenGame() {
  const left = load("game");
  if (!left || (left.round && location.hash.startsWith("#/rooms/"))) return; // the room goes on with it
  const { findInOtherTab } = await import("../game/tabs.js");
  if (!await findInOtherTab(left.id)) await offerToResume(left);
}

/** Offer the game if the server still has it. */
async function offerToResume(left) {
  const found = await api.game(left.id).catch((problem) => problem.status === 404 ? {} : null);
  if (!found || state.phase !== IDLE) return; // unreachable: the next page will ask again
  const canResume = found.status === "playing" && found.rules === RULES && left.user === api.session.user?.id;
  if (!canResume) remove("game");
  else makeOffer(found, { ...(left.tick > found.tick ? left : found), challenge: left.challenge, round: left.round });
}

/** `played` is what goes furthest: the server's record, or what this browser had not sent yet. */
function makeOffer(found, { turns, tick, challenge, round }) {
  const game = new Game(found.seed, found.mode);
  game.advance(turns, tick);
  offer = { opened: found, played: { turns, tick, challenge }, mode: found.mode, score: game.score, round };
  if (game.outcome) acceptOffer(); // it had ended, but the server doesn't have the end yet
  else showStart();
}

function acceptOffer() {
  const { opened, played, mode, round } = offer, asked = played.challenge?.asked ?? opened.challenge;
  offer = null;
  document.activeElement?.blur();
  if (round) return void (location.hash = `#/rooms/${round.code}`);
  begin(opened, asked, played);
  if (!byId("view-play").hidden && asked !== (state.selection?.name ?? null)) { // name the game's challenge there
    history.pushState(null, "", asked ? challengeAddress(asked) : "#/");
    selectChallenge(asked);
  }
  checkMode(mode);
}
