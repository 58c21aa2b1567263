/* An attempt of the daily challenge as text to share: its score, and a picture of emoji that gives nothing away of the day's
eggs: a snake of one square per egg, brighter the sooner it was eaten, and what the snake ran into. */

import { modeName } from "../lib/format.js";
import { t } from "../lib/language.js";
import { Game, LEFT, SELF, STARVED, WALL, WON } from "../rules.js";

const ROW = 10;
const MAX_SQUARES = 2 * ROW - 2; // beside the head and the end; a longer snake has several eggs to a square
const SQUARES = [[12, "🟩"], [24, "🟨"], [Infinity, "🟫"]]; // by the ticks that an egg took; they differ in brightness, too
const HEAD = "🐍";
const ENDS = { [WALL]: "🧱", [SELF]: "💫", [STARVED]: "💤", [WON]: "🏆", [LEFT]: "👋" };

/** The text: number and mode, the score with what it is worth (a list), and the picture of the game {seed, mode, turns, tick}. */
export function shareWords(number, mode, score, worth, game) {
  const title = t("daily.shareTitle", { number: String(number), mode: modeName(mode) });
  return [title, [t("daily.points", { count: score }), ...worth].join(" · "), ...emojiRows(game)].join("\n");
}

/** The picture: one row, or two. */
export function emojiRows({ seed, mode, turns, tick }) {
  const game = new Game(seed, mode), waits = [];
  for (let at = 1, since = 0; at <= tick && !game.outcome; at++) {
    const { score } = game;
    game.advance(turns, at);
    if (game.score === score) continue;
    waits.push(at - since);
    since = at;
  }
  const each = Math.ceil(waits.length / MAX_SQUARES) || 1, squares = [];
  for (let n = 0; n < waits.length; n += each) squares.push(square(waits.slice(n, n + each)));
  const snake = [...squares, HEAD, ENDS[game.outcome ?? LEFT]];
  return [snake.slice(0, ROW), snake.slice(ROW)].filter((row) => row.length).map((row) => row.join(""));
}

function square(waits) {
  const average = waits.reduce((sum, wait) => sum + wait) / waits.length;
  return SQUARES.find(([most]) => average <= most)[1];
}
