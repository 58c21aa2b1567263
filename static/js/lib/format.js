/* Names, dates, ranks and addresses as the page shows them. */

import { LEFT, PASS_THROUGH, SELF, STARVED, WALL, WALLS, WON } from "../rules.js";
import { ordinal } from "./language.js";

export const MODE_NAMES = { [WALLS]: "Walls", [PASS_THROUGH]: "Pass-through" };

export const OUTCOME_NAMES = {
  [WALL]: "Hit the wall",
  [SELF]: "Bit itself",
  [STARVED]: "Starved",
  [WON]: "Filled the pit!",
  [LEFT]: "Left",
};

export const DAILY = "daily"; // today's daily challenge; "daily/2026-11-22" is that of a day

export const DAILY_HIDDEN = "daily_hidden"; // the server's code for a game that can't be shown yet
export const HIDDEN = "Until 00:00 UTC, games of the daily challenge are shown to those who have played it.";

/** The date of a daily challenge, in UTC as the server counts; null for the challenge of a game. */
export function dayOf(challenge) {
  const [kind, date = day(0)] = challenge.split("/");
  return kind === DAILY ? date : null;
}

/** The date in so many days, as the server spells it. */
export function day(ahead) {
  return new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
}

/** "Sunday 22 November" of such a date. */
export function longDay(date) {
  return new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" })
    .format(new Date(date));
}

/** A game in the client, at a `tick` if given. Without "#/" it is the address to share, a page with a preview. */
export function gameAddress(id, tick = null) {
  return `#/games/${encodeURIComponent(id)}${tick === null ? "" : `?tick=${tick}`}`;
}

export function playerAddress(name) {
  return `#/players/${encodeURIComponent(name)}`;
}

export function challengeAddress(name, mode = null) {
  return `#/?challenge=${encodeURIComponent(name).replace("%2F", "/")}${mode ? `&mode=${mode}` : ""}`;
}

/** The leaderboard of a mode, or of a challenge. */
export function boardAddress(mode, challenge = null) {
  const date = challenge && dayOf(challenge);
  if (date) return `#/boards?challenge=daily&mode=${mode}&at=${date}`;
  return challenge ? `#/boards?challenge=${encodeURIComponent(challenge)}` : `#/boards?mode=${mode}`;
}

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto", style: "short" });
const shortDate = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const longDate = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** "5 min ago" within a week, "12 Nov" within the year, then "12 Nov 2025". */
export function when(timestamp, now = Date.now()) {
  const date = new Date(timestamp), seconds = (now - date) / 1000;
  if (seconds < 60) return "just now";
  if (seconds > 7 * 86400) {
    return (date.getFullYear() === new Date(now).getFullYear() ? shortDate : longDate).format(date);
  }
  const [unit, length] = UNITS.find(([, length]) => seconds >= length);
  return relative.format(-Math.floor(seconds / length), unit);
}

/** How a score compares to that of a game to beat; "@" is for its player's name. */
export function comparison(score, { score: theirs, isOwn }) {
  const whose = isOwn ? "your own" : "@'s";
  if (score < theirs) return `${theirs - score} short of ${whose} ${theirs}`;
  if (score === theirs) return `As good as ${whose} ${theirs}`;
  return `You beat ${isOwn ? `your own ${theirs}` : "@"} by ${score - theirs}`;
}

/** "3rd on the daily Walls board" of a ranked game. */
export function rankWords({ rank, mode, bot, challenge }) {
  if (challenge && !dayOf(challenge)) return `${ordinal(rank)} in the challenge`;
  return `${ordinal(rank)} on the ${bot ? "bots' " : ""}${challenge ? "daily " : ""}${MODE_NAMES[mode]} board`;
}
