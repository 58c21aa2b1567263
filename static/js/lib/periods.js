/* The periods of leaderboards, in UTC, weeks from Monday; a day of the daily challenge is the period `daily`. Dates are
"2026-11-22". */

import { dates as datesOf, t } from "./language.js";

const DAY_MS = 86_400_000;
const DATES = {
  day: { weekday: "short", day: "numeric", month: "long" },
  week: { day: "numeric", month: "long" },
  month: { month: "long", year: "numeric" },
  daily: { weekday: "short", day: "numeric", month: "long" },
};

/** `[from, to]` of the period around a time, in milliseconds; `to` is the start of the next. */
function bounds(period, time) {
  const date = new Date(time), year = date.getUTCFullYear(), month = date.getUTCMonth();
  if (period === "month") return [Date.UTC(year, month), Date.UTC(year, month + 1)];
  const days = period === "week" ? 7 : 1;
  const first = date.getUTCDate() - (period === "week" ? (date.getUTCDay() + 6) % 7 : 0);
  return [Date.UTC(year, month, first), Date.UTC(year, month, first + days)];
}

/** The date if it is valid and its period is over, else null. */
export function past(period, date, now = Date.now()) {
  const isDate = /^\d{4}-\d\d-\d\d$/.test(date) && !Number.isNaN(Date.parse(date));
  return isDate && period !== "all" && Date.parse(date) < bounds(period, now)[0] ? date : null;
}

/** A date in the period before or after that of a date (null: today). */
export function step(period, date, isLater, now = Date.now()) {
  const [from, to] = bounds(period, date ? Date.parse(date) : now);
  return new Date(isLater ? to : from - DAY_MS).toISOString().slice(0, 10);
}

/** The period around a date (null: today): `{name, dates}`, as in "Last week", "9–15 November". */
export function describe(period, date, now = Date.now()) {
  if (period === "all") return { name: t("period.all"), dates: "" };
  const [from, to] = bounds(period, date ? Date.parse(date) : now), [current] = bounds(period, now);
  const isOtherYear = new Date(from).getUTCFullYear() !== new Date(now).getUTCFullYear();
  const options = { ...DATES[period], timeZone: "UTC", ...(isOtherYear && { year: "numeric" }) };
  const dates = datesOf(options).formatRange(from, to - 1);
  if (from === current) return { name: t(`period.${period}`), dates };
  return to === current ? { name: t(`period.last.${period}`), dates } : { name: dates, dates: "" };
}

/** "ends in 3 h 12 min" of the current period. */
export function endsIn(period, now = Date.now()) {
  const minutes = Math.ceil((bounds(period, now)[1] - now) / 60_000);
  const days = Math.floor(minutes / 1440), hours = Math.floor(minutes % 1440 / 60);
  const time = days ? t("time.days", { count: days, hours }) : hours ? t("time.hours", { hours, minutes: minutes % 60 })
    : t("time.minutes", { minutes });
  return t(period === "daily" ? "period.nextIn" : "period.endsIn", { time });
}
