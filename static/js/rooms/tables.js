/* The tables of a room's page: the standings of its latest round, and those of all rounds that are over. */

import { byId, make, setHidden, setText } from "../lib/dom.js";
import { number, t } from "../lib/language.js";
import { scoreLink } from "../lib/links.js";

let shown = {}; // of what the tables are: {standings, members}

export function makeTables() {
  shown = {};
  return [makeTable("room-standings", "room-rows", ""), makeTable("room-overall", "room-all-rows", t("rooms.overall"))];
}

function makeTable(id, rows, title) {
  const table = make("table", { className: "rows" }, make("thead", {}, make("tr", {},
    ...["rooms.rank", "rooms.player", "score.label"].map((key) => make("th", { scope: "col" }, t(key))))),
  make("tbody", { id: rows }));
  table.setAttribute("aria-labelledby", `${id}-title`);
  return make("section", { id }, make("h2", { id: `${id}-title` }, title), make("div", { className: "pit" }, table));
}

export function showStandings({ standings, member }) {
  const rows = standings?.standings ?? [], key = JSON.stringify(standings);
  setHidden(byId("room-standings"), !rows.length);
  if (shown.standings === key || !rows.length) return;
  shown.standings = key;
  setText(byId("room-standings-title"), t("rooms.round", { number: String(standings.number) }));
  byId("room-rows").replaceChildren(...rows.map((row) =>
    makeRow(row, member, [row.name], scoreLink(row.score ?? 0, standings.isFinal ? row.game : null, row.name))));
}

export function showOverall({ room: { members, rounds }, member }) {
  if (shown.members === members) return; // until the room is read again
  shown.members = members;
  const rows = rankOverall(members, rounds);
  setHidden(byId("room-overall"), !rows.length);
  byId("room-all-rows").replaceChildren(...rows.map((row) => makeRow(row, member, nameAndWins(row), scoreLink(row.score, null))));
}

/** Who has won most rounds, and of those with as many who has scored most. Of one round it would say nothing new. */
export function rankOverall(members, rounds) {
  const scorers = rounds > 1 ? members.filter(({ total }) => total) : [];
  const sorted = scorers.sort((one, other) => other.wins - one.wins || other.total - one.total);
  return sorted.map(({ id, name, wins, total }) =>
    ({ id, name, wins, score: total, rank: 1 + sorted.findIndex((first) => first.wins === wins && first.total === total) }));
}

function nameAndWins({ name, wins }) {
  return [make("bdi", {}, name), ...wins ? [" ", make("small", {}, t("rooms.wins", { count: wins }))] : []];
}

function makeRow(row, member, name, score) {
  return make("tr", { className: rowClass(row, member) },
    make("td", { className: "rank" }, row.rank ? make("span", {}, number(row.rank)) : ""),
    make("th", { scope: "row", className: "name", dir: "auto" }, ...name), make("td", { className: "score" }, score));
}

/** The first three as on the leaderboards. */
function rowClass({ id: own, rank, score }, member) {
  return `${rank && rank <= 3 && score ? `top top-${rank}` : ""} ${own === member ? "is-me" : ""}`;
}
