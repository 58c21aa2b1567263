/* The end of a round on the big screen: the first three places, the ranking, and the best game again. */

import { game as readGame } from "../api.js";
import { createBoardView, draw } from "../draw/board.js";
import { openPlayback, playOn } from "../game/playback.js";
import { progress, shownScore } from "../game/state.js";
import { byId, make, setHidden, setText } from "../lib/dom.js";
import { number, setWords, t } from "../lib/language.js";
import { setName } from "./parts.js";
import { makeRanking, showRows } from "./ranking.js";
import { rankOverall } from "./tables.js";

const PLACES = 3;
const TURN_MS = 6000; // for which the ranking of the round, or that of all rounds, is shown
const NAMES = 4, NAMES_ALONE = 8; // of those who share a place, or the only one

export function makePodium() {
  const canvas = make("canvas", { id: "podium-board", ariaHidden: "true" });
  return make("div", { id: "screen-podium" },
    make("section", { className: "podium-best" }, make("h2", { id: "podium-title" }),
      make("ol", { id: "podium-places" })),
    make("figure", { id: "podium-replay" }, canvas, make("figcaption", {}, make("span", { id: "podium-name" }),
      make("span", { id: "podium-score", className: "number" }))),
    makeRanking("podium-ranking", make("h2", { id: "podium-ranking-title" })));
}

export function closePodium(podium) {
  podium.boardView?.close();
  podium.isClosed = true;
}

/** `standings` may not be there yet; the best game is loaded once they are final. */
export function showPodium(podium, room, standings, now) {
  const rows = standings?.standings ?? [], first = rows.filter(({ rank, score }) => rank && rank <= PLACES && score > 0);
  const isEmpty = !first.length;
  setText(byId("podium-title"), isEmpty ? t("rooms.nobodyScored") : t("rooms.podium"));
  showPlaces(podium, first);
  showRankings(podium, room, rows, now);
  if (standings?.isFinal && !isEmpty && !podium.game) load(podium, rows[0]);
  setHidden(byId("podium-replay"), !podium.playback);
  if (podium.playback) play(podium, now);
}

/** The ranking of the round and that of all rounds, in turns. */
function showRankings(podium, { members, rounds, round }, rows, now) {
  podium.since ??= now;
  if (podium.members !== members) Object.assign(podium, { members, overall: rankOverall(members, rounds) });
  const isOverall = podium.overall.length && Math.floor((now - podium.since) / TURN_MS) % 2;
  setText(byId("podium-ranking-title"), isOverall ? t("rooms.overall") : t("rooms.round", { number: String(round.number) }));
  showRows(byId("podium-ranking"), isOverall ? podium.overall : rows);
  setHidden(byId("podium-ranking"), rows.length <= 1);
}

function showPlaces(podium, first) {
  const key = JSON.stringify(first);
  if (podium.key === key) return;
  podium.key = key;
  const ranks = Array.from(new Set(first.map(({ rank }) => rank)));
  byId("podium-places").replaceChildren(...ranks.map((rank) => makePlace(rank, first.filter((row) => row.rank === rank),
    ranks.length === 1 ? NAMES_ALONE : NAMES)));
}

/** A place with the names of all who share it; of many the first, and how many more there are. */
function makePlace(rank, rows, most) {
  const names = rows.slice(0, rows.length > most ? most - 1 : most), others = rows.length - names.length;
  const place = make("li", {},
    ...names.map(({ name }) => setName(make("span", { className: "podium-name", dir: "auto" }), name)),
    ...others ? [make("span", { className: "podium-more" }, t("rooms.andMore", { count: others }))] : [],
    make("span", { className: "number" }, number(rows[0].score)), make("span", { className: "podium-step number" }, number(rank)));
  place.dataset.rank = rank;
  return place;
}

async function load(podium, { game, name }) {
  podium.game = game;
  try {
    const record = await readGame(game);
    if (!podium.isClosed) Object.assign(podium, { record, name, playback: openPlayback(record) });
  } catch (problem) {
    if (problem.isTransient) setTimeout(() => { podium.game = null; }, 2000);
  }
}

function play(podium, now) {
  const { playback, record, name } = podium;
  podium.boardView ??= createBoardView(byId("podium-board"));
  if (playOn(playback, now)) podium.playback = openPlayback(record);
  setWords(byId("podium-name"), "rooms.bestGame", { name });
  setText(byId("podium-score"), number(shownScore(playback)));
  draw(podium.boardView, playback, progress(playback), now);
}
