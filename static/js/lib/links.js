/* Links and times in tables. */

import { make, makeSvg } from "./dom.js";
import { DAILY, challengeAddress, gameAddress, playerAddress, when } from "./format.js";

// What a notice offers where there is nothing to show
export const TO_BOARDS = { label: "See the boards", href: "#/boards" };
export const TO_PLAY = { label: "Play a game", href: "#/" };

/** The same for a game that only those may see who have played today's challenge. */
export function toDaily(mode) {
  const act = () => { location.hash = challengeAddress(DAILY, mode); };
  return { label: "Play today's challenge", act };
}

/** A score that links to the replay of its game; plain where the server has no turns of it (`game` null). */
export function scoreLink(score, game, whose) {
  if (!game) return make("span", { className: "no-replay" }, score);
  const sign = makeSvg("svg", { viewBox: "0 0 12 12", class: "play-sign", "aria-hidden": "true" },
    makeSvg("path", { d: "M3 1.5L10.5 6L3 10.5Z" }));
  const link = make("a", { href: gameAddress(game) }, score, sign);
  link.setAttribute("aria-label", `Watch ${score} ${whose}`);
  return link;
}

export function playerLink(name) {
  return make("a", { href: playerAddress(name), dir: "auto" }, name);
}

export function timeElement(timestamp) {
  return make("time", { dateTime: timestamp, title: new Date(timestamp).toLocaleString() }, when(timestamp));
}
