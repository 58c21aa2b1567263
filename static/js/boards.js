/* The boards: who is best, by mode and period, and where one stands oneself. */

import * as api from "./api.js";
import { make, notice } from "./dom.js";
import { MODES, WALLS } from "./rules.js";
import { MODE_NAMES, PERIOD_NAMES, ordinal, when } from "./words.js";

const PAGE = 20; // rows at a time

const at = (id) => document.getElementById(id);

let shown = null; // {mode, period} of the board on the page

/** Shows the board that the address asks for; one that it can't spell is the all-time board of `walls`. */
export async function open({ mode, period }) {
  const asked = shown = {
    mode: MODES.includes(mode) ? mode : WALLS,
    period: period in PERIOD_NAMES ? period : "all",
  };
  show_tabs(asked);
  at("boards-table").replaceChildren();
  at("boards-more").replaceChildren();
  at("boards-me").replaceChildren();
  notice(at("boards-note"), "Loading…");
  try {
    const [page, me] = await Promise.all([api.board({ ...asked, limit: PAGE }), fetch_standing(asked)]);
    if (shown === asked) show_board(asked, page, me);
  } catch (problem) {
    if (shown === asked) notice(at("boards-note"), problem.message, { label: "Try again", act: () => open(asked) });
  }
}

/** The player's standing, or null for one who has none: a guest, or a visitor. */
async function fetch_standing({ mode, period }) {
  if (!api.is_player()) return null;
  const standing = await api.my_rank(mode, period).catch((problem) => {
    if (problem.status === 401) return null; // logged out since
    throw problem;
  });
  return standing?.rank ? standing : null;
}

function show_tabs({ mode, period }) {
  for (const [each, name] of Object.entries(MODE_NAMES)) {
    show_tab(at("boards-modes"), name, { mode: each, period }, each === mode);
  }
  for (const [each, name] of Object.entries(PERIOD_NAMES)) {
    show_tab(at("boards-periods"), name, { mode, period: each }, each === period);
  }
}

/** The link of that name leads to the board of that query; it stays the same element, or it would lose the focus. */
function show_tab(row, name, query, is_current) {
  const found = Array.from(row.children).find((link) => link.textContent === name);
  const link = found ?? row.appendChild(make("a", {}, name));
  link.href = `#/boards?${new URLSearchParams(query)}`;
  link.setAttribute("aria-current", is_current ? "page" : "false");
}

function show_board(asked, { entries, next }, me) {
  notice(at("boards-note"), entries.length ? "" : nobody(asked));
  at("boards-table").append(...entries.map(row));
  show_standing(me, entries);
  show_more(asked, next, me);
}

function nobody({ period }) {
  const time = { all: "Nobody has played here yet", month: "Nobody has played this month yet" };
  return `${time[period] ?? `Nobody has played ${period === "day" ? "today" : "this week"} yet`}. Be the first.`;
}

function row({ rank, username, score, timestamp, verified }) {
  const is_me = api.is_player() && username === api.session.user.username;
  return make("tr", is_me ? { className: "is-me" } : {},
    make("td", { className: "rank" }, rank),
    make("td", { className: "name" },
      make("a", { href: `#/players/${encodeURIComponent(username)}`, dir: "auto" }, username),
      ...(is_me ? [make("span", { className: "you" }, "you")] : []),
      ...(verified ? [] : [make("span", { className: "unverified" }, "not verified")])),
    make("td", { className: "score" }, score),
    make("td", { className: "when" },
      make("time", { dateTime: timestamp, title: new Date(timestamp).toLocaleString() }, when(timestamp))));
}

/** One's rank in a line, and the rows around it while they are not on the page. */
function show_standing(me, entries) {
  if (!me) return;
  const { rank, of, score, percentile } = me;
  const line = `You are ${ordinal(rank)} of ${of} with ${score}`;
  at("boards-me").replaceChildren(
    make("p", {}, of > 9 ? `${line}: as good as or better than ${Math.floor(percentile)} % of all.` : `${line}.`));
  if (entries.some(({ username }) => username === api.session.user?.username)) return;
  at("boards-me").append(make("table", { className: "rows" }, make("tbody", {}, ...me.around.map(row))));
}

function show_more(asked, next, me) {
  if (!next) return at("boards-more").replaceChildren();
  const button = make("button", { type: "button", className: "quiet", onclick: more }, "More");
  at("boards-more").replaceChildren(button);

  async function more() {
    button.disabled = true;
    try {
      const page = await api.board(next);
      if (shown !== asked) return;
      at("boards-table").append(...page.entries.map(row));
      if (page.entries.some(({ username }) => username === api.session.user?.username)) show_standing(me, page.entries);
      show_more(asked, page.next, me);
    } catch (problem) {
      notice(at("boards-note"), problem.message);
      button.disabled = false;
    }
  }
}
