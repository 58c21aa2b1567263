/* What there is to see while nobody plays: the best game of the day, or of as long as it takes to find one, played again
and again. */

import { home } from "../api.js";
import { make } from "../lib/dom.js";
import { goTo, openPlayback, play, progress } from "../game/playback.js";
import { draw, openPit } from "../draw/board.js";
import { OVER, PLAYING } from "../game/state.js";

const CALLED = { day: "Today's best", week: "This week's best", month: "This month's best", all: "The best so far" };
const RESTS_MS = 4000; // at the end, before it begins again

/** Invites to play in `element`, and adds the replay there once it is found. `closeShowcase` ends it. */
export function openShowcase(element) {
  const showcase = { element, playback: null, pit: null, seenAt: 0, isClosed: false };
  element.replaceChildren(make("div", { className: "live-offer" },
    make("h2", {}, "The pit is yours"), make("a", { className: "loud", href: "#/" }, "Play")));
  findBest().then((best) => best && !showcase.isClosed && begin(showcase, best), () => {}); // without it goes as well
  return showcase;
}

export function closeShowcase(showcase) {
  showcase.isClosed = true;
  showcase.pit?.close();
  showcase.element.replaceChildren();
}

/** The server's record of the best game that can be shown, with its `period`; null if there is none. */
async function findBest() {
  return (await home()).best_game;
}

function begin(showcase, record) {
  const canvas = make("canvas");
  canvas.setAttribute("aria-hidden", "true");
  showcase.element.append(make("a", { className: "live-best", href: `#/games/${encodeURIComponent(record.id)}` },
    make("span", { className: "live-board" }, canvas),
    make("span", {}, `${CALLED[record.period]}: `, make("strong", {}, record.score), " by ",
      make("bdi", {}, record.username))));
  showcase.pit = openPit(canvas);
  showcase.playback = openPlayback(record);
}

/** Lets the time up to `now` pass. */
export function showShowcase(showcase, now) {
  const { playback, pit, seenAt } = showcase;
  showcase.seenAt = now;
  if (!playback) return;
  play(playback, Math.min(100, now - seenAt), now); // it waits while nobody looks
  if (playback.phase === OVER && now - playback.overAt > RESTS_MS) {
    goTo(playback, 0, now);
    playback.phase = PLAYING;
  }
  draw(pit, playback, progress(playback), now);
}
