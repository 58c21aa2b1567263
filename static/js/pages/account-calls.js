/* The API's calls of accounts: a part of api.js that comes with their pages. */

import { beginSession, call, endSession, session } from "../api.js";
import { BUSY, emit } from "../lib/dom.js";

const HASHING_TIMEOUT_MS = 60_000; // of password calls, which queue at the server
const BUSY_FOR_MS = 120_000; // after which a password call is not repeated

/** A call that hashes a password: repeated while the server is busy with others. */
async function passwordCall(method, path, body, options = {}) {
  const until = Date.now() + BUSY_FOR_MS;
  for (;;) {
    try {
      return await call(method, path, body, { ...options, timeoutMs: HASHING_TIMEOUT_MS });
    } catch (problem) {
      const seconds = problem.retryAfter ?? 1;
      if (problem.code !== "busy" || Date.now() + seconds * 1000 > until) throw problem;
      emit(BUSY, seconds);
      await new Promise((resolve) => setTimeout(resolve, (seconds + Math.random()) * 1000)); // spread the retries
    }
  }
}

/** Turn the guest into an account, or make a new one where the server has deleted the guest. */
export async function signUp(account) {
  const post = () => passwordCall("POST", "auth/signup", account);
  return beginSession(await post().catch((problem) => {
    if (problem.status !== 401) throw problem;
    return post(); // without the dead token
  }));
}

/** A wrong password's 401 doesn't end the current session. */
export const logIn = async (account) =>
  beginSession(await passwordCall("POST", "auth/login", account, { keepsSession: true }));

/** Set a new password by the token of a link, and log in. */
export const resetPassword = async (token, password) =>
  beginSession(await passwordCall("POST", "auth/reset", { token, password }, { keepsSession: true }));

export async function logOut() {
  try {
    await call("POST", "auth/logout");
  } finally {
    endSession();
  }
}

/** End all sessions of the account, including this one. */
export async function logOutEverywhere() {
  await call("DELETE", "auth/sessions");
  endSession();
}

export async function changeAccount(changes) {
  const user = await passwordCall("PATCH", "auth/me", changes);
  return beginSession({ token: session.token, user });
}

export async function deleteAccount(password) {
  await passwordCall("DELETE", "auth/me", { password });
  endSession();
}
