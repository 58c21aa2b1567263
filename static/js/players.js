/* A player's page: best games by mode, and the latest ones. */

import * as api from "./api.js";
import { make, notice } from "./dom.js";
import { MODES } from "./rules.js";
import { MODE_NAMES, OUTCOME_NAMES, ordinal, when } from "./words.js";

const at = (id) => document.getElementById(id);

let shown = null; // the name of the player on the page

export async function open(query, name) {
  shown = name;
  at("player-name").textContent = name;
  at("player-bests").replaceChildren();
  at("player-games").replaceChildren();
  notice(at("player-note"), "Loading…");
  try {
    const player = await api.player(name);
    if (shown === name) show(player);
  } catch (problem) {
    if (shown !== name) return;
    const remedy = problem.status === 404 ? null : { label: "Try again", act: () => open(query, name) };
    notice(at("player-note"), problem.message, remedy);
  }
}

function show({ username, joined_at, games, bests, latest }) {
  const since = new Date(joined_at).toLocaleDateString("en", { day: "numeric", month: "long", year: "numeric" });
  notice(at("player-note"), `${games} ${games === 1 ? "game" : "games"} since ${since}.`);
  at("player-name").textContent = username;
  at("player-bests").replaceChildren(...MODES.map((mode) => best(mode, bests[mode])));
  at("player-games").replaceChildren(...latest.map(game_row));
}

function best(mode, found) {
  return make("div", { className: "tally" },
    make("span", { className: "label" }, MODE_NAMES[mode]),
    make("span", { className: "number" }, found ? found.score : "–"),
    make("span", { className: "label" }, found ? `${ordinal(found.rank)} of ${found.of}` : "not on the board yet"));
}

function game_row({ mode, score, outcome, ranked, started_at }) {
  const end = outcome ? OUTCOME_NAMES[outcome] : "Playing now";
  return make("tr", {},
    make("td", { className: "score" }, score),
    make("td", {}, MODE_NAMES[mode]),
    make("td", { className: "name" }, ranked || !outcome ? end : `${end}, not ranked`),
    make("td", { className: "when" }, make("time", { dateTime: started_at }, when(started_at))));
}
