/* The leaderboards: by mode and period, of daily challenges and of challenges on a game, with the player's own standing.
*/

import * as api from "../api.js";
import { byId, make, notice, setHidden, setText, setTitle } from "../lib/dom.js";
import {
  DAILY, DAILY_HIDDEN, modeName, challengeAddress, comparison, dayOf, gameAddress, when,
} from "../lib/format.js";
import { named, number, ordinal, parts, percent, setWords, t } from "../lib/language.js";
import { playerLink, scoreLink, timeElement, toBoards, toDaily } from "../lib/links.js";
import { describe, endsIn, past, step } from "../lib/periods.js";
import { MODES, WALLS } from "../rules.js";
import { openAccount } from "./account.js";

const PAGE = 20; // rows at a time
const MAX_LIMIT = 100; // rows in one response
const BOTS = "bots";
const PERIODS = ["all", "month", "week", "day"]; // and DAILY

// The leaderboard on the page: {mode, period, at, players, game, record}. `at` is a date, or null for the current period;
// `players` is BOTS, or null for people; `game` the id of a challenge's game, or null, and `record` that game
let shown = null;
let known = ""; // the entries on the page as JSON, so that a refresh leaves alone what has not changed

/** Show the leaderboard that the address names; by default the current all-time one of `walls`. */
export function open(query) {
  shown = boardOf(query);
  known = "";
  if (shown.game) clear("table", "more", "me", "note");
  showHead();
  showTabs(shown);
  showPeriod();
  return fill(shown, PAGE);
}

function boardOf({ mode: modeName, period: periodName, at, challenge, players }) {
  const mode = MODES.includes(modeName) ? modeName : WALLS, date = challenge && dayOf(challenge);
  const period = date ? DAILY : !challenge && PERIODS.includes(periodName) ? periodName : "all";
  const from = past(period, challenge === DAILY ? at : date ?? at), game = challenge && !date ? challenge : null;
  return { mode, period, at: from, players: players === BOTS ? BOTS : null, game, record: null };
}

function clear(...parts) {
  for (const part of parts) byId(`boards-${part}`).replaceChildren();
}

/** Fetch the leaderboard and the player's standing; before, the game to beat, which names the leaderboard of a challenge.
The old rows stay until then. */
async function fill(board, limit) {
  byId("boards-pit").setAttribute("aria-busy", "true");
  try {
    if (board.game && !board.record) {
      board.record = await api.game(board.game);
      board.mode = board.record.mode;
      if (shown !== board) return;
      showHead();
      showTimeLeft();
    }
    const [page, me] = await Promise.all([api.leaderboard({ ...inQuery(board), limit }), fetchStanding(board)]);
    if (shown === board) showBoard(board, page, me);
  } catch (problem) {
    if (shown === board) showProblem(board, problem);
  }
}

function inQuery({ mode, period, at, players, game }) {
  const query = game ? { challenge: game } : { mode, ...(period === DAILY ? { challenge: DAILY } : { period }) };
  return { ...query, ...(at && { at }), ...(players && { players }) };
}

/** The player's standing; null for guests and visitors. */
async function fetchStanding(board) {
  if (!api.isPlayer()) return null;
  return api.standing({ players: "people", ...inQuery(board) }).catch((problem) => {
    if (problem.status === 401) return null; // logged out since
    throw problem;
  });
}

function showProblem(board, problem) {
  known = "";
  clear("table", "more", "me");
  const note = byId("boards-note"), { status, code, params, message } = problem;
  if (board.game && !board.record) setText(byId("boards-tagline"), ""); // else it would indent what follows
  if (board.game && status === 404) notice(note, t("boards.noGame"), toBoards());
  else if (code === DAILY_HIDDEN) notice(note, message, toDaily(params.mode));
  else notice(note, message, api.tryAgain(problem, () => fill(board, PAGE)));
  byId("boards-pit").setAttribute("aria-busy", "false");
}

// Which leaderboard

function showHead() {
  const { game, record } = shown, title = byId("boards-title");
  byId("view-boards").classList.toggle("is-challenge", Boolean(game));
  if (!record) setText(title, t(game ? "boards.challenge" : "nav.boards"));
  else setWords(title, isOwnGame(record) ? "boards.ownScore" : "boards.score", scoreOf(record));
  setText(byId("boards-tagline"), !game ? t("boards.tagline")
    : record ? t("boards.sameEggs", { mode: modeName(record.mode) }) : "\u00a0"); // keeps its line
  setHidden(byId("boards-ways"), !record);
  if (!record) return;
  setTitle(title.textContent);
  byId("boards-beat").href = challengeAddress(game);
  byId("boards-watch").href = gameAddress(game);
}

function showTabs(board) {
  for (const row of document.querySelectorAll("#view-boards .switch")) {
    setHidden(row, Boolean(board.game));
    for (const link of row.children) {
      const { mode, period } = link.dataset, isCurrent = mode === board.mode || period === board.period;
      link.href = address(inQuery({ ...board, ...(mode ? { mode } : { period, at: null }) }));
      link.setAttribute("aria-current", isCurrent ? "page" : "false");
    }
  }
  setText(byId("boards-players"), t(board.players ? "boards.people" : "boards.bots"));
  byId("boards-players").href = address(inQuery({ ...board, players: board.players ? null : BOTS }));
}

function address(query) {
  return `#/boards?${new URLSearchParams(query)}`;
}

function scoreOf({ score, username: name }) {
  return { score, name };
}

function isOwnGame(record) {
  return Boolean(record) && record.username === api.session.user?.username;
}

/** The period's name, how long it lasts, and the buttons to the one before and after it. */
function showPeriod() {
  const { period, at: date, players, game } = shown, name = game ? t("boards.thisChallenge") : describe(period, date).name;
  byId("boards-span").textContent = players ? t("boards.periodOfBots", { period: name }) : name;
  byId("boards-steps").hidden = period === "all";
  byId("boards-later").setAttribute("aria-disabled", !date); // rather than disabled: it would lose the focus
  showTimeLeft();
}

function showTimeLeft() {
  const { period, at: date, game, record } = shown, { dates } = describe(period, date);
  const ends = byId("boards-ends");
  if (record) setWords(ends, "boards.toBeat", scoreOf(record));
  else if (game) setText(ends, "\u00a0"); // keeps its line
  else if (period === "all") setText(ends, t("boards.allTime"));
  else setText(ends, date ? dates || t("boards.over") : t("boards.ends", { dates, end: endsIn(period) }));
}

function go(isLater) {
  const { period, at: date } = shown;
  if (isLater && !date) return;
  location.hash = address(inQuery({ ...shown, at: past(period, step(period, date, isLater)) }));
}

// Rows

function showBoard(board, { entries, next }, me) {
  byId("boards-pit").setAttribute("aria-busy", "false");
  byId("boards-me").classList.toggle("is-standing", Boolean(me?.rank));
  byId("boards-me").replaceChildren(...(me?.rank ? rowsAround(board, me) : noStanding(board, me)));
  const found = JSON.stringify([entries, next]);
  if (found === known) return;
  known = found;
  byId("boards-table").replaceChildren(...entries.map(row));
  if (entries.length) announce(t("boards.shown", { count: entries.length }));
  else notice(byId("boards-note"), nobody(board));
  showMore(board, next);
  watchMyRow();
}

function announce(words) {
  byId("boards-note").replaceChildren(make("span", { className: "sr-only" }, words));
}

function nobody({ period, at: date, players, game }) {
  if (players) return t(date ? "boards.noBotThen" : "boards.noBot");
  if (date) return t("boards.nobodyThen");
  return t(game ? "boards.nobodyTried" : `boards.nobody.${period}`);
}

function row({ rank, username, score, timestamp, game, verified, bot }) {
  const isMe = isMine(username);
  const name = make("th", { className: "name", scope: "row" }, playerLink(username),
    ...(isMe ? [make("span", { className: "tag" }, t("tag.you"))] : []),
    ...(bot ? [make("span", { className: "tag outlined" }, t("tag.bot"))] : []),
    ...(verified ? [] : [make("span", { className: "tag unverified" }, t("tag.unverified"))]));
  return make("tr", { className: `${rank <= 3 ? `top top-${rank}` : ""} ${isMe ? "is-me" : ""}` },
    make("td", { className: "rank" }, make("span", {}, number(rank))),
    name,
    make("td", { className: "score" }, scoreLink(score, game, username)),
    make("td", { className: "when" }, timeElement(timestamp)));
}

function isMine(username) {
  return api.isPlayer() && username === api.session.user.username;
}

function showMore(board, next) {
  if (!next) return byId("boards-more").replaceChildren();
  const button = make("button", { type: "button", className: "secondary", onclick: more }, t("boards.more"));
  byId("boards-more").replaceChildren(button);

  async function more() {
    button.disabled = true;
    try {
      const page = await api.leaderboard(next);
      if (shown !== board) return;
      const rows = page.entries.map(row);
      byId("boards-table").append(...rows);
      rows[0]?.querySelector("a").focus({ preventScroll: true }); // where the button was
      announce(t("boards.moreShown", { count: page.entries.length }));
      showMore(board, page.next);
      watchMyRow();
    } catch (problem) {
      notice(byId("boards-note"), problem.message);
      button.disabled = false;
    }
  }
}

// The player's own standing, which stays in sight

function rowsAround({ record }, { rank, of, score, percentile, around }) {
  const better = of > 9 ? t("boards.percentile", { percent: percent(Math.floor(percentile)) }) : "";
  const said = parts("boards.standing", { rank: make("strong", {}, ordinal(rank)), of, score });
  return [
    make("p", { className: "standing" }, ...said, " ", make("span", { className: "percentile" }, better),
      ...(record ? [" ", comparedTo(record, score)] : [])),
    make("ol", { className: "around plain-links" }, ...neighbours(around)),
  ];
}

/** The player's score beside the one to beat. */
function comparedTo(record, score) {
  const text = make("span", {}, ...named(...comparison(score, { ...record, isOwn: isOwnGame(record) })));
  return make("span", { className: "ellipsis-name" }, ...parts("text.sentence", { text }));
}

/** The entries around the player's; where there is little room, only the nearest are shown. */
function neighbours(around) {
  const mine = around.findIndex(({ username }) => isMine(username));
  return around.map(({ rank, username, score, game }, n) => {
    const classes = `${n === mine ? "is-me" : ""} ${Math.abs(n - mine) > 1 ? "is-far" : ""}`;
    return make("li", { className: classes },
      make("span", { className: "rank" }, number(rank)), playerLink(username), scoreLink(score, game, username));
  });
}

function noStanding(board, me) {
  const { mode, period, at: date, players, game } = board;
  const play = make("a", { className: "primary", href: wayToPlay(board) }, t("play.play"));
  if (date) return pastBoard(board);
  if (players) return [make("p", {}, t("boards.forBots")), play];
  if (me && game) return [make("p", {}, t("boards.notTried"))];
  if (me && period === DAILY) return [make("p", {}, t("boards.notTriedDaily")), play];
  if (me) return [make("p", {}, t("boards.notOn", { mode: modeName(mode) })), play];
  const signUp = make("button", { type: "button", onclick: () => openAccount("signup") }, t("account.signUp"));
  const why = t(api.session.user ? "boards.guest" : "boards.visitor");
  return [make("p", {}, why), make("div", { className: "actions" }, ...(game ? [] : [play]), signUp)];
}

/** A past leaderboard leads to the current one; yesterday's challenge can still be played. */
function pastBoard(board) {
  const { period, at: date } = board, isDaily = period === DAILY, current = { ...board, at: null };
  const said = [make("p", {}, t(isDaily ? "boards.challengeOver" : "boards.periodOver")),
    make("a", { href: address(inQuery(current)) }, t(`boards.see.${period}`)),
    make("a", { className: "primary", href: wayToPlay(current) }, t(isDaily ? "play.today" : "play.play"))];
  if (!isDaily || date !== step(DAILY, null, false)) return said;
  return [...said, make("a", { href: wayToPlay(board) }, t("boards.playNotCounted"))];
}

function wayToPlay({ mode, period, at: date, game }) {
  if (game) return challengeAddress(game);
  return period === DAILY ? `${challengeAddress(date ? `${DAILY}/${date}` : DAILY)}&mode=${mode}` : `#/?mode=${mode}`;
}

/** While the player's own row is in view, a standing that would cover the leaderboard is hidden. */
const sight = new IntersectionObserver((seen) => {
  byId("boards-me").classList.toggle("is-in-view", seen.at(-1).isIntersecting);
});

function watchMyRow() {
  sight.disconnect();
  byId("boards-me").classList.remove("is-in-view");
  const mine = byId("boards-table").querySelector(".is-me");
  if (mine) sight.observe(mine);
}

// While the page is open

/** Refresh when the page is shown again. */
function refresh() {
  const section = byId("view-boards");
  if (document.hidden || section.hidden || !shown || (shown.game && !shown.record)) return;
  showPeriod();
  const rows = byId("boards-table").rows.length;
  if (rows <= MAX_LIMIT) fill(shown, Math.max(rows, PAGE));
}

/** Each minute: update the time left, after which another leaderboard is current, and the age of entries. */
function everyMinute() {
  if (document.hidden || byId("view-boards").hidden || !shown) return;
  const before = byId("boards-span").textContent;
  showPeriod();
  if (byId("boards-span").textContent !== before) fill(shown, PAGE);
  for (const time of byId("boards-table").querySelectorAll("time")) time.textContent = when(time.dateTime);
}

byId("boards-earlier").addEventListener("click", () => go(false));
byId("boards-later").addEventListener("click", () => go(true));
document.addEventListener("visibilitychange", refresh);
setInterval(everyMinute, 60_000);
