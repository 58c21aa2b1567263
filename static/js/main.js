/* Wires the parts, and shows the view that the address asks for. */

import { is_player, on_session, refresh_session, session } from "./api.js";
import { show } from "./play/hud.js";
import { bind_absence, bind_keys, bind_pad, bind_swipes } from "./game/input.js";
import { advance, give_up, part, pause, progress, turn, unpause } from "./game/playing.js";
import { draw, open_pit } from "./draw/board.js";
import {
  bind_start, choose_challenge, choose_mode, chosen_mode, find_open_game, go_ahead, play, show_start,
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

const pit = open_pit(at("board")), parts = {}, asked = {};
let view = null; // the module of the view on the page; null for the game itself
let wants_sound = recall("sound", false);

const VIEWS = { // fetched when asked for: the game comes first
  boards: () => import("./pages/leaderboards.js"),
  games: () => import("./replay/replay.js"),
  live: () => import("./live/wall.js"),
  players: () => import("./pages/player.js"),
  reset: () => import("./pages/reset.js"),
};

/** Shows the view of an address such as `#/boards?mode=walls`; one that there is none for shows the game. */
async function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  const shown = name in VIEWS ? name : "play", { hash } = location, asked = Object.fromEntries(new URLSearchParams(query));
  if (!at(`view-${shown}`).hidden && view?.moves?.(asked, rest.join("/"))) return; // it has gone there by itself
  if (shown === "play") choose_challenge(asked.challenge, asked.mode, asked.game);
  else pause();
  view?.close?.();
  view = null;
  const is_new = at(`view-${shown}`).hidden;
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== `view-${shown}`;
  for (const link of document.querySelectorAll("header nav a")) {
    const is_current = link.getAttribute("href") === `#/${shown === "play" ? "" : shown}`;
    link.setAttribute("aria-current", is_current ? "page" : "false");
  }
  document.title = "Snakepit";
  if (shown === "play") return;
  try {
    const module = await VIEWS[shown]();
    if (location.hash !== hash) return; // something else was asked for since
    view = module;
    view.open(asked, decodeURIComponent(rest.join("/")));
    name_page(at(`view-${shown}`), is_new);
  } catch {
    at(`view-${shown}`).querySelector(".notice").textContent = "This page can't be shown. Reload to try again.";
  }
}

/** The page is called what its heading says, and whoever has just come to it begins there. */
function name_page(section, is_new) {
  const heading = section.querySelector("h1");
  if (!heading || section.hidden) return;
  document.title = `${heading.textContent.trim()} · Snakepit`;
  if (!is_new) return;
  scrollTo(0, 0);
  heading.focus({ preventScroll: true });
}

async function open_account(name) {
  try {
    (await import("./pages/account.js")).open_account(name);
  } catch {
    state.trouble = "The account can't be shown. Check the connection and try again.";
  }
}

/** A guest is asked to sign up; of a visitor one can't know. */
function show_account() {
  at("account").textContent = is_player() ? session.user.username : session.user ? "Sign up" : "Log in";
}

/** The skip link's address would be taken for a view's. */
function skip(event) {
  event.preventDefault();
  at("main").focus();
}

function is_in_play() {
  return !at("view-play").hidden;
}

/** Space, P and Escape; whether there was something to pause or to go on with. */
function toggle() {
  if (!is_in_play()) return view?.toggle?.() ?? false;
  if ([IDLE, OVER].includes(state.phase)) return false;
  if (state.phase === PAUSED) unpause();
  else pause();
  return true;
}

/** Enter: the next thing that one waits for. */
function go() {
  if (!is_in_play()) return false;
  if (state.phase === PAUSED) unpause();
  else if (state.phase === IDLE) go_ahead();
  else if (state.phase === OVER) play();
  else return false;
  return true;
}

/** The pad turns, and may begin the game as well. */
function press(heading) {
  if (state.phase === IDLE) go_ahead();
  else turn(heading);
}

/** Fetches a part of the game, and binds it when it comes. */
function need(name) {
  asked[name] ??= PARTS[name]().then((part) => {
    part.bind?.({ again: play });
    parts[name] = part;
  }, () => setTimeout(() => delete asked[name], AGAIN_MS));
}

function set_sound(wanted) {
  wants_sound = wanted;
  keep("sound", wanted);
  at("sound").setAttribute("aria-pressed", wanted);
  if (wanted) need("sound");
}

function set_pad(shown) {
  keep("pad", shown);
  at("pad-toggle").setAttribute("aria-pressed", shown);
  at("view-play").classList.toggle("has-no-pad", !shown);
}

function frame(now) {
  advance(now);
  if (state.phase !== IDLE) ["result", "rival"].forEach(need);
  if (state.chosen || state.challenge) need("challenge");
  if (state.chosen?.target || state.target) need("ghost");
  parts.gamepad?.poll({ turn: (heading) => is_in_play() && turn(heading), go: () => toggle() || go() });
  parts.rival?.watch(now);
  parts.challenge?.watch();
  parts.ghost?.run_along(now);
  if (is_in_play()) {
    draw(pit, state, progress(), now, parts.ghost?.draw_ghost);
    show_start();
    parts.challenge?.show();
    parts.result?.show_result(now);
  }
  show(now, chosen_mode());
  if (wants_sound) parts.sound?.play_moments(state.moments, now);
  requestAnimationFrame(frame);
}

bind_keys({
  turn: (heading) => is_in_play() && turn(heading),
  toggle,
  go,
  press: (event) => (!is_in_play() && view?.press?.(event)) || false,
});
bind_swipes(at("view-play"), { turn, tap: () => state.phase === PAUSED && unpause() });
bind_pad(at("pad"), { turn: press });
bind_absence({ away: pause, part });
bind_start();
at("account").addEventListener("click", () => open_account());
at("skip").addEventListener("click", skip);
at("pause").addEventListener("click", pause);
at("go-on").addEventListener("click", unpause);
at("give-up").addEventListener("click", give_up);
at("log-in-again").addEventListener("click", () => open_account("login"));
at("sound").addEventListener("click", () => set_sound(!wants_sound));
at("pad-toggle").addEventListener("click", () => set_pad(!recall("pad", true)));
set_sound(wants_sound);
set_pad(recall("pad", true));
window.addEventListener("gamepadconnected", () => need("gamepad"));
show_account();
on_session(() => {
  show_account();
  hurry(); // a post may have waited for somebody to log in
  choose_mode(chosen_mode());
  if (!is_in_play()) route(); // the board of whoever looks at it now
});
window.addEventListener("hashchange", route);
route();
requestAnimationFrame(frame);
if (session.token) refresh_session().catch(() => {}).then(find_open_game);
