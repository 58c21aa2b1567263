/* The boards: who is best, by mode and period, and where one stands oneself. */

import { open_account } from "./account.js";
import * as api from "./api.js";
import { make, notice, player_link, score_link, time_ago } from "./dom.js";
import { describe, ends_in, past, step } from "./periods.js";
import { MODES, WALLS } from "./rules.js";
import { MODE_NAMES, PERIOD_NAMES, ordinal, when } from "./words.js";

const PAGE = 20; // rows at a time
const MOST = 100; // rows that one request answers

const at = (id) => document.getElementById(id);

let shown = null; // {mode, period, at} of the board on the page; `at` is a date, or null for the current period
let known = ""; // the entries on the page as JSON, so that a refresh leaves alone what has not changed

/** Shows the board that the address asks for; one that it can't spell is the current all-time board of `walls`. */
export function open(query) {
  const mode = MODES.includes(query.mode) ? query.mode : WALLS;
  const period = query.period in PERIOD_NAMES ? query.period : "all";
  shown = { mode, period, at: past(period, query.at) };
  known = "";
  show_tabs(shown);
  show_period();
  return fill(shown, PAGE);
}

/** Fetches the board, and one's standing on it. What stood there before stays until then. */
async function fill(asked, limit) {
  at("boards-pit").setAttribute("aria-busy", "true");
  try {
    const [page, me] = await Promise.all([api.board({ ...in_query(asked), limit }), fetch_standing(asked)]);
    if (shown === asked) show_board(asked, page, me);
  } catch (problem) {
    if (shown === asked) show_problem(asked, problem);
  }
}

function in_query({ mode, period, at }) {
  return { mode, period, ...(at && { at }) };
}

/** The player's standing; null for one who has none: a guest, or a visitor. */
async function fetch_standing(asked) {
  if (!api.is_player()) return null;
  return api.standing(in_query(asked)).catch((problem) => {
    if (problem.status === 401) return null; // logged out since
    throw problem;
  });
}

function show_problem(asked, problem) {
  known = "";
  at("boards-table").replaceChildren();
  at("boards-more").replaceChildren();
  at("boards-me").replaceChildren();
  notice(at("boards-note"), problem.message, { label: "Try again", act: () => fill(asked, PAGE) });
  at("boards-pit").setAttribute("aria-busy", "false");
}

// Which board

function show_tabs({ mode, period, at: date }) {
  for (const [each, name] of Object.entries(MODE_NAMES)) {
    show_tab(at("boards-modes"), name, in_query({ mode: each, period, at: date }), each === mode);
  }
  for (const [each, name] of Object.entries(PERIOD_NAMES)) {
    show_tab(at("boards-periods"), name, { mode, period: each }, each === period);
  }
}

/** The link of that name leads to the board of that query; it stays the same element, or it would lose the focus. */
function show_tab(row, name, query, is_current) {
  const found = Array.from(row.children).find((link) => link.textContent === name);
  const link = found ?? row.appendChild(make("a", {}, name));
  link.href = address(query);
  link.setAttribute("aria-current", is_current ? "page" : "false");
}

function address(query) {
  return `#/boards?${new URLSearchParams(query)}`;
}

/** What the period is called, how long it lasts, and the steps to the one before and after it. */
function show_period() {
  const { period, at: date } = shown;
  at("boards-span").textContent = describe(period, date).name;
  at("boards-steps").hidden = period === "all";
  at("boards-later").setAttribute("aria-disabled", !date); // rather than disabled: it would lose the focus
  show_time_left();
}

function show_time_left() {
  const { period, at: date } = shown, { dates } = describe(period, date);
  if (period === "all") at("boards-ends").textContent = "Since the pit was dug";
  else at("boards-ends").textContent = date ? dates || "It is over" : `${dates}, ${ends_in(period)}`;
}

function go(is_later) {
  const { period, at: date } = shown;
  if (is_later && !date) return;
  location.hash = address(in_query({ ...shown, at: past(period, step(period, date, is_later)) }));
}

// What is on it

function show_board(asked, { entries, next }, me) {
  at("boards-pit").setAttribute("aria-busy", "false");
  show_standing(asked, me);
  const found = JSON.stringify([entries, next]);
  if (found === known) return;
  known = found;
  at("boards-table").replaceChildren(...entries.map(row));
  if (entries.length) say_to_listeners(`${entries.length} players shown.`);
  else notice(at("boards-note"), nobody(asked));
  show_more(asked, next);
  watch_my_row();
}

function say_to_listeners(words) {
  at("boards-note").replaceChildren(make("span", { className: "sr-only" }, words));
}

function nobody({ period, at: date }) {
  if (date) return "Nobody played then.";
  const time = { all: "here", month: "this month", week: "this week", day: "today" }[period];
  return `Nobody has played ${time} yet. Be the first.`;
}

function row({ rank, username, score, timestamp, game, verified }) {
  const is_me = is_mine(username);
  const name = make("th", { className: "name", scope: "row" }, player_link(username),
    ...(is_me ? [make("span", { className: "tag" }, "you")] : []),
    ...(verified ? [] : [make("span", { className: "tag unverified" }, "not verified")]));
  return make("tr", { className: `${rank <= 3 ? `top top-${rank}` : ""} ${is_me ? "is-me" : ""}` },
    make("td", { className: "rank" }, make("span", {}, rank)),
    name,
    make("td", { className: "score" }, score_link(score, game, `by ${username}`)),
    make("td", { className: "when" }, time_ago(timestamp, when(timestamp))));
}

function is_mine(username) {
  return api.is_player() && username === api.session.user.username;
}

function show_more(asked, next) {
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
      say_to_listeners(`${page.entries.length} more players shown.`);
      show_more(asked, page.next);
      watch_my_row();
    } catch (problem) {
      notice(at("boards-note"), problem.message);
      button.disabled = false;
    }
  }
}

// One's own standing, which stays in sight

function show_standing(asked, me) {
  const standing = me?.rank ? rows_around(me) : no_standing(asked, me);
  at("boards-me").classList.toggle("is-standing", Boolean(me?.rank));
  at("boards-me").replaceChildren(...standing);
}

function rows_around({ rank, of, score, percentile, around }) {
  const better = of > 9 ? ` Better than or equal to ${Math.floor(percentile)} %.` : "";
  return [
    make("p", { className: "standing" }, make("strong", {}, ordinal(rank)), ` of ${of} with ${score}.`,
      make("span", { className: "percentile" }, better)),
    make("ol", { className: "around" }, ...neighbours(around)),
  ];
}

/** The entries around one's own as lines; where there is room for few, the nearest are shown. */
function neighbours(around) {
  const mine = around.findIndex(({ username }) => is_mine(username));
  return around.map(({ rank, username, score, game }, n) => {
    const classes = `${n === mine ? "is-me" : ""} ${Math.abs(n - mine) > 1 ? "is-far" : ""}`;
    return make("li", { className: classes },
      make("span", { className: "rank" }, rank), player_link(username), score_link(score, game, `by ${username}`));
  });
}

function no_standing({ mode, period, at: date }, me) {
  const play = make("a", { className: "loud", href: "#/" }, "Play");
  if (date) {
    const current = make("a", { href: address({ mode, period }) }, `See ${describe(period, null).name.toLowerCase()}`);
    return [make("p", {}, "This board stands as it ended."), current];
  }
  if (me) return [make("p", {}, `You are not on this board yet. A game of ${MODE_NAMES[mode]} puts you there.`), play];
  const sign_up = make("button", { type: "button", onclick: () => open_account("signup") }, "Sign up");
  const why = api.session.user ? "Guests are on no board. Sign up, and the games you have played count."
    : "No account is needed to play, only to be on the boards.";
  return [make("p", {}, why), make("div", { className: "actions" }, play, sign_up)];
}

/** While one's own row is in view there is no need to repeat it, where the standing would cover the board. */
const sight = new IntersectionObserver((seen) => {
  at("boards-me").classList.toggle("is-in-view", seen.at(-1).isIntersecting);
});

function watch_my_row() {
  sight.disconnect();
  at("boards-me").classList.remove("is-in-view");
  const mine = at("boards-table").querySelector(".is-me");
  if (mine) sight.observe(mine);
}

// While the page is open

/** Whoever comes back to the page sees how the board stands now. */
function refresh() {
  const section = at("view-boards");
  if (document.hidden || section.hidden || !shown) return;
  show_period();
  const rows = at("boards-table").rows.length;
  if (rows <= MOST) fill(shown, Math.max(rows, PAGE));
}

/** Each minute: the time until the reset, after which another board is current, and how long ago things were. */
function pass_a_minute() {
  if (document.hidden || at("view-boards").hidden || !shown) return;
  const before = at("boards-span").textContent;
  show_period();
  if (at("boards-span").textContent !== before) fill(shown, PAGE);
  for (const time of at("boards-table").querySelectorAll("time")) time.textContent = when(time.dateTime);
}

at("boards-earlier").addEventListener("click", () => go(false));
at("boards-later").addEventListener("click", () => go(true));
document.addEventListener("visibilitychange", refresh);
setInterval(pass_a_minute, 60_000);
