/* The ranking of a round on the big screen. Its rows glide to their new places, and a line tells who overtook whom. */

import { make, reducedMotion, setText } from "../lib/dom.js";
import { number, parts, t } from "../lib/language.js";
import { setName } from "./parts.js";

const ROWS = 10;
const MOVE_MS = 600;
const NEWS_MS = 3500;

let order = []; // of the last call: ids, best first
let newsUntil = 0;

/** `title`: an element; without, it is said only. */
export function makeRanking(id, title = make("h2", { className: "sr-only" }, t("rooms.standings"))) {
  order = [];
  return make("div", { id, className: "screen-ranking" }, title, make("ol", {}), make("p", { className: "screen-news" }));
}

/** Show the best of the `rows` of standings, and who overtakes. */
export function showRanking(element, rows, now) {
  const news = element.querySelector(".screen-news");
  if (now > newsUntil) setText(news, "");
  if (showRows(element, rows)) tellOvertaking(news, rows, now);
}

/** Show the best of the `rows`. Return whether they are others than before. */
export function showRows(element, rows) {
  const list = element.querySelector("ol"), key = JSON.stringify(rows.slice(0, ROWS));
  if (list.dataset.key === key) return false;
  list.dataset.key = key;
  const places = new Map(Array.from(list.children, (row) => [row.dataset.member, { row, top: row.offsetTop }]));
  list.replaceChildren(...rows.slice(0, ROWS).map((entry) => fillRow(places.get(entry.id)?.row ?? makeRow(entry), entry)));
  for (const row of list.children) glide(row, places.get(row.dataset.member)?.top);
  return true;
}

function makeRow({ id }) {
  const row = make("li", {}, make("span", { className: "screen-rank number" }),
    make("span", { className: "ellipsis", dir: "auto" }), make("small", { className: "optional" }), make("span", { className: "number" }));
  row.dataset.member = id;
  return row;
}

function fillRow(row, { rank, name, wins, score, status = "" }) {
  const [rankPart, namePart, winsPart, scorePart] = row.children;
  setText(rankPart, rank ? number(rank) : "");
  setName(namePart, name);
  setText(winsPart, wins ? t("rooms.wins", { count: wins }) : "");
  setText(scorePart, number(score));
  row.dataset.status = status;
  return row;
}

function glide(row, before) {
  const moved = before === undefined ? 0 : before - row.offsetTop;
  if (!moved || reducedMotion.matches) return;
  row.animate({ translate: [`0 ${moved}px`, "0 0"] }, { duration: MOVE_MS, easing: "cubic-bezier(0.3, 0.8, 0.3, 1)" });
}

/** The best one who is ahead of somebody now who was ahead before. */
function tellOvertaking(news, rows, now) {
  const ranked = rows.filter(({ rank }) => rank), before = order;
  order = ranked.map(({ id }) => id);
  for (const [n, { id, name, score }] of ranked.entries()) {
    const was = before.indexOf(id), behind = ranked[n + 1];
    const isAhead = was > 0 && behind && behind.score < score && before.includes(behind.id) && before.indexOf(behind.id) < was;
    if (!isAhead) continue;
    newsUntil = now + NEWS_MS;
    const values = { name: make("bdi", {}, name), other: make("bdi", {}, behind.name) };
    return news.replaceChildren(...parts("rooms.overtakes", values));
  }
}
