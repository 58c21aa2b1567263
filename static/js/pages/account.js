/* The account dialog: sign up, log in and out, change or delete the account. Loaded when it is first opened. */

import * as api from "../api.js";
import { STAYS_OPEN, bindForm, clear } from "../lib/forms.js";
import { pause } from "../game/playing.js";
import { closeBeside } from "../lib/dialogs.js";
import { byId, focusAction, loadStyle } from "../lib/dom.js";
import { modeName, playerAddress } from "../lib/format.js";
import { t } from "../lib/language.js";
import * as calls from "./account-calls.js";

const dialog = byId("account-dialog");

const SUBMITS = { // what each form does with its values; afterwards the dialog closes, unless it returns STAYS_OPEN
  "signup-form": ({ username, password, email }) => calls.signUp({ username, password, email: email || null }),
  "login-form": ({ username, password }) => calls.logIn({ username, password }),
  "change-form": change,
  "delete-form": ({ password }) => calls.deleteAccount(password),
};

function bindDialog() {
  closeBeside(dialog);
  dialog.addEventListener("close", resetDialog);
  byId("close-account").addEventListener("click", () => dialog.close());
  byId("account-page").addEventListener("click", () => dialog.close());
  for (const name of ["signup", "login"]) byId(`show-${name}`).addEventListener("click", () => showForm(name));
  for (const [id, act] of Object.entries(SUBMITS)) bindForm(byId(id), act, leave);
  byId("logout").addEventListener("click", logOut);
  byId("logout-everywhere").addEventListener("click", logOutEverywhere);
}

/** Open the dialog on "signup" or "login", or on the settings of a player who is logged in. */
export async function openAccount(name = api.session.user ? "signup" : "login") {
  pause();
  await Promise.all(["dialog.css", "account.css"].map(loadStyle));
  const isPlayer = api.isPlayer();
  byId("forms").hidden = isPlayer;
  byId("account-settings").hidden = !isPlayer;
  if (isPlayer) fillSettings(api.session.user);
  else showSignUpNote();
  dialog.showModal();
  if (isPlayer) byId("account-page").focus();
  else showForm(name);
}

/** The games that a guest keeps by signing up. */
async function showSignUpNote() {
  byId("signup-kept").textContent = t("account.signUpNote");
  const { user } = api.session;
  const { games, scores } = user ? await api.player(user.username).catch(() => ({})) : {};
  if (!games || !scores?.length || user.id !== api.session.user?.id) return;
  const best = scores.reduce((one, other) => (other.score > one.score ? other : one));
  const values = { count: games, score: best.score, mode: modeName(best.mode) };
  byId("signup-kept").textContent = t("account.kept", values);
}

function showForm(name) {
  for (const each of ["signup", "login"]) {
    byId(`${each}-form`).hidden = each !== name;
    byId(`show-${each}`).setAttribute("aria-pressed", each === name);
  }
  byId(`${name}-form`).elements.username.focus();
}

/** Close, and focus the view's main button, if it has one, rather than the one that opened the dialog. */
function leave() {
  dialog.close();
  focusAction(byId("main"));
}

/** Reset the dialog for the next time. */
function resetDialog() {
  dialog.querySelectorAll("form").forEach(clear);
  for (const part of dialog.querySelectorAll("details")) part.open = false;
}

// The account of a player

function fillSettings({ username, email }) {
  byId("account-name").textContent = username;
  byId("account-page").href = playerAddress(username);
  for (const id of ["change-form", "delete-form"]) byId(id).elements.username.value = username;
  byId("change-form").elements.email.value = email ?? "";
  for (const id of ["change-done", "logout-problem"]) byId(id).textContent = "";
  showDeleteNote(username);
}

async function showDeleteNote(username) {
  byId("delete-lost").textContent = t("account.deleteNote");
  const { games } = await api.player(username).catch(() => ({}));
  if (games > 1) byId("delete-lost").textContent = t("account.deleteGames", { count: games });
}

async function change({ username, email, password, current_password }) {
  const { user } = api.session;
  byId("change-done").textContent = "";
  await calls.changeAccount({
    current_password,
    ...(username !== user.username && { username }),
    ...(email !== (user.email ?? "") && { email: email || null }),
    ...(password && { password }),
  });
  clear(byId("change-form"));
  fillSettings(api.session.user);
  byId("change-done").textContent = t(password ? "account.savedPassword" : "account.saved");
  return STAYS_OPEN;
}

async function logOut() {
  byId("logout").disabled = true;
  await calls.logOut().catch(() => {}); // this browser has dropped the token anyway
  byId("logout").disabled = false;
  dialog.close();
}

async function logOutEverywhere() {
  byId("logout-everywhere").disabled = true;
  try {
    await calls.logOutEverywhere();
    dialog.close();
  } catch (problem) {
    byId("logout-problem").textContent = problem.message; // they are still logged in there
  } finally {
    byId("logout-everywhere").disabled = false;
  }
}

bindDialog();
