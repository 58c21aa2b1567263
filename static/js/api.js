/* The server, as the rest of the client sees it: one function for each call, and the session that they speak for.

Every call answers the parsed JSON or throws a Problem. Addresses are relative: Snakepit may live below a path. */

import { forget, keep, recall } from "./storage.js";

const TIMEOUT_MS = 5000;
const HASHING_TIMEOUT_MS = 60_000; // of calls for which a password is hashed, which many may wait for at once
const BUSY_FOR_MS = 120_000; // for which such a call is made again

/** Who is playing: `token` and `user` ({id, username, email, guest}), both null for a visitor without a game so far. */
export const session = recall("session", { token: null, user: null });

const listeners = new Set();

/** Calls back with the session whenever somebody else, or nobody, is signed in. Answers its unbind. */
export function onSession(callback) {
  listeners.add(callback);
  return () => listeners.delete(callback);
}

export function isPlayer() {
  return Boolean(session.user && !session.user.guest);
}

/** What went wrong, as RFC 9457 has it: `status` (0 where no answer came), `code` with its `params` for programs, `detail`
for people, `errors` by field, `retryAfter` in seconds, and the whole `body`. */
export class Problem extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super(body.detail || body.title || `The server answered ${status}.`);
    const { code = null, params = {}, errors = [] } = body;
    Object.assign(this, { status, code, params, errors, body, retryAfter, detail: this.message });
  }

  /** Trouble on the way or at the server, which passes: the same call may well succeed later. */
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

async function call(method, path, body, options = {}) {
  const { answer } = await exchange(method, path, body, options);
  return answer;
}

const busyListeners = new Set();

/** Calls back with the seconds until a call is made again for which too many wait at the server. Answers its unbind. */
export function onBusy(callback) {
  busyListeners.add(callback);
  return () => busyListeners.delete(callback);
}

/** A call for which a password is hashed: while too many wait for that, it is made again after the time that the server says. */
async function callInTurn(method, path, body, options = {}) {
  const until = Date.now() + BUSY_FOR_MS;
  for (;;) {
    try {
      return await call(method, path, body, { ...options, timeoutMs: HASHING_TIMEOUT_MS });
    } catch (problem) {
      const seconds = problem.retryAfter ?? 1;
      if (problem.code !== "busy" || Date.now() + seconds * 1000 > until) throw problem;
      for (const listener of busyListeners) listener(seconds);
      await new Promise((resolve) => setTimeout(resolve, (seconds + Math.random()) * 1000)); // not all at the same moment
    }
  }
}

/** One request: `{answer, headers}`. */
async function exchange(method, path, body, options = {}) {
  const token = session.token;
  const response = await reach(method, path, body, token, options);
  const answer = await read(response);
  if (response.ok) return { answer, headers: response.headers };
  const isDead = response.status === 401 && answer?.code === "token_invalid"; // and no proxy's 401
  if (isDead && token && token === session.token && !options.keepsSession) endSession();
  throw new Problem(response.status, answer ?? {}, Number(response.headers.get("Retry-After")) || null);
}

async function reach(method, path, body, token, options) {
  const headers = {};
  if (token) headers["X-Snakepit-Token"] = token; // Authorization is left to the browser, for a proxy that asks for a password
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const signal = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  try {
    return await fetch(`api/${path}`, {
      method, headers, signal, body: JSON.stringify(body), keepalive: Boolean(options.keepalive),
    });
  } catch {
    throw new Problem(0, { detail: "The server can't be reached. Check the connection and try again." });
  }
}

async function read(response) {
  const text = await response.text().catch(() => {
    throw new Problem(0, { detail: "The server's answer was cut off. Try again." });
  });
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null; // a proxy's page rather than the server's answer: the status says what there is to say
  }
}

// The session

function beginSession({ token, user }) {
  setSession({ token, user });
  keep("session", session);
  return user;
}

function endSession() {
  setSession({ token: null, user: null });
  forget("session");
}

function setSession({ token, user }) {
  Object.assign(session, { token, user });
  for (const listener of listeners) listener(session);
}

window.addEventListener("storage", ({ key }) => { // another tab has logged in or out: this browser is one person
  if (key === "snakepit.session") setSession(recall("session", { token: null, user: null }));
});

export const guest = async () => beginSession(await call("POST", "auth/guest"));

/** Makes an account of the guest's games, or a new one where the server has forgotten the guest. */
export async function signUp(account) {
  const post = () => callInTurn("POST", "auth/signup", account);
  return beginSession(await post().catch((problem) => {
    if (problem.status !== 401) throw problem;
    return post(); // the dead token is dropped by now
  }));
}

/** A wrong password is no reason to drop the session that one has: this 401 is not about the token. */
export const logIn = async (account) =>
  beginSession(await callInTurn("POST", "auth/login", account, { keepsSession: true }));

/** Gives another password by the token of a link, which is one's session from then on; `keepsSession` as above. */
export const resetPassword = async (token, password) =>
  beginSession(await callInTurn("POST", "auth/reset", { token, password }, { keepsSession: true }));

export async function logOut() {
  try {
    await call("POST", "auth/logout");
  } finally {
    endSession();
  }
}

/** Asks who the kept token belongs to; a dead one ends the session. */
export async function refreshSession() {
  const token = session.token;
  const user = await call("GET", "auth/me");
  if (token === session.token) beginSession({ token, user });
}

/** Ends all sessions of the account, this one included. */
export async function logOutEverywhere() {
  await call("DELETE", "auth/sessions");
  endSession();
}

export async function changeAccount(changes) {
  const user = await callInTurn("PATCH", "auth/me", changes);
  return beginSession({ token: session.token, user });
}

export async function deleteAccount(password) {
  await callInTurn("DELETE", "auth/me", { password });
  endSession();
}

// Games

/** A game on a new seed, or the `challenge` of that name: "daily", "daily/DATE", or the id of a game. */
export const openGame = (mode, challenge = null) => call("POST", "games", { mode, challenge });
export const leaveGame = (id) => call("DELETE", `games/${encodeURIComponent(id)}`);

/** A game with all of its turns, of which the server sends so many at a time. */
export async function game(id) {
  const path = `games/${encodeURIComponent(id)}`;
  const { continue_since, ...game } = await call("GET", path);
  for (let since = continue_since; since !== undefined;) {
    const { continue_since, turns, ...latest } = await call("GET", `${path}?${new URLSearchParams({ since })}`);
    Object.assign(game, latest, { turns: game.turns.concat(turns) }); // it may have been played on meanwhile
    since = continue_since;
  }
  return game;
}

/** What is new of the games in `known`, a Map of ticks by id, and of the `limit` best that are being played. */
export const liveGames = (known, limit) => {
  const ticks = Array.from(known, ([id, tick]) => `${id}:${tick}`).join();
  return call("GET", `games/live?${new URLSearchParams({ known: ticks, limit })}`);
};

/** `batch` is {since, tick, turns}; `keepalive` lets the post outlive the page. */
export const postTurns = (id, batch, options) =>
  call("POST", `games/${encodeURIComponent(id)}/turns`, batch, options);

// Boards and players

/** A page of a board: `{entries, next}`, where `next` is the query of the following page, or null. */
export async function board(query) {
  const { answer, headers } = await exchange("GET", `leaderboard?${new URLSearchParams(query)}`);
  const next = /<[^>]*\?([^>]*)>\s*;\s*rel="?next"?/.exec(headers.get("Link") ?? "");
  return { entries: answer, next: next && Object.fromEntries(new URLSearchParams(next[1])) };
}

/** One's own standing on the board of a query {mode, period, at, challenge, players}. */
export const standing = (query) => call("GET", `leaderboard/me?${new URLSearchParams(query)}`);

/** The same on the board on which a game's rank is told: the mode's of all times, or the challenge's. */
export const myRank = (mode, challenge = null) => standing({ mode, ...(challenge && { challenge }) });

/** `{rank, next}`: the rank that a score has on that board, and the entry of somebody else just ahead. */
export const nextRank = (mode, score, challenge = null) =>
  call("GET", `leaderboard/next?${new URLSearchParams({ mode, score, ...(challenge && { challenge }) })}`);

/** What a start screen shows: `{live, top, daily, best_game}`. */
export const home = () => call("GET", "home");

export const player = (name) => call("GET", `players/${encodeURIComponent(name)}`);
