/* What the live page shows while nobody plays: the best recent game, played again and again. */

import { home } from "../api.js";
import { createBoardView, draw } from "../draw/board.js";
import { openPlayback, playOn } from "../game/playback.js";
import { progress } from "../game/state.js";
import { make } from "../lib/dom.js";
import { gameAddress } from "../lib/format.js";
import { number, parts, t } from "../lib/language.js";

/** Invite to play in `element`, and add the replay there once it is loaded. `closeShowcase` ends it. */
export function openShowcase(element) {
  const showcase = { element, record: null, playback: null, boardView: null, isClosed: false };
  element.replaceChildren(make("div", { className: "live-offer" },
    make("h2", {}, t("live.empty")), make("a", { className: "primary", href: "#/" }, t("play.play"))));
  home().then(({ best_game: best }) => best && !showcase.isClosed && begin(showcase, best), () => {}); // optional
  return showcase;
}

export function closeShowcase(showcase) {
  showcase.isClosed = true;
  showcase.boardView?.close();
  showcase.element.replaceChildren();
}

function begin(showcase, record) {
  const canvas = make("canvas");
  canvas.setAttribute("aria-hidden", "true");
  showcase.element.append(make("a", { className: "live-best", href: gameAddress(record.id) },
    make("span", { className: "live-board" }, canvas),
    make("span", {}, ...parts(`live.best.${record.period}`, {
      score: make("strong", {}, number(record.score)), name: make("bdi", {}, record.username),
    }))));
  showcase.boardView = createBoardView(canvas);
  Object.assign(showcase, { record, playback: openPlayback(record) });
}

export function showShowcase(showcase, now) {
  const { record, playback, boardView } = showcase;
  if (!playback) return;
  if (playOn(playback, now)) showcase.playback = openPlayback(record);
  draw(boardView, playback, progress(playback), now);
}
