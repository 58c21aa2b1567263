/* Names, dates, ranks, addresses and problems as the page shows them. */

import { dates, hasText, locale, ordinal, t } from "./language.js";

export const DAILY = "daily"; // today's daily challenge; "daily/2026-11-22" is that of a day

export const DAILY_HIDDEN = "daily_hidden"; // the server's code for a game that can't be shown yet

/** "Pass-through" */
export function modeName(mode) {
  return t(`mode.${mode}`);
}

/** "Hit the wall" */
export function outcomeName(outcome) {
  return t(`outcome.${outcome}`);
}

/** The date of a daily challenge, in UTC as the server counts; null for the challenge of a game. */
export function dayOf(challenge) {
  const [kind, date = day(0)] = challenge.split("/");
  return kind === DAILY ? date : null;
}

const DAY_MS = 86_400_000;
let aheadMs = 0; // how far the server's clock is ahead of the device's, as far as known

export function setClock(serverTime) {
  aheadMs = serverTime - Date.now();
}

/** The server's time in milliseconds. */
export function serverNow() {
  return Date.now() + aheadMs;
}

/** The date in so many days, as the server has it. */
export function day(ahead) {
  return new Date(serverNow() + ahead * DAY_MS).toISOString().slice(0, 10);
}

/** The number of a date's daily challenge. */
export function numberOf(date) {
  return (Date.parse(date) - Date.UTC(2026, 0, 1)) / DAY_MS + 1;
}

/** "Sunday 22 November" of such a date. */
export function longDay(date) {
  return dates({ weekday: "long", day: "numeric", month: "long", timeZone: "UTC" }).format(new Date(date));
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

/** "5 min ago" within a week, "12 Nov" within the year, then "12 Nov 2025". */
export function when(timestamp, now = Date.now()) {
  const date = new Date(timestamp), seconds = (now - date) / 1000;
  if (seconds < 60) return t("time.now");
  if (seconds > 7 * 86400) {
    const isThisYear = date.getFullYear() === new Date(now).getFullYear();
    return dates({ day: "numeric", month: "short", ...!isThisYear && { year: "numeric" } }).format(date);
  }
  const [unit, length] = UNITS.find(([, length]) => seconds >= length);
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
  return relative.format(-Math.floor(seconds / length), unit);
}

/** How a score compares to that of a game to beat: a key and its values. */
export function comparison(score, { score: theirs, username, isOwn }) {
  const values = { name: username, score: theirs, count: Math.abs(score - theirs) };
  if (score < theirs) return [isOwn ? "target.shortOwn" : "target.short", values];
  if (score === theirs) return [isOwn ? "target.equalOwn" : "target.equal", values];
  return [isOwn ? "target.beatenOwn" : "target.beaten", values];
}

/** "3rd on the daily Walls board" of a ranked game. */
export function rankWords({ rank, mode, bot, challenge }) {
  const values = { rank: ordinal(rank), mode: modeName(mode) };
  if (challenge && !dayOf(challenge)) return t("rank.challenge", values);
  if (challenge) return t(bot ? "rank.dailyBots" : "rank.daily", values);
  return t(bot ? "rank.bots" : "rank.board", values);
}

// The server's problems, by their codes and params

/** A problem in words. What has no code of ours, such as a proxy's page, is named by its status. */
export function problemWords({ code, params, errors = [], detail, title }, status) {
  if (code === "invalid" && errors.length) return errors.map(fieldWords).join(" ");
  return words(code, params) ?? detail ?? title ?? t("problem.status", { status: String(status) });
}

/** What is wrong with a field, {field, code, params, message}. */
export function fieldWords({ field, code, params, message }) {
  return words(code, params, params?.reason ?? field) ?? message;
}

/** The text of a code, or of its kind: of a field, or for a reason. */
function words(code, params = {}, kind = params.reason) {
  const key = [`problem.${code}.${kind}`, `problem.${code}`].find(hasText);
  return key && t(key, inWords(code, params));
}

/** The params as the texts take them: modes by their names, and limits of length with their unit. */
function inWords(code, { min, max, unit, mode, choices = [], ...others }) {
  // So many characters have at least so many bytes
  const counted = code === "too_short" && unit === "bytes" ? "characters" : unit;
  const length = unit && hasText(`unit.${counted}`) ? t(`unit.${counted}`, { count: min ?? max }) : min ?? max;
  return { min, max, length, mode: mode && modeName(mode), choices: choices.join(", "), ...others };
}
