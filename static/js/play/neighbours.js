/* The player's place on the leaderboard between their neighbours, for the result card. */

import * as api from "../api.js";
import { make } from "../lib/dom.js";
import { number, ordinal, t } from "../lib/language.js";

const SHOWN = 3;

/** The player's standing, or the one that a guest's score would have: {rank, rows}. A row is {rank, username, score, isOwn}. */
export async function findStanding(mode, challenge, guestScore = null) {
  if (guestScore !== null) {
    const { rank, next } = await api.nextRank(mode, guestScore, challenge);
    const own = { rank, score: guestScore, isOwn: true };
    return { rank, rows: next ? [next, own] : [own] };
  }
  const { rank, around } = await api.myRank(mode, challenge), { username } = api.session.user;
  const own = around.findIndex((entry) => entry.username === username);
  const first = Math.max(0, Math.min(own - 1, around.length - SHOWN)); // one ahead and one behind, where there are
  return { rank, rows: around.slice(first, first + SHOWN).map((entry) => ({ ...entry, isOwn: entry.username === username })) };
}

/** Show the rows in a list, with what the player lacks for the next place. Return their elements. */
export function showNeighbours(list, rows) {
  const own = rows.findIndex(({ isOwn }) => isOwn), nearest = own ? own - 1 : 1;
  list.replaceChildren(...rows.map((row, n) => make("li", { className: rowClass(n, own, nearest) },
    make("span", {}, ordinal(row.rank)),
    make("span", { className: "ellipsis", dir: "auto" }, row.isOwn ? t("result.you") : row.username),
    make("small", {}, n === own - 1 ? missing(row.score - rows[own].score) : ""),
    make("b", {}, number(row.score)))));
  return Array.from(list.children);
}

/** The row that is only shown where there is room for three is "is-far". */
function rowClass(n, own, nearest) {
  if (n === own) return "is-own";
  return n === nearest ? "" : "is-far";
}

function missing(points) {
  return points > 0 ? t("result.toGo", { points }) : t("result.level");
}
