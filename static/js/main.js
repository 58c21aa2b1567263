/* Wires the modules together, and shows the view that the address names. */

import { isPlayer, refreshSession, session } from "./api.js";
import { createBoardView, draw } from "./draw/board.js";
import { bindKeys, bindPad, bindSwipes } from "./game/input.js";
import { advance, giveUp, isSettled, onPageHide, pause, turn, unpause } from "./game/playing.js";
import { IDLE, OVER, PAUSED, SIGNED_OUT, progress, state } from "./game/state.js";
import {
  HOME, LANGUAGE, OPENED, SELECTED, SESSION, START_FAILED, byId, focusAction, loadStyle, notice, on, setTitle,
} from "./lib/dom.js";
import { dayOf } from "./lib/format.js";
import { t } from "./lib/language.js";
import {
  bindStart, findOpenGame, playOrResume, selectChallenge, selectMode, selectedMode, showStart,
} from "./play/start.js";
import { changeSetting, onSetting, setting } from "./storage.js";

const PARTS = { // of the game, loaded at their first use
  background: () => import("./play/background.js"),
  challenge: () => import("./game/challenge.js"),
  gamepad: () => import("./game/gamepad.js"),
  ghost: () => import("./game/ghost.js"),
  hud: () => withStyles(import("./play/hud.js"), "hud.css"),
  nextRank: () => import("./game/next-rank.js"),
  offline: () => import("./offline.js"),
  result: () => withStyles(import("./play/result.js"), "result.css"),
  sound: () => import("./game/sound.js"),
  tabs: () => import("./game/tabs.js"),
};
const OFFLINE_MS = 2000; // after the start: the first game has the network for itself
const QUIET_MS = 800; // after the start card is complete: then comes what it can do without
const RETRY_MS = 2000; // before a part or a view that failed to load is requested again
const VIBRATION_MS = 10; // for a turn, on phones
const REFLEX_MS = 400; // after the end of a game, in which keys and swipes are still meant for it

const VIEWS = { // loaded with their stylesheets when the address names them
  boards: () => withStyles(import("./pages/leaderboards.js"), "tables.css", "boards.css"),
  games: () => withStyles(import("./replay/replay.js"), "replay.css"),
  live: () => withStyles(import("./live/wall.js"), "live.css"),
  players: () => withStyles(import("./pages/player.js"), "tables.css", "player.css"),
  reset: () => withStyles(import("./pages/reset.js"), "account.css"),
  rooms: () => withStyles(import("./rooms/rooms.js"), "rooms.css"),
};

const boardView = createBoardView(byId("board")), parts = {}, requested = new Set();
let view = null; // the module of the view on the page; null for the game itself

/** Return a view's module once its stylesheets are loaded, too. */
async function withStyles(module, ...sheets) {
  const [loaded] = await Promise.all([module, ...sheets.map(loadStyle)]);
  return loaded;
}

/** Show the view of an address such as `#/boards?mode=walls`; an unknown one shows the game. */
async function route() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [first, ...rest] = path.split("/");
  const name = Object.hasOwn(VIEWS, first) ? first : "play", section = byId(`view-${name}`), isNew = section.hidden;
  const { hash } = location, query = Object.fromEntries(new URLSearchParams(search));
  if (!isNew && view?.onAddressChange?.(query, rest.join("/"))) return;
  if (name === "play") selectChallenge(query.challenge, query.mode, query.game);
  else pause();
  view?.close?.();
  view = null;
  for (const each of document.querySelectorAll("main > section")) each.hidden ||= each !== section;
  for (const link of document.querySelectorAll("header nav a")) {
    const isCurrent = link.getAttribute("href") === `#/${name === "play" ? "" : name}`;
    link.setAttribute("aria-current", isCurrent ? "page" : "false");
  }
  document.title = "Snakepit";
  if (name === "play") {
    section.hidden = false;
    if (isNew) focusAction(section); // the link that led here may be gone
    return;
  }
  try {
    const module = await VIEWS[name]();
    if (location.hash !== hash) return; // the address has changed since
    view = module;
    section.hidden = false; // not before its stylesheets are loaded
    view.open(query, decoded(rest.join("/")));
    namePage(section, isNew);
  } catch {
    if (location.hash !== hash) return;
    section.hidden = false;
    const again = { label: t("notice.tryAgain"), act: route, retryMs: RETRY_MS };
    notice(section.querySelector(".notice"), t("notice.notLoaded"), again);
  }
}

/** A part of an address as text; one that was cut short within a letter as it is. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Title the page by the view's heading, and move the focus there when the view has changed. */
function namePage(section, isNew) {
  const heading = section.querySelector("h1");
  if (!heading || section.hidden) return;
  setTitle(heading.textContent.trim());
  if (!isNew) return;
  scrollTo(0, 0);
  heading.focus({ preventScroll: true });
}

/** Say on the start card what went wrong, in the language of the page at any time. */
function refuse(key) {
  state.startError = { get message() { return t(key); } };
}

async function openAccount(form) {
  try {
    (await import("./pages/account.js")).openAccount(form);
  } catch {
    refuse("notice.noAccount");
  }
}

async function openSettings() {
  pause();
  try {
    (await import("./pages/settings.js")).openSettings();
  } catch {
    refuse("settings.missing");
  }
}

/** A visitor may have an account or not; a guest has none. */
function showAccount() {
  byId("account").lastElementChild.textContent = isPlayer() ? session.user.username : t(session.user ? "account.signUp" : "account.logIn");
}

function isInPlay() {
  return !byId("view-play").hidden;
}

/** P and Escape. Return whether there was something to pause or to continue. */
function toggle() {
  if (!isInPlay()) return view?.toggle?.() ?? false;
  if ([IDLE, OVER].includes(state.phase)) return false;
  if (state.phase === PAUSED) unpause();
  else pause();
  return true;
}

/** Enter: continue, or start. Return whether it is the game's. */
function go() {
  if (!isInPlay()) return false;
  if (state.phase === PAUSED) unpause();
  else if ([IDLE, OVER].includes(state.phase)) playOrResume();
  return true;
}

/** Start a game without a button, from the start card or after another game, if the player has meant that. Return whether
there was no game in progress. */
function startGame(isMeant = true) {
  const { phase, selection, overAt, connection } = state, isOver = phase === OVER;
  if (!isInPlay() || ![IDLE, OVER].includes(phase)) return false;
  const isReflex = isOver && performance.now() - overAt < REFLEX_MS;
  const wouldLoseScore = isOver && connection === SIGNED_OUT && !isSettled();
  if (isMeant && !isReflex && !wouldLoseScore && !selection?.problem) playOrResume();
  return true;
}

/** Space: start, pause or continue. Return whether it had a use. */
function startOrToggle() {
  return startGame() || toggle();
}

/** Turn; where there is no game in progress, start one and turn in it. Return whether it is the game's. */
function steer(heading, isMeant) {
  if (!isInPlay()) return false;
  const isTurn = turn(heading), isTaken = isTurn || startGame(isMeant);
  if (!isTurn) turn(heading); // the first of the game that is being opened
  if (isTaken && setting("vibration")) navigator.vibrate?.(VIBRATION_MS);
  return isTaken;
}

/** A finger taps the board, or a card beside its buttons; a mouse must click the board itself. */
function tap({ target, pointerType }) {
  if (state.phase === PAUSED) return unpause();
  const onStage = target.closest(".stage") && !target.closest(".actions, .links, #today");
  if (pointerType === "mouse" ? target === boardView.canvas : onStage) startGame();
}

async function need(name) {
  if (requested.has(name)) return;
  requested.add(name);
  try {
    const part = await PARTS[name]();
    part.bind?.();
    parts[name] = part;
  } catch {
    requested.delete(name);
    setTimeout(() => need(name), RETRY_MS);
  }
}

function needChallenge() {
  const name = state.challenge?.name ?? state.selection?.name;
  if (name) ["challenge", "hud"].forEach(need);
  if (name && !dayOf(name)) need("ghost");
}

/** A button that switches a setting. */
function bindSwitch(button, name) {
  button.addEventListener("click", () => changeSetting(name, !setting(name)));
  onSetting(name, (isOn) => button.setAttribute("aria-pressed", isOn));
}

function frame(now) {
  advance(now);
  parts.gamepad?.poll({ turn: steer, go: startOrToggle });
  parts.ghost?.runAlong(now);
  if (isInPlay()) {
    const scene = parts.background?.background(now) ?? state;
    draw(boardView, scene, progress(scene), now, parts.ghost?.drawGhost);
    showStart(now);
    parts.challenge?.show();
    parts.result?.showResult(now);
  }
  if (state.phase !== IDLE) need("hud");
  byId("view-play").dataset.phase = state.phase;
  parts.hud?.showHud(now, selectedMode());
  requestAnimationFrame(frame);
}

bindKeys({
  turn: steer,
  space: startOrToggle,
  toggle,
  go,
  press: (event) => (!isInPlay() && view?.press?.(event)) || false,
});
bindSwipes(byId("view-play"), { turn: steer, tap });
bindPad(byId("pad"), { turn: steer });
window.addEventListener("blur", pause);
document.addEventListener("visibilitychange", () => document.hidden && pause());
window.addEventListener("pagehide", onPageHide); // it may not come back
bindStart();
const CLICKS = {
  account: () => openAccount(),
  settings: openSettings,
  pause,
  "go-on": unpause,
  "give-up": giveUp,
  "log-in-again": () => openAccount("login"),
};
for (const [id, act] of Object.entries(CLICKS)) byId(id).addEventListener("click", act);
byId("go-on").addEventListener("keydown", (event) => {
  if (event.repeat) event.preventDefault(); // the key that paused is still down
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // or its address would be taken for a view's
  byId("main").focus();
});
bindSwitch(byId("sound"), "sound");
bindSwitch(byId("pad-toggle"), "pad");
onSetting("sound", (isOn) => isOn && need("sound"));
matchMedia("(orientation: portrait)").addEventListener("change", pause); // the board is elsewhere now
window.addEventListener("gamepadconnected", () => need("gamepad"));
window.addEventListener("gamepaddisconnected", pause);
showAccount();
on(HOME, () => setTimeout(() => ["background", "hud"].forEach(need), QUIET_MS));
on(SELECTED, needChallenge);
on(OPENED, () => {
  if (!isInPlay() || document.hidden) pause(); // the player has left while it was being opened
  need("tabs");
  need("result");
  need("nextRank");
  needChallenge();
});
on(START_FAILED, () => {
  showStart();
  if (isInPlay()) focusAction(byId("start"));
});
on(SESSION, () => {
  showAccount();
  selectMode(selectedMode());
  if (!isInPlay()) route(); // the view may show the player's own rows
});
on(LANGUAGE, () => {
  showAccount();
  view?.close?.();
  view = null; // or it might take the same address for no change
  route();
});
window.addEventListener("hashchange", route);
route();
window.repeatEarly();
performance.mark("interactive"); // bench/page.py reads it
requestAnimationFrame(frame);
if (session.user) need("hud"); // with the best score
if (session.token) refreshSession().catch(() => {}).then(findOpenGame).catch(() => {}); // Play asks again
setTimeout(() => need("offline"), navigator.serviceWorker?.controller ? 0 : OFFLINE_MS);
