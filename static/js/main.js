/* Wires the parts, and shows the view that the address asks for. */

import { isPlayer, onSession, refreshSession, session } from "./api.js";
import { needStyle } from "./lib/dom.js";
import { show } from "./play/hud.js";
import { bindAbsence, bindKeys, bindPad, bindSwipes } from "./game/input.js";
import { advance, giveUp, part, pause, progress, turn, unpause } from "./game/playing.js";
import { draw, openPit } from "./draw/board.js";
import {
  bindStart, chooseChallenge, chooseMode, chosenMode, findOpenGame, goAhead, play, showStart,
} from "./play/start.js";
import { IDLE, OVER, PAUSED, state } from "./game/state.js";
import { keep, recall } from "./storage.js";
import { hurry } from "./game/sync.js";

const at = (id) => document.getElementById(id);

const PARTS = { // of the game, fetched once there is a use for them
  challenge: () => import("./game/challenge.js"),
  gamepad: () => import("./game/gamepad.js"),
  ghost: () => import("./game/ghost.js"),
  result: () => import("./play/result.js"),
  rival: () => import("./game/next-rank.js"),
  sound: () => import("./game/sound.js"),
};
const AGAIN_MS = 2000; // before a part that didn't come is asked for again

const pit = openPit(at("board")), parts = {}, asked = {};
let view = null; // the module of the view on the page; null for the game itself
let wantsSound = recall("sound", false);

const VIEWS = { // fetched when asked for, with their stylesheets: the game comes first
  boards: () => withStyles(import("./pages/leaderboards.js"), "tables.css", "boards.css"),
  games: () => withStyles(import("./replay/replay.js"), "replay.css"),
  live: () => withStyles(import("./live/wall.js"), "live.css"),
  players: () => withStyles(import("./pages/player.js"), "tables.css", "player.css"),
  reset: () => withStyles(import("./pages/reset.js"), "account.css"),
};

/** Return a view's module once its stylesheets are loaded, too. */
async function withStyles(module, ...sheets) {
  const [loaded] = await Promise.all([module, ...sheets.map(needStyle)]);
  return loaded;
}

/** Shows the view of an address such as `#/boards?mode=walls`; one that there is none for shows the game. */
async function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  const shown = name in VIEWS ? name : "play", { hash } = location, asked = Object.fromEntries(new URLSearchParams(query));
  if (!at(`view-${shown}`).hidden && view?.moves?.(asked, rest.join("/"))) return; // it has gone there by itself
  if (shown === "play") chooseChallenge(asked.challenge, asked.mode, asked.game);
  else pause();
  view?.close?.();
  view = null;
  const section = at(`view-${shown}`), isNew = section.hidden;
  for (const other of document.querySelectorAll("main > section")) other.hidden ||= other !== section;
  for (const link of document.querySelectorAll("header nav a")) {
    const isCurrent = link.getAttribute("href") === `#/${shown === "play" ? "" : shown}`;
    link.setAttribute("aria-current", isCurrent ? "page" : "false");
  }
  document.title = "Snakepit";
  if (shown === "play") {
    section.hidden = false;
    return;
  }
  try {
    const module = await VIEWS[shown]();
    if (location.hash !== hash) return; // something else was asked for since
    view = module;
    section.hidden = false; // not before its stylesheets are loaded
    view.open(asked, decodeURIComponent(rest.join("/")));
    namePage(section, isNew);
  } catch {
    if (location.hash !== hash) return;
    section.hidden = false;
    section.querySelector(".notice").textContent = "This page can't be shown. Reload to try again.";
  }
}

/** The page is called what its heading says, and whoever has just come to it begins there. */
function namePage(section, isNew) {
  const heading = section.querySelector("h1");
  if (!heading || section.hidden) return;
  document.title = `${heading.textContent.trim()} · Snakepit`;
  if (!isNew) return;
  scrollTo(0, 0);
  heading.focus({ preventScroll: true });
}

async function openAccount(name) {
  try {
    (await import("./pages/account.js")).openAccount(name);
  } catch {
    state.trouble = "The account can't be shown. Check the connection and try again.";
  }
}

/** A guest is asked to sign up; of a visitor one can't know. */
function showAccount() {
  at("account").textContent = isPlayer() ? session.user.username : session.user ? "Sign up" : "Log in";
}

/** The skip link's address would be taken for a view's. */
function skip(event) {
  event.preventDefault();
  at("main").focus();
}

function isInPlay() {
  return !at("view-play").hidden;
}

/** Space, P and Escape; whether there was something to pause or to go on with. */
function toggle() {
  if (!isInPlay()) return view?.toggle?.() ?? false;
  if ([IDLE, OVER].includes(state.phase)) return false;
  if (state.phase === PAUSED) unpause();
  else pause();
  return true;
}

/** Enter: the next thing that one waits for. */
function go() {
  if (!isInPlay()) return false;
  if (state.phase === PAUSED) unpause();
  else if (state.phase === IDLE) goAhead();
  else if (state.phase === OVER) play();
  else return false;
  return true;
}

/** The pad turns, and may begin the game as well. */
function press(heading) {
  if (state.phase === IDLE) goAhead();
  else turn(heading);
}

/** Fetches a part of the game, and binds it when it comes. */
function need(name) {
  asked[name] ??= PARTS[name]().then((part) => {
    part.bind?.({ again: play });
    parts[name] = part;
  }, () => setTimeout(() => delete asked[name], AGAIN_MS));
}

function setSound(wanted) {
  wantsSound = wanted;
  keep("sound", wanted);
  at("sound").setAttribute("aria-pressed", wanted);
  if (wanted) need("sound");
}

function setPad(shown) {
  keep("pad", shown);
  at("pad-toggle").setAttribute("aria-pressed", shown);
  at("view-play").classList.toggle("has-no-pad", !shown);
}

function frame(now) {
  advance(now);
  if (state.phase !== IDLE) ["result", "rival"].forEach(need);
  if (state.chosen || state.challenge) need("challenge");
  if (state.chosen?.target || state.target) need("ghost");
  parts.gamepad?.poll({ turn: (heading) => isInPlay() && turn(heading), go: () => toggle() || go() });
  parts.rival?.watch(now);
  parts.challenge?.watch();
  parts.ghost?.runAlong(now);
  if (isInPlay()) {
    draw(pit, state, progress(), now, parts.ghost?.drawGhost);
    showStart();
    parts.challenge?.show();
    parts.result?.showResult(now);
  }
  show(now, chosenMode());
  if (wantsSound) parts.sound?.playMoments(state.moments, now);
  requestAnimationFrame(frame);
}

bindKeys({
  turn: (heading) => isInPlay() && turn(heading),
  toggle,
  go,
  press: (event) => (!isInPlay() && view?.press?.(event)) || false,
});
bindSwipes(at("view-play"), { turn, tap: () => state.phase === PAUSED && unpause() });
bindPad(at("pad"), { turn: press });
bindAbsence({ away: pause, part });
bindStart();
at("account").addEventListener("click", () => openAccount());
at("skip").addEventListener("click", skip);
at("pause").addEventListener("click", pause);
at("go-on").addEventListener("click", unpause);
at("give-up").addEventListener("click", giveUp);
at("log-in-again").addEventListener("click", () => openAccount("login"));
at("sound").addEventListener("click", () => setSound(!wantsSound));
at("pad-toggle").addEventListener("click", () => setPad(!recall("pad", true)));
setSound(wantsSound);
setPad(recall("pad", true));
window.addEventListener("gamepadconnected", () => need("gamepad"));
showAccount();
onSession(() => {
  showAccount();
  hurry(); // a post may have waited for somebody to log in
  chooseMode(chosenMode());
  if (!isInPlay()) route(); // the board of whoever looks at it now
});
window.addEventListener("hashchange", route);
route();
requestAnimationFrame(frame);
if (session.token) refreshSession().catch(() => {}).then(findOpenGame);
