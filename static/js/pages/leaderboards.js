/* The leaderboards: by mode and period, of daily challenges and of challenges on a game, with the player's own standing.
*/

import * as api from "../api.js";
import { byId, make, notice, setHidden, setText, setTitle, setWords } from "../lib/dom.js";
import {
  DAILY, DAILY_HIDDEN, HIDDEN, MODE_NAMES, challengeAddress, comparison, dayOf, gameAddress, when,
} from "../lib/format.js";
import { ordinal } from "../lib/language.js";
import { TO_BOARDS, playerLink, scoreLink, timeElement, toDaily } from "../lib/links.js";
import { describe, endsIn, past, step } from "../lib/periods.js";
import { MODES, WALLS } from "../rules.js";
import { openAccount } from "./account.js";

const PAGE = 20; // rows at a time
const MAX_LIMIT = 100; // rows in one response
const BOTS = "bots";
const PERIODS = ["all", "month", "week", "day"]; // and DAILY
const NO_GAME = "There is no such challenge. It may be gone with its player's account, or the link may be cut short.";

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
  if (board.game && status === 404) notice(note, NO_GAME, TO_BOARDS);
  else if (code === DAILY_HIDDEN) notice(note, HIDDEN, toDaily(params.mode));
  else notice(note, message, api.tryAgain(problem, () => fill(board, PAGE)));
  byId("boards-pit").setAttribute("aria-busy", "false");
}

// Which leaderboard

function showHead() {
  const { game, record } = shown, isOwn = isOwnGame(record);
  byId("view-boards").classList.toggle("is-challenge", Boolean(game));
  if (!game) setText(byId("boards-title"), "Boards");
  else if (!record) setText(byId("boards-title"), "A challenge");
  else setWords(byId("boards-title"), `${isOwn ? "Your" : "@'s"} ${record.score}`, record.username);
  setText(byId("boards-tagline"), !game ? "Every score can be watched, turn by turn."
    : record ? `${MODE_NAMES[record.mode]}: everybody here played with the same eggs.` : "\u00a0"); // keeps its line
  setHidden(byId("boards-ways"), !record);
  if (!record) return;
  setTitle(byId("boards-title").textContent);
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
  setText(byId("boards-players"), board.players ? "People's boards" : "Bots' boards");
  byId("boards-players").href = address(inQuery({ ...board, players: board.players ? null : BOTS }));
}

function address(query) {
  return `#/boards?${new URLSearchParams(query)}`;
}

function isOwnGame(record) {
  return Boolean(record) && record.username === api.session.user?.username;
}

/** The period's name, how long it lasts, and the buttons to the one before and after it. */
function showPeriod() {
  const { period, at: date, players, game } = shown, name = game ? "This challenge" : describe(period, date).name;
  byId("boards-span").textContent = players ? `${name}, bots` : name;
  byId("boards-steps").hidden = period === "all";
  byId("boards-later").setAttribute("aria-disabled", !date); // rather than disabled: it would lose the focus
  showTimeLeft();
}

function showTimeLeft() {
  const { period, at: date, game, record } = shown, { dates } = describe(period, date);
  if (game) setWords(byId("boards-ends"), record ? `Score to beat: ${record.score} by @` : "\u00a0", record?.username);
  else if (period === "all") byId("boards-ends").textContent = "Since the first game";
  else byId("boards-ends").textContent = date ? dates || "It is over" : `${dates}, ${endsIn(period)}`;
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
  if (entries.length) announce(`${entries.length} players shown.`);
  else notice(byId("boards-note"), nobody(board));
  showMore(board, next);
  watchMyRow();
}

function announce(words) {
  byId("boards-note").replaceChildren(make("span", { className: "sr-only" }, words));
}

function nobody({ period, at: date, players, game }) {
  if (players) return date ? "No bot played then." : "No bot has played here yet.";
  if (date) return "Nobody played then.";
  if (game) return "Nobody has tried yet. Be the first.";
  const time = { all: "here", month: "this month", week: "this week", day: "today", daily: "it" }[period];
  return `Nobody has played ${time} yet. Be the first.`;
}

function row({ rank, username, score, timestamp, game, verified, bot }) {
  const isMe = isMine(username);
  const name = make("th", { className: "name", scope: "row" }, playerLink(username),
    ...(isMe ? [make("span", { className: "tag" }, "you")] : []),
    ...(bot ? [make("span", { className: "tag outlined" }, "bot")] : []),
    ...(verified ? [] : [make("span", { className: "tag unverified" }, "not verified")]));
  return make("tr", { className: `${rank <= 3 ? `top top-${rank}` : ""} ${isMe ? "is-me" : ""}` },
    make("td", { className: "rank" }, make("span", {}, rank)),
    name,
    make("td", { className: "score" }, scoreLink(score, game, `by ${username}`)),
    make("td", { className: "when" }, timeElement(timestamp)));
}

function isMine(username) {
  return api.isPlayer() && username === api.session.user.username;
}

function showMore(board, next) {
  if (!next) return byId("boards-more").replaceChildren();
  const button = make("button", { type: "button", className: "secondary", onclick: more }, "More");
  byId("boards-more").replaceChildren(button);

  async function more() {
    button.disabled = true;
    try {
      const page = await api.leaderboard(next);
      if (shown !== board) return;
      const rows = page.entries.map(row);
      byId("boards-table").append(...rows);
      rows[0]?.querySelector("a").focus({ preventScroll: true }); // where the button was
      announce(`${page.entries.length} more players shown.`);
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
  const better = of > 9 ? ` Better than or equal to ${Math.floor(percentile)} %.` : "";
  return [
    make("p", { className: "standing" }, make("strong", {}, ordinal(rank)), ` of ${of} with ${score}.`,
      make("span", { className: "percentile" }, better), ...(record ? [comparedTo(record, score)] : [])),
    make("ol", { className: "around plain-links" }, ...neighbours(around)),
  ];
}

/** The player's score beside the one to beat. */
function comparedTo(record, score) {
  const span = make("span", { className: "ellipsis-name" });
  setWords(span, ` ${comparison(score, { score: record.score, isOwn: isOwnGame(record) })}.`, record.username);
  return span;
}

/** The entries around the player's; where there is little room, only the nearest are shown. */
function neighbours(around) {
  const mine = around.findIndex(({ username }) => isMine(username));
  return around.map(({ rank, username, score, game }, n) => {
    const classes = `${n === mine ? "is-me" : ""} ${Math.abs(n - mine) > 1 ? "is-far" : ""}`;
    return make("li", { className: classes },
      make("span", { className: "rank" }, rank), playerLink(username), scoreLink(score, game, `by ${username}`));
  });
}

function noStanding(board, me) {
  const { mode, period, at: date, players, game } = board;
  const play = make("a", { className: "primary", href: wayToPlay(board) }, "Play");
  if (date) return pastBoard(board);
  if (players) return [make("p", {}, "This board is for bots. People have boards of their own."), play];
  if (me && game) return [make("p", {}, "You have not tried yet. You get the same eggs.")];
  if (me && period === DAILY) return [make("p", {}, "The day's eggs are the same for all. Your first try counts."), play];
  if (me) return [make("p", {}, `You are not on this board yet. A game of ${MODE_NAMES[mode]} puts you there.`), play];
  const signUp = make("button", { type: "button", onclick: () => openAccount("signup") }, "Sign up");
  const why = api.session.user ? "Guests are on no board. Sign up, and the games you have played count."
    : "No account is needed to play, only to be on the boards.";
  return [make("p", {}, why), make("div", { className: "actions" }, ...(game ? [] : [play]), signUp)];
}

/** A past leaderboard leads to the current one; yesterday's challenge can still be played. */
function pastBoard(board) {
  const { period, at: date } = board, isDaily = period === DAILY, current = { ...board, at: null };
  const said = [make("p", {}, isDaily ? "This challenge is over." : "This period is over."),
    make("a", { href: address(inQuery(current)) }, `See ${describe(period, null).name.toLowerCase()}`),
    make("a", { className: "primary", href: wayToPlay(current) }, isDaily ? "Play today's" : "Play")];
  if (!isDaily || date !== step(DAILY, null, false)) return said;
  return [...said, make("a", { href: wayToPlay(board) }, "Play it, not counted")];
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
