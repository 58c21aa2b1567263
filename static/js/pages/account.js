/* The account dialog: signing up, logging in and out, and changing or deleting the account. Fetched when it is opened. */

import * as api from "../api.js";
import { STAYS_OPEN, bind_form, bind_reveals, clear } from "../lib/forms.js";
import { pause } from "../game/playing.js";
import { MODE_NAMES } from "../lib/format.js";

const at = (id) => document.getElementById(id);
const dialog = at("account-dialog");

const KEEPS = "A name puts your scores on the boards, those you have played so far included.";
const LOSES = "The account, all its games with their replays, and its places on the boards are gone for good.";

const SUBMITS = { // what each form does with its values; once done, the dialog closes, unless there is more to say
  "signup-form": ({ username, password, email }) => api.sign_up({ username, password, email: email || null }),
  "login-form": ({ username, password }) => api.log_in({ username, password }),
  "change-form": change,
  "delete-form": ({ password }) => api.delete_account(password),
};

/** Wires the dialog, which lives as long as the page. */
function bind_dialog() {
  dialog.addEventListener("mousedown", (event) => is_beside(event) && dialog.close());
  dialog.addEventListener("close", tidy);
  at("close-account").addEventListener("click", () => dialog.close());
  at("settings-page").addEventListener("click", () => dialog.close());
  for (const name of ["signup", "login"]) at(`show-${name}`).addEventListener("click", () => show_form(name));
  for (const [id, act] of Object.entries(SUBMITS)) bind_form(at(id), act, leave);
  bind_reveals(dialog);
  at("logout").addEventListener("click", log_out);
  at("logout-everywhere").addEventListener("click", log_out_everywhere);
}

/** Opens the dialog on "signup" or "login", or on the account of a player who is logged in. */
export function open_account(name = api.session.user ? "signup" : "login") {
  pause();
  const is_player = api.is_player();
  at("forms").hidden = is_player;
  at("settings").hidden = !is_player;
  if (is_player) fill_settings(api.session.user);
  else say_what_is_kept();
  dialog.showModal();
  if (is_player) at("settings-page").focus();
  else show_form(name);
}

/** What a guest has played, and keeps by signing up. */
async function say_what_is_kept() {
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
function is_beside({ target, clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return target === dialog && (clientX < left || clientX > right || clientY < top || clientY > bottom);
}

function show_form(name) {
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

function fill_settings({ username, email }) {
  at("settings-name").textContent = username;
  at("settings-page").href = `#/players/${encodeURIComponent(username)}`;
  for (const id of ["change-form", "delete-form"]) at(id).elements.username.value = username;
  at("change-form").elements.email.value = email ?? "";
  for (const id of ["change-done", "logout-problem"]) at(id).textContent = "";
  say_what_is_lost(username);
}

async function say_what_is_lost(username) {
  at("delete-lost").textContent = LOSES;
  const { games } = await api.player(username).catch(() => ({}));
  if (games > 1) at("delete-lost").textContent = LOSES.replace("all its games", `its ${games} games`);
}

/** Sends what is different from now. */
async function change({ username, email, password, current_password }) {
  const { user } = api.session;
  at("change-done").textContent = "";
  await api.change_account({
    current_password,
    ...(username !== user.username && { username }),
    ...(email !== (user.email ?? "") && { email: email || null }),
    ...(password && { password }),
  });
  clear(at("change-form"));
  fill_settings(api.session.user);
  at("change-done").textContent = password ? "Saved. Other browsers are logged out." : "Saved.";
  return STAYS_OPEN;
}

async function log_out() {
  at("logout").disabled = true;
  await api.log_out().catch(() => {}); // this browser has dropped the token, and the server will in time
  at("logout").disabled = false;
  dialog.close();
}

async function log_out_everywhere() {
  at("logout-everywhere").disabled = true;
  try {
    await api.log_out_everywhere();
    dialog.close();
  } catch (problem) {
    at("logout-problem").textContent = problem.message; // they are still logged in there
  } finally {
    at("logout-everywhere").disabled = false;
  }
}

bind_dialog();
