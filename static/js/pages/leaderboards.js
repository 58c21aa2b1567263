/* The boards: who is best, by mode and period, in each day's challenge and in that of a game, and where one stands. */

import { openAccount } from "./account.js";
import * as api from "../api.js";
import { make, notice, playerLink, scoreLink, timeAgo } from "../lib/dom.js";
import { setHidden, setText, setWords } from "../play/hud.js";
import { describe, endsIn, past, step } from "../lib/periods.js";
import { MODES, WALLS } from "../rules.js";
import {
  DAILY, DAILY_HIDDEN, HIDDEN, MODE_NAMES, PERIOD_NAMES, challengeAddress, dayOf, ordinal, when,
} from "../lib/format.js";

const PAGE = 20; // rows at a time
const MOST = 100; // rows that one request answers
const BOTS = "bots";
const NO_GAME = "There is no such challenge. It may be gone with its player's account, or the link may be cut short.";
const TABS = { ...PERIOD_NAMES, [DAILY]: "Daily" };

const at = (id) => document.getElementById(id);

// {mode, period, at, players, game, record} of the board on the page. `at` is a date, or null for the current period;
// `players` is BOTS, or null for people; `game` the id of the one whose challenge it is, or null, and `record` that game
let shown = null;
let known = ""; // the entries on the page as JSON, so that a refresh leaves alone what has not changed

/** Shows the board that the address asks for; one that it can't spell is the current all-time board of `walls`. */
export function open(query) {
  shown = wanted(query);
  known = "";
  showHead();
  showTabs(shown);
  showPeriod();
  return shown.game ? findGame(shown) : fill(shown, PAGE);
}

function wanted({ mode: asked, period: span, at, challenge, players }) {
  const mode = MODES.includes(asked) ? asked : WALLS, date = challenge && dayOf(challenge);
  const period = date ? DAILY : !challenge && span in PERIOD_NAMES ? span : "all";
  const from = past(period, challenge === DAILY ? at : date ?? at), game = challenge && !date ? challenge : null;
  return { mode, period, at: from, players: players === BOTS ? BOTS : null, game, record: null };
}

/** The board of a challenge is called after the game that is to be beaten. */
async function findGame(asked) {
  for (const id of ["boards-table", "boards-more", "boards-me", "boards-note"]) at(id).replaceChildren();
  try {
    asked.record = await api.game(asked.game);
    if (shown !== asked) return;
    asked.mode = asked.record.mode;
    showHead();
    await fill(asked, PAGE);
  } catch (problem) {
    if (problem.status === 404) problem.message = NO_GAME;
    if (problem.code === DAILY_HIDDEN) problem.message = HIDDEN;
    if (shown === asked) showProblem(asked, problem);
  }
}

/** Fetches the board, and one's standing on it. What stood there before stays until then. */
async function fill(asked, limit) {
  at("boards-pit").setAttribute("aria-busy", "true");
  try {
    const [page, me] = await Promise.all([api.board({ ...inQuery(asked), limit }), fetchStanding(asked)]);
    if (shown === asked) showBoard(asked, page, me);
  } catch (problem) {
    if (shown === asked) showProblem(asked, problem);
  }
}

function inQuery({ mode, period, at, players, game }) {
  const board = game ? { challenge: game } : { mode, ...(period === DAILY ? { challenge: DAILY } : { period }) };
  return { ...board, ...(at && { at }), ...(players && { players }) };
}

/** The player's standing; null for one who has none: a guest, or a visitor. */
async function fetchStanding(asked) {
  if (!api.isPlayer()) return null;
  return api.standing({ players: "people", ...inQuery(asked) }).catch((problem) => {
    if (problem.status === 401) return null; // logged out since
    throw problem;
  });
}

function showProblem(asked, problem) {
  known = "";
  at("boards-table").replaceChildren();
  at("boards-more").replaceChildren();
  at("boards-me").replaceChildren();
  const again = () => (asked.game && !asked.record ? findGame(asked) : fill(asked, PAGE));
  notice(at("boards-note"), problem.message, problem.status === 404 ? null : { label: "Try again", act: again });
  at("boards-pit").setAttribute("aria-busy", "false");
}

// Which board

/** The title, and what can be done with a game that is to be beaten. */
function showHead() {
  const { game, record } = shown, isOwn = record && record.username === api.session.user?.username;
  at("view-boards").classList.toggle("is-challenge", Boolean(game));
  if (!game) setText(at("boards-title"), "Boards");
  else if (!record) setText(at("boards-title"), "A challenge");
  else setWords(at("boards-title"), `${isOwn ? "Your" : "@'s"} ${record.score}`, record.username);
  setText(at("boards-tagline"), !game ? "Every score can be watched, turn by turn."
    : record ? `${MODE_NAMES[record.mode]}: all of these played on the same eggs.` : "\u00a0"); // keeps its line
  setHidden(at("boards-ways"), !record);
  if (!record) return;
  document.title = `${at("boards-title").textContent} · Snakepit`;
  at("boards-beat").href = challengeAddress(game);
  at("boards-watch").href = `#/games/${encodeURIComponent(game)}`;
}

function showTabs(board) {
  for (const row of ["boards-modes", "boards-periods"]) setHidden(at(row), Boolean(board.game));
  for (const [mode, name] of Object.entries(MODE_NAMES)) {
    showTab(at("boards-modes"), name, inQuery({ ...board, mode }), mode === board.mode);
  }
  for (const [period, name] of Object.entries(TABS)) {
    showTab(at("boards-periods"), name, inQuery({ ...board, period, at: null }), period === board.period);
  }
  setText(at("boards-players"), board.players ? "People's boards" : "Bots' boards");
  at("boards-players").href = address(inQuery({ ...board, players: board.players ? null : BOTS }));
}

/** The link of that name leads to the board of that query; it stays the same element, or it would lose the focus. */
function showTab(row, name, query, isCurrent) {
  const found = Array.from(row.children).find((link) => link.textContent === name);
  const link = found ?? row.appendChild(make("a", {}, name));
  link.href = address(query);
  link.setAttribute("aria-current", isCurrent ? "page" : "false");
}

function address(query) {
  return `#/boards?${new URLSearchParams(query)}`;
}

/** What the period is called, how long it lasts, and the steps to the one before and after it. */
function showPeriod() {
  const { period, at: date, players, game } = shown, name = game ? "This challenge" : describe(period, date).name;
  at("boards-span").textContent = players ? `${name}, bots` : name;
  at("boards-steps").hidden = period === "all";
  at("boards-later").setAttribute("aria-disabled", !date); // rather than disabled: it would lose the focus
  showTimeLeft();
}

function showTimeLeft() {
  const { period, at: date, game } = shown, { dates } = describe(period, date);
  if (game) at("boards-ends").textContent = "On a board of its own";
  else if (period === "all") at("boards-ends").textContent = "Since the pit was dug";
  else at("boards-ends").textContent = date ? dates || "It is over" : `${dates}, ${endsIn(period)}`;
}

function go(isLater) {
  const { period, at: date } = shown;
  if (isLater && !date) return;
  location.hash = address(inQuery({ ...shown, at: past(period, step(period, date, isLater)) }));
}

// What is on it

function showBoard(asked, { entries, next }, me) {
  at("boards-pit").setAttribute("aria-busy", "false");
  showStanding(asked, me);
  const found = JSON.stringify([entries, next]);
  if (found === known) return;
  known = found;
  at("boards-table").replaceChildren(...entries.map(row));
  if (entries.length) sayToListeners(`${entries.length} players shown.`);
  else notice(at("boards-note"), nobody(asked));
  showMore(asked, next);
  watchMyRow();
}

function sayToListeners(words) {
  at("boards-note").replaceChildren(make("span", { className: "sr-only" }, words));
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
    make("td", { className: "when" }, timeAgo(timestamp, when(timestamp))));
}

function isMine(username) {
  return api.isPlayer() && username === api.session.user.username;
}

function showMore(asked, next) {
  if (!next) return at("boards-more").replaceChildren();
  const button = make("button", { type: "button", className: "quiet", onclick: more }, "More");
  at("boards-more").replaceChildren(button);

  async function more() {
    button.disabled = true;
    try {
      const page = await api.board(next);
      if (shown !== asked) return;
      const rows = page.entries.map(row);
      at("boards-table").append(...rows);
      rows[0]?.querySelector("a").focus({ preventScroll: true }); // where the button was
      sayToListeners(`${page.entries.length} more players shown.`);
      showMore(asked, page.next);
      watchMyRow();
    } catch (problem) {
      notice(at("boards-note"), problem.message);
      button.disabled = false;
    }
  }
}

// One's own standing, which stays in sight

function showStanding(asked, me) {
  const standing = me?.rank ? rowsAround(me) : noStanding(asked, me);
  at("boards-me").classList.toggle("is-standing", Boolean(me?.rank));
  at("boards-me").replaceChildren(...standing);
}

function rowsAround({ rank, of, score, percentile, around }) {
  const better = of > 9 ? ` Better than or equal to ${Math.floor(percentile)} %.` : "";
  return [
    make("p", { className: "standing" }, make("strong", {}, ordinal(rank)), ` of ${of} with ${score}.`,
      make("span", { className: "percentile" }, better)),
    make("ol", { className: "around" }, ...neighbours(around)),
  ];
}

/** The entries around one's own as lines; where there is room for few, the nearest are shown. */
function neighbours(around) {
  const mine = around.findIndex(({ username }) => isMine(username));
  return around.map(({ rank, username, score, game }, n) => {
    const classes = `${n === mine ? "is-me" : ""} ${Math.abs(n - mine) > 1 ? "is-far" : ""}`;
    return make("li", { className: classes },
      make("span", { className: "rank" }, rank), playerLink(username), scoreLink(score, game, `by ${username}`));
  });
}

function noStanding(asked, me) {
  const { mode, period, at: date, players, game } = asked;
  const play = make("a", { className: "loud", href: wayToPlay(asked) }, "Play");
  if (date) return pastBoard(asked);
  if (players) return [make("p", {}, "Here programs play, and people on boards of their own.")];
  if (me && game) return [make("p", {}, "You have not tried yet. The same eggs wait for you.")];
  if (me && period === DAILY) return [make("p", {}, "The day's eggs are the same for all. Your first try counts."), play];
  if (me) return [make("p", {}, `You are not on this board yet. A game of ${MODE_NAMES[mode]} puts you there.`), play];
  const signUp = make("button", { type: "button", onclick: () => openAccount("signup") }, "Sign up");
  const why = api.session.user ? "Guests are on no board. Sign up, and the games you have played count."
    : "No account is needed to play, only to be on the boards.";
  return [make("p", {}, why), make("div", { className: "actions" }, ...(game ? [] : [play]), signUp)];
}

/** Of a board that is over there is only the next; yesterday's challenge can still be played. */
function pastBoard(asked) {
  const { period, at: date } = asked, current = inQuery({ ...asked, at: null });
  const said = [make("p", {}, "This board stands as it ended."),
    make("a", { href: address(current) }, `See ${describe(period, null).name.toLowerCase()}`)];
  if (period !== DAILY || date !== step(DAILY, null, false)) return said;
  return [...said, make("a", { href: wayToPlay(asked) }, "Play it, out of the count")];
}

function wayToPlay({ mode, period, at: date, game }) {
  if (game) return challengeAddress(game);
  return period === DAILY ? `${challengeAddress(date ? `${DAILY}/${date}` : DAILY)}&mode=${mode}` : "#/";
}

/** While one's own row is in view there is no need to repeat it, where the standing would cover the board. */
const sight = new IntersectionObserver((seen) => {
  at("boards-me").classList.toggle("is-in-view", seen.at(-1).isIntersecting);
});

function watchMyRow() {
  sight.disconnect();
  at("boards-me").classList.remove("is-in-view");
  const mine = at("boards-table").querySelector(".is-me");
  if (mine) sight.observe(mine);
}

// While the page is open

/** Whoever comes back to the page sees how the board stands now. */
function refresh() {
  const section = at("view-boards");
  if (document.hidden || section.hidden || !shown || (shown.game && !shown.record)) return;
  showPeriod();
  const rows = at("boards-table").rows.length;
  if (rows <= MOST) fill(shown, Math.max(rows, PAGE));
}

/** Each minute: the time until the reset, after which another board is current, and how long ago things were. */
function passAMinute() {
  if (document.hidden || at("view-boards").hidden || !shown) return;
  const before = at("boards-span").textContent;
  showPeriod();
  if (at("boards-span").textContent !== before) fill(shown, PAGE);
  for (const time of at("boards-table").querySelectorAll("time")) time.textContent = when(time.dateTime);
}

at("boards-earlier").addEventListener("click", () => go(false));
at("boards-later").addEventListener("click", () => go(true));
document.addEventListener("visibilitychange", refresh);
setInterval(passAMinute, 60_000);
