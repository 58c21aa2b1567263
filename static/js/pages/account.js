/* The account dialog: signing up, logging in and out, and changing or deleting the account. Fetched when it is opened. */

import * as api from "../api.js";
import { needStyle } from "../lib/dom.js";
import { STAYS_OPEN, bindForm, bindReveals, clear } from "../lib/forms.js";
import { pause } from "../game/playing.js";
import { MODE_NAMES } from "../lib/format.js";

const at = (id) => document.getElementById(id);
const dialog = at("account-dialog");

const KEEPS = "A name puts your scores on the boards, those you have played so far included.";
const LOSES = "The account, all its games with their replays, and its places on the boards are gone for good.";

const SUBMITS = { // what each form does with its values; once done, the dialog closes, unless there is more to say
  "signup-form": ({ username, password, email }) => api.signUp({ username, password, email: email || null }),
  "login-form": ({ username, password }) => api.logIn({ username, password }),
  "change-form": change,
  "delete-form": ({ password }) => api.deleteAccount(password),
};

/** Wires the dialog, which lives as long as the page. */
function bindDialog() {
  dialog.addEventListener("mousedown", (event) => isBeside(event) && dialog.close());
  dialog.addEventListener("close", tidy);
  at("close-account").addEventListener("click", () => dialog.close());
  at("settings-page").addEventListener("click", () => dialog.close());
  for (const name of ["signup", "login"]) at(`show-${name}`).addEventListener("click", () => showForm(name));
  for (const [id, act] of Object.entries(SUBMITS)) bindForm(at(id), act, leave);
  bindReveals(dialog);
  at("logout").addEventListener("click", logOut);
  at("logout-everywhere").addEventListener("click", logOutEverywhere);
}

/** Opens the dialog on "signup" or "login", or on the account of a player who is logged in. */
export async function openAccount(name = api.session.user ? "signup" : "login") {
  pause();
  await needStyle("account.css");
  const isPlayer = api.isPlayer();
  at("forms").hidden = isPlayer;
  at("settings").hidden = !isPlayer;
  if (isPlayer) fillSettings(api.session.user);
  else sayWhatIsKept();
  dialog.showModal();
  if (isPlayer) at("settings-page").focus();
  else showForm(name);
}

/** What a guest has played, and keeps by signing up. */
async function sayWhatIsKept() {
  at("signup-kept").textContent = KEEPS;
  const { user } = api.session;
  const { games, scores } = user ? await api.player(user.username).catch(() => ({})) : {};
  if (!games || !scores?.length || user.id !== api.session.user?.id) return;
  const best = scores.reduce((one, other) => (other.score > one.score ? other : one));
  const played = `${games} ${games === 1 ? "game" : "games"}, best ${best.score} in ${MODE_NAMES[best.mode]}`;
  const kept = games === 1 ? "it stays yours, and goes" : "they stay yours, and go";
  at("signup-kept").textContent = `${played}: ${kept} on the boards.`;
}

/** Whether a click was on the backdrop: it counts as one on the dialog, as one on the dialog's own edge does. */
function isBeside({ target, clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return target === dialog && (clientX < left || clientX > right || clientY < top || clientY > bottom);
}

function showForm(name) {
  for (const each of ["signup", "login"]) {
    at(`${each}-form`).hidden = each !== name;
    at(`show-${each}`).setAttribute("aria-pressed", each === name);
  }
  at(`${name}-form`).elements.username.focus();
}

/** The next key is meant for the game rather than for the button that opened the dialog. */
function leave() {
  dialog.close();
  const buttons = document.querySelectorAll("#view-play .loud");
  Array.from(buttons).find((button) => button.offsetParent)?.focus(); // the one that can be seen, if any
}

/** Whoever opens the dialog next finds it as new. */
function tidy() {
  dialog.querySelectorAll("form").forEach(clear);
  for (const part of dialog.querySelectorAll("details")) part.open = false;
}

// The account of a player

function fillSettings({ username, email }) {
  at("settings-name").textContent = username;
  at("settings-page").href = `#/players/${encodeURIComponent(username)}`;
  for (const id of ["change-form", "delete-form"]) at(id).elements.username.value = username;
  at("change-form").elements.email.value = email ?? "";
  for (const id of ["change-done", "logout-problem"]) at(id).textContent = "";
  sayWhatIsLost(username);
}

async function sayWhatIsLost(username) {
  at("delete-lost").textContent = LOSES;
  const { games } = await api.player(username).catch(() => ({}));
  if (games > 1) at("delete-lost").textContent = LOSES.replace("all its games", `its ${games} games`);
}

/** Sends what is different from now. */
async function change({ username, email, password, current_password }) {
  const { user } = api.session;
  at("change-done").textContent = "";
  await api.changeAccount({
    current_password,
    ...(username !== user.username && { username }),
    ...(email !== (user.email ?? "") && { email: email || null }),
    ...(password && { password }),
  });
  clear(at("change-form"));
  fillSettings(api.session.user);
  at("change-done").textContent = password ? "Saved. Other browsers are logged out." : "Saved.";
  return STAYS_OPEN;
}

async function logOut() {
  at("logout").disabled = true;
  await api.logOut().catch(() => {}); // this browser has dropped the token, and the server will in time
  at("logout").disabled = false;
  dialog.close();
}

async function logOutEverywhere() {
  at("logout-everywhere").disabled = true;
  try {
    await api.logOutEverywhere();
    dialog.close();
  } catch (problem) {
    at("logout-problem").textContent = problem.message; // they are still logged in there
  } finally {
    at("logout-everywhere").disabled = false;
  }
}

bindDialog();
