/* A player's page: best games by mode, the scores over time, and the latest games. */

import * as api from "../api.js";
import { make, notice, scoreLink, timeAgo } from "../lib/dom.js";
import { showPlot } from "../draw/chart.js";
import { MODES } from "../rules.js";
import { MODE_NAMES, OUTCOME_NAMES, dayOf, ordinal, when } from "../lib/format.js";

const at = (id) => document.getElementById(id);

let shown = null; // the name of the player on the page

export async function open(query, name) {
  if (shown !== name) clear(name);
  shown = name;
  at("player-found").setAttribute("aria-busy", "true");
  try {
    const player = await api.player(name);
    if (shown === name) show(player);
  } catch (problem) {
    if (shown === name) showProblem(problem, () => open(query, name));
  }
}

/** The page of somebody else is not to be taken for this one's. */
function clear(name) {
  at("player-name").textContent = name;
  at("player-bot").hidden = true;
  at("player-since").textContent = "\u00a0"; // keeps its line
  at("player-note").replaceChildren();
  at("player-found").hidden = false;
  at("player-bests").replaceChildren(...MODES.map((mode) => best(mode, null, "\u00a0", name)));
  at("player-plot").replaceChildren();
  at("player-games").replaceChildren();
}

function showProblem({ status, message }, again) {
  at("player-found").hidden = true;
  if (status === 404) {
    notice(at("player-note"), "Nobody plays here by this name. It may have been changed, or the account deleted.");
    at("player-note").append(make("a", { href: "#/boards" }, "See the boards"));
  } else {
    notice(at("player-note"), message, { label: "Try again", act: again });
  }
}

function show({ username, joined_at, games, bests, latest, bot = false, scores = [] }) {
  const date = { day: "numeric", month: "long", year: "numeric" };
  const since = new Date(joined_at).toLocaleDateString("en-GB", date);
  at("player-name").textContent = username;
  at("player-bot").hidden = !bot;
  at("player-since").textContent = `${counted(games)} since ${since}`;
  at("player-note").replaceChildren();
  at("player-found").hidden = false;
  at("player-found").setAttribute("aria-busy", "false");
  at("player-bests").replaceChildren(
    ...MODES.map((mode) => best(mode, bests[mode], "Not on the board yet", username, bot)));
  showPlot(at("player-plot"), scores, games);
  at("player-latest").hidden = !latest.length;
  at("player-games").replaceChildren(...latest.map((game) => gameRow(game, username)));
}

function counted(games) {
  return `${games || "No"} ${games === 1 ? "game" : "games"}`;
}

function best(mode, found, otherwise, username, bot = false) {
  return make("div", { className: "best" },
    make("h2", {}, MODE_NAMES[mode]),
    make("p", { className: "number" }, found ? scoreLink(found.score, found.game, `by ${username}`) : "–"),
    make("p", {}, found
      ? make("a", { href: `#/boards?mode=${mode}${bot ? "&players=bots" : ""}` }, `${ordinal(found.rank)} of ${found.of}`)
      : otherwise));
}

function gameRow({ id, mode, score, outcome, ranked, challenge, started_at }, username) {
  const end = outcome ? OUTCOME_NAMES[outcome] : "Playing now";
  return make("tr", {},
    make("th", { className: "score", scope: "row" }, scoreLink(score, id, `by ${username}`)),
    make("td", { className: "mode" }, MODE_NAMES[mode],
      ...(challenge ? [make("span", { className: "tag outlined" }, dayOf(challenge) ? "daily" : "challenge")] : [])),
    make("td", { className: "end" }, ranked || !outcome ? end : `${end}, not ranked`),
    make("td", { className: "when" }, timeAgo(started_at, when(started_at))));
}
