/* A player's page: best games by mode, the scores over time, and the latest games. */

import * as api from "../api.js";
import { showChart } from "../draw/chart.js";
import { byId, make, notice } from "../lib/dom.js";
import { modeName, outcomeName, dayOf } from "../lib/format.js";
import { dates, ordinal, t } from "../lib/language.js";
import { scoreLink, timeElement, toBoards } from "../lib/links.js";
import { MODES } from "../rules.js";

let shown = null; // the name of the player on the page

export async function open(query, name) {
  if (shown !== name) clear(name);
  shown = name;
  byId("player-found").setAttribute("aria-busy", "true");
  try {
    const player = await api.player(name);
    if (shown === name) show(player);
  } catch (problem) {
    if (shown === name) showProblem(problem, () => open(query, name));
  }
}

/** Remove what belongs to another player. */
function clear(name) {
  byId("player-name").textContent = name;
  byId("player-bot").hidden = true;
  byId("player-since").textContent = "\u00a0"; // holds the line
  byId("player-note").replaceChildren();
  byId("player-found").hidden = false;
  byId("player-bests").replaceChildren(...MODES.map((mode) => best(mode, null, "\u00a0", name)));
  byId("player-plot").replaceChildren();
  byId("player-games").replaceChildren();
}

function showProblem(problem, again) {
  byId("player-found").hidden = true;
  if (problem.status === 404) notice(byId("player-note"), t("player.gone"), toBoards());
  else notice(byId("player-note"), problem.message, api.tryAgain(problem, again));
}

function show({ username, joined_at, games, bests, latest, bot = false, scores = [] }) {
  const since = dates({ day: "numeric", month: "long", year: "numeric" }).format(new Date(joined_at));
  byId("player-name").textContent = username;
  byId("player-bot").hidden = !bot;
  byId("player-since").textContent = t(games ? "player.since" : "player.joined", { count: games, date: since });
  byId("player-note").replaceChildren();
  byId("player-found").hidden = false;
  byId("player-found").setAttribute("aria-busy", "false");
  byId("player-bests").replaceChildren(
    ...MODES.map((mode) => best(mode, bests[mode], t("player.notOn"), username, bot)));
  showChart(byId("player-plot"), scores, games);
  byId("player-latest").hidden = !latest.length;
  byId("player-games").replaceChildren(...latest.map((game) => gameRow(game, username)));
}

function best(mode, found, otherwise, username, bot = false) {
  const href = `#/boards?mode=${mode}${bot ? "&players=bots" : ""}`;
  return make("div", { className: "best plain-links" },
    make("h2", {}, modeName(mode)),
    make("p", { className: "number" }, found ? scoreLink(found.score, found.game, username) : "–"),
    make("p", {}, found
      ? make("a", { href }, t("player.rank", { rank: ordinal(found.rank), of: found.of }))
      : otherwise));
}

function gameRow({ id, mode, score, outcome, ranked, challenge, started_at }, username) {
  const end = outcome ? outcomeName(outcome) : t("player.playing");
  const kind = challenge && t(dayOf(challenge) ? "tag.daily" : "tag.challenge");
  return make("tr", {},
    make("th", { className: "score", scope: "row" }, scoreLink(score, id, username)),
    make("td", { className: "mode" }, modeName(mode),
      ...(challenge ? [make("span", { className: "tag outlined" }, kind)] : [])),
    make("td", { className: "end" }, ranked || !outcome ? end : t("player.notRanked", { end })),
    make("td", { className: "when" }, timeElement(started_at)));
}
