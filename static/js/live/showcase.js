/* What the live page shows while nobody plays: the best recent game, played again and again. */

import { home } from "../api.js";
import { createBoardView, draw } from "../draw/board.js";
import { goTo, openPlayback, play } from "../game/playback.js";
import { OVER, PLAYING, progress } from "../game/state.js";
import { make } from "../lib/dom.js";
import { gameAddress } from "../lib/format.js";
import { number, parts, t } from "../lib/language.js";

const END_MS = 4000; // at the end, before it starts again

/** Invite to play in `element`, and add the replay there once it is loaded. `closeShowcase` ends it. */
export function openShowcase(element) {
  const showcase = { element, playback: null, boardView: null, seenAt: 0, isClosed: false };
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
  showcase.playback = openPlayback(record);
}

export function showShowcase(showcase, now) {
  const { playback, boardView, seenAt } = showcase;
  showcase.seenAt = now;
  if (!playback) return;
  play(playback, Math.min(100, now - seenAt), now); // a hidden page doesn't catch up
  if (playback.phase === OVER && now - playback.overAt > END_MS) {
    goTo(playback, 0, now);
    playback.phase = PLAYING;
  }
  draw(boardView, playback, progress(playback), now);
}
