/* What things are called on the page. */

import { LEFT, PASS_THROUGH, SELF, STARVED, WALL, WALLS, WON } from "./rules.js";

export const MODE_NAMES = { [WALLS]: "Walls", [PASS_THROUGH]: "Pass-through" };

export const PERIOD_NAMES = { all: "All time", month: "Month", week: "Week", day: "Today" };

export const OUTCOME_NAMES = {
  [WALL]: "Hit the wall",
  [SELF]: "Bit itself",
  [STARVED]: "Starved",
  [WON]: "Filled the pit!",
  [LEFT]: "Left",
};

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto", style: "short" });
const short_date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const long_date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** A time as people say it: "5 min ago" within a week, "12 Nov" within the year, then "12 Nov 2025". */
export function when(timestamp, now = Date.now()) {
  const date = new Date(timestamp), seconds = (now - date) / 1000;
  if (seconds < 60) return "just now";
  if (seconds > 7 * 86400) {
    return (date.getFullYear() === new Date(now).getFullYear() ? short_date : long_date).format(date);
  }
  const [unit, length] = UNITS.find(([, length]) => seconds >= length);
  return relative.format(-Math.floor(seconds / length), unit);
}

export function ordinal(number) {
  const suffix = { one: "st", two: "nd", few: "rd", other: "th" };
  return `${number}${suffix[ordinals.select(number)]}`;
}

const ordinals = new Intl.PluralRules("en", { type: "ordinal" });
