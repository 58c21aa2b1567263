/* What things are called on the page. */

import { LEFT, PASS_THROUGH, SELF, STARVED, WALL, WALLS, WON } from "../rules.js";

export const MODE_NAMES = { [WALLS]: "Walls", [PASS_THROUGH]: "Pass-through" };

export const PERIOD_NAMES = { all: "All time", month: "Month", week: "Week", day: "Today" };

export const OUTCOME_NAMES = {
  [WALL]: "Hit the wall",
  [SELF]: "Bit itself",
  [STARVED]: "Starved",
  [WON]: "Filled the pit!",
  [LEFT]: "Left",
};

export const DAILY = "daily"; // the name of today's daily challenge; "daily/2026-11-22" is that of a day's

export const DAILY_HIDDEN = "daily_hidden"; // the server's code for a game that is not shown yet
export const HIDDEN = "Until 00:00 UTC, games of the daily challenge are shown to those who have played it.";

/** The date of the daily challenge of that name, in UTC as the server counts; null for the challenge of a game. */
export function dayOf(challenge) {
  const [kind, date = day(0)] = challenge.split("/");
  return kind === DAILY ? date : null;
}

/** The date as the server spells it, in so many days. */
export function day(ahead) {
  return new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
}

/** "Sunday 22 November" of such a date. */
export function longDay(date) {
  return new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" })
    .format(new Date(date));
}

export function challengeAddress(name, mode = null) {
  return `#/?challenge=${encodeURIComponent(name).replace("%2F", "/")}${mode ? `&mode=${mode}` : ""}`;
}

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto", style: "short" });
const shortDate = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const longDate = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** A time as people say it: "5 min ago" within a week, "12 Nov" within the year, then "12 Nov 2025". */
export function when(timestamp, now = Date.now()) {
  const date = new Date(timestamp), seconds = (now - date) / 1000;
  if (seconds < 60) return "just now";
  if (seconds > 7 * 86400) {
    return (date.getFullYear() === new Date(now).getFullYear() ? shortDate : longDate).format(date);
  }
  const [unit, length] = UNITS.find(([, length]) => seconds >= length);
  return relative.format(-Math.floor(seconds / length), unit);
}

export function ordinal(number) {
  const suffix = { one: "st", two: "nd", few: "rd", other: "th" };
  return `${number}${suffix[ordinals.select(number)]}`;
}

const ordinals = new Intl.PluralRules("en", { type: "ordinal" });
