/* The server's API: a function for each call, and the session that they use. The calls of accounts are in pages/account-calls.js.

Each call returns the parsed JSON or throws a Problem. Addresses are relative: Snakepit may live below a path. */

import { REACHED, SESSION, emit } from "./lib/dom.js";
import { problemWords } from "./lib/format.js";
import { t } from "./lib/language.js";
import { load, onChange, remove, save } from "./storage.js";

const TIMEOUT_MS = 5000;
const BACKOFF_MS = [500, 1000, 2000, 4000, 5000];
const NO_SERVER = [502, 504]; // what proxies respond with
const RETRY_MS = 8000; // before a view that has no content asks for it again

/** Who is playing: `token` and `user` ({id, username, email, guest}), both null for a visitor. */
export const session = load("session", { token: null, user: null });

/** Whether the last call has reached the server. */
export let isReached = true;

export function isPlayer() {
  return Boolean(session.user && !session.user.guest);
}

/** An RFC 9457 problem: `status` (0 without a response), `code` with its `params` for programs, `errors` by field,
`retryAfter` in seconds, and the whole `body`. */
class Problem extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super();
    const { code = null, params = {}, errors = [] } = body;
    Object.assign(this, { status, code, params, errors, body, retryAfter });
  }

  /** For people, in the language of the page. */
  get message() {
    return problemWords(this.body, this.status);
  }

  /** Whether the same call may succeed later. */
  get isTransient() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Milliseconds to wait before the next try after so many failures in a row. */
export function retryDelayMs(failures, { retryAfter } = {}) {
  return Math.max(BACKOFF_MS[Math.min(failures, BACKOFF_MS.length) - 1], (retryAfter ?? 0) * 1000);
}

/** For a notice about a problem: a button to try again, which also does so by itself if that may help. */
export function tryAgain(problem, act) {
  const retryMs = Math.max(RETRY_MS, (problem.retryAfter ?? 0) * 1000);
  return { label: t("notice.tryAgain"), act, retryMs: problem.isTransient && retryMs };
}

export async function call(method, path, body, options = {}) {
  return (await request(method, path, body, options)).data;
}

/** One request: `{data, headers}`; after 304 `data` is null. `options.read` may read a response that is no JSON. */
export async function request(method, path, body, options = {}) {
  const token = session.token;
  const response = await send(method, path, body, token, options);
  const data = await (response.ok && options.read?.(response) || parse(response));
  if (response.ok || response.status === 304) return { data, headers: response.headers };
  const isDead = response.status === 401 && data?.code === "token_invalid"; // and not a proxy's 401
  if (isDead && token && token === session.token && !options.keepsSession) endSession();
  throw new Problem(response.status, data ?? {}, Number(response.headers.get("Retry-After")) || null);
}

async function send(method, path, body, token, options) {
  const headers = {};
  if (token) headers["X-Snakepit-Token"] = token; // a proxy that asks for a password needs Authorization
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (options.accept) headers.Accept = options.accept;
  const signal = options.signal ?? AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  try {
    const response = await fetch(`api/${path}`, {
      method, headers, signal, cache: options.cache, body: JSON.stringify(body), keepalive: Boolean(options.keepalive),
    });
    setReached(!NO_SERVER.includes(response.status));
    return response;
  } catch {
    setReached(false);
    throw new Problem(0, { code: "unreachable" });
  }
}

function setReached(isNow) {
  isReached = isNow;
  emit(REACHED);
}

async function parse(response) {
  const text = await response.text().catch(() => {
    throw new Problem(0, { code: "cut_off" });
  });
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null; // a proxy's page: the status has to do
  }
}

// The session

export function beginSession({ token, user }) {
  setSession({ token, user });
  save("session", session);
  return user;
}

export function endSession() {
  setSession({ token: null, user: null });
  remove("session");
}

function setSession({ token, user }) {
  const before = JSON.stringify(session);
  Object.assign(session, { token, user });
  if (JSON.stringify(session) !== before) emit(SESSION);
}

onChange("session", () => setSession(load("session", { token: null, user: null }))); // another tab has logged in or out

export const guest = async () => beginSession(await call("POST", "auth/guest"));

/** Fetch the user of the saved token; a dead token ends the session. */
export async function refreshSession() {
  const token = session.token;
  const user = await call("GET", "auth/me");
  if (token === session.token) beginSession({ token, user });
}

// Games

/** A game on a new seed, or the `challenge` of that name: "daily", "daily/DATE", or the id of a game. `ends` is the id of
the player's open game that it may end. */
export const openGame = (mode, challenge, ends) => call("POST", "games", { mode, challenge, ends });
export const leaveGame = (id) => call("DELETE", `games/${encodeURIComponent(id)}`);

/** A game with all of its turns; the server sends them in pages. */
export async function game(id) {
  const path = `games/${encodeURIComponent(id)}`;
  const { continue_since, ...game } = await call("GET", path);
  for (let since = continue_since; since !== undefined;) {
    const { continue_since, turns, ...latest } = await call("GET", `${path}?${new URLSearchParams({ since })}`);
    Object.assign(game, latest, { turns: game.turns.concat(turns) }); // it may have gone on meanwhile
    since = continue_since;
  }
  return game;
}

/** A game without its turns: those after the tick with which the longest possible game ends. */
export const gameSummary = (id) => call("GET", `games/${encodeURIComponent(id)}?since=320000`);

/** `batch` is {since, tick, turns}; `keepalive` lets the post outlive the page. */
export const postTurns = (id, batch, options) =>
  call("POST", `games/${encodeURIComponent(id)}/turns`, batch, options);

// Leaderboards and players

/** A page of a leaderboard: `{entries, next}`, where `next` is the query of the following page, or null. */
export async function leaderboard(query) {
  const { data, headers } = await request("GET", `leaderboard?${new URLSearchParams(query)}`);
  const next = /<[^>]*\?([^>]*)>\s*;\s*rel="?next"?/.exec(headers.get("Link") ?? "");
  return { entries: data, next: next && Object.fromEntries(new URLSearchParams(next[1])) };
}

/** The player's standing on the leaderboard of a query {mode, period, at, challenge, players}. */
export const standing = (query) => call("GET", `leaderboard/me?${new URLSearchParams(query)}`);

/** The same on the leaderboard for ranks of games: the mode's all-time one, or the challenge's. */
export const myRank = (mode, challenge = null) => standing({ mode, ...(challenge && { challenge }) });

/** `{rank, next}`: the rank of a score on that leaderboard, and somebody else's entry just ahead. */
export const nextRank = (mode, score, challenge = null) =>
  call("GET", `leaderboard/next?${new URLSearchParams({ mode, score, ...(challenge && { challenge }) })}`);

/** Today's daily challenge of a mode, with the server's time in milliseconds. */
export async function daily(mode) {
  const { data, headers } = await request("GET", `daily?${new URLSearchParams({ mode })}`);
  return { ...data, serverTime: 1000 * headers.get("Server-Time") };
}

/** `{live, top, daily, best_game}` for the start screen. */
export const home = () => call("GET", "home");

export const player = (name) => call("GET", `players/${encodeURIComponent(name)}`);
