/* Wires the parts, and shows the view that the address asks for. */

import { bind_account, open_account } from "./account.js";
import { on_session, refresh_session, session } from "./api.js";
import { show } from "./hud.js";
import { bind_absence, bind_keys, bind_swipes } from "./input.js";
import { advance, give_up, part, pause, prepare, progress, turn, unpause } from "./play.js";
import { draw, open_pit } from "./render.js";
import { bind_result, show_result } from "./result.js";
import { bind_start, chosen_mode, find_open_game, go_ahead, play, show_start } from "./start.js";
import { IDLE, OVER, PAUSED, state } from "./state.js";
import { hurry } from "./sync.js";

const at = (id) => document.getElementById(id);

const pit = open_pit(at("board"));

const VIEWS = { // fetched when asked for: the game comes first
  boards: () => import("./boards.js"),
  players: () => import("./players.js"),
};

/** Shows the view of an address such as `#/boards?mode=walls`; one that there is none for shows the game. */
async function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  const view = name in VIEWS ? name : "play";
  if (view !== "play") pause();
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== `view-${view}`;
  for (const link of document.querySelectorAll("header nav a")) {
    const is_current = link.getAttribute("href") === `#/${view === "play" ? "" : view}`;
    link.setAttribute("aria-current", is_current ? "page" : "false");
  }
  if (view === "play") return;
  try {
    const { open } = await VIEWS[view]();
    open(Object.fromEntries(new URLSearchParams(query)), decodeURIComponent(rest.join("/")));
  } catch {
    at(`view-${view}`).querySelector(".notice").textContent = "This page can't be shown. Reload to try again.";
  }
}

function is_in_play() {
  return !at("view-play").hidden;
}

/** Space, P and Escape; whether there was something to pause or to go on with. */
function toggle() {
  if (!is_in_play() || [IDLE, OVER].includes(state.phase)) return false;
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

function frame(now) {
  advance(now);
  if (is_in_play()) {
    draw(pit, state, progress(), now);
    show_start();
    show_result(now);
  }
  show(now, chosen_mode());
  requestAnimationFrame(frame);
}

bind_keys({ turn: (heading) => is_in_play() && turn(heading), toggle, go });
bind_swipes(at("view-play"), { turn, tap: () => state.phase === PAUSED && unpause() });
bind_absence({ away: pause, part });
bind_start();
bind_result({ again: play });
bind_account();
at("pause").addEventListener("click", pause);
at("go-on").addEventListener("click", unpause);
at("give-up").addEventListener("click", give_up);
at("log-in-again").addEventListener("click", () => open_account("login"));
on_session(() => {
  hurry(); // a post may have waited for somebody to log in
  prepare(chosen_mode());
  if (!is_in_play()) route(); // the board of whoever looks at it now
});
window.addEventListener("hashchange", route);
route();
requestAnimationFrame(frame);
if (session.token) refresh_session().catch(() => {}).then(find_open_game);
