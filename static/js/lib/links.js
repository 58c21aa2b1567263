/* Links and times in tables. */

import { make, makeSvg } from "./dom.js";
import { DAILY, challengeAddress, gameAddress, playerAddress, when } from "./format.js";
import { dates, number, t } from "./language.js";

// What a notice offers where there is nothing to show
export const toBoards = () => ({ label: t("go.boards"), href: "#/boards" });
export const toPlay = () => ({ label: t("go.play"), href: "#/" });

/** The same for a game that only those may see who have played today's challenge. */
export function toDaily(mode) {
  const act = () => { location.hash = challengeAddress(DAILY, mode); };
  return { label: t("go.daily"), act };
}

/** A score that links to the replay of its game, by the player `name`; plain where the server has no turns of it (`game`
null). */
export function scoreLink(score, game, name) {
  if (!game) return make("span", { className: "no-replay" }, number(score));
  const sign = makeSvg("svg", { viewBox: "0 0 12 12", class: "play-sign", "aria-hidden": "true" },
    makeSvg("path", { d: "M3 1.5L10.5 6L3 10.5Z" }));
  const link = make("a", { href: gameAddress(game) }, number(score), sign);
  link.setAttribute("aria-label", t("game.watch", { score, name }));
  return link;
}

export function playerLink(name) {
  return make("a", { href: playerAddress(name), dir: "auto" }, name);
}

export function timeElement(timestamp) {
  const title = dates({ dateStyle: "medium", timeStyle: "short" }).format(new Date(timestamp));
  return make("time", { dateTime: timestamp, title }, when(timestamp));
}
