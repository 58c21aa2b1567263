/* The account dialog: signing up, logging in and out, and changing or deleting the account. */

import * as api from "./api.js";
import { pause } from "./play.js";

const at = (id) => document.getElementById(id);
const dialog = at("account-dialog");

const SUBMITS = { // what each form does with its values; once done, the dialog closes
  "signup-form": ({ username, password, email }) => api.sign_up({ username, password, email: email || null }),
  "login-form": ({ username, password }) => api.log_in({ username, password }),
  "change-form": change,
  "delete-form": ({ password }) => api.delete_account(password),
};

/** Wires the button and the dialog, which live as long as the page. */
export function bind_account() {
  at("account").addEventListener("click", () => open_account());
  dialog.addEventListener("mousedown", (event) => event.target === dialog && dialog.close()); // beside its content
  dialog.addEventListener("close", () => dialog.querySelectorAll("form").forEach(clear));
  at("close-account").addEventListener("click", () => dialog.close());
  at("settings-page").addEventListener("click", () => dialog.close());
  for (const name of ["signup", "login"]) at(`show-${name}`).addEventListener("click", () => show_form(name));
  for (const [id, act] of Object.entries(SUBMITS)) bind_form(at(id), act);
  at("logout").addEventListener("click", log_out);
  api.on_session(show_name);
  show_name();
}

/** Opens the dialog on "signup" or "login", or on the account of a player who is logged in. */
export function open_account(name = "signup") {
  pause();
  const is_player = api.is_player();
  at("forms").hidden = is_player;
  at("settings").hidden = !is_player;
  if (is_player) fill_settings(api.session.user);
  dialog.showModal();
  if (!is_player) show_form(name);
}

function show_name() {
  at("account").textContent = api.is_player() ? api.session.user.username : "Log in";
}

function show_form(name) {
  for (const each of ["signup", "login"]) {
    at(`${each}-form`).hidden = each !== name;
    at(`show-${each}`).setAttribute("aria-pressed", each === name);
  }
  at(`${name}-form`).elements.username.focus();
}

// Forms

/** `act` takes the form's values; what it throws is said beside the fields. */
function bind_form(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return;
    show_problem(form, null);
    button.disabled = true;
    try {
      await act(Object.fromEntries(new FormData(form)));
      dialog.close();
      focus_on_game();
    } catch (problem) {
      show_problem(form, problem);
    } finally {
      button.disabled = false;
    }
  });
}

/** The next key is meant for the game rather than for the button that opened the dialog. */
function focus_on_game() {
  const buttons = document.querySelectorAll("#view-play .loud");
  Array.from(buttons).find((button) => button.offsetParent)?.focus(); // the one that can be seen, if any
}

/** Says beside its fields what was wrong, and below them what belongs to none; null takes it all away. */
function show_problem(form, problem) {
  const messages = Object.fromEntries((problem?.errors ?? []).map(({ field, message }) => [field, message]));
  const wrong = [];
  for (const field of form.querySelectorAll(".field")) {
    const input = field.querySelector("input"), message = messages[input.name];
    field.querySelector(".error").textContent = message ? sentence(message) : "";
    input.setAttribute("aria-invalid", Boolean(message));
    if (message) wrong.push(input);
  }
  form.querySelector(".problem").textContent = problem && !wrong.length ? problem.message : "";
  wrong[0]?.focus();
}

function sentence(words) {
  return `${words[0].toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;
}

function clear(form) {
  form.reset();
  show_problem(form, null);
}

// The account of a player

function fill_settings({ username, email }) {
  at("settings-name").textContent = username;
  at("settings-page").href = `#/players/${encodeURIComponent(username)}`;
  for (const id of ["change-form", "delete-form"]) at(id).elements.username.value = username;
  at("change-form").elements.email.value = email ?? "";
}

/** Sends what is different from now. */
async function change({ username, email, password, current_password }) {
  const { user } = api.session;
  await api.change_account({
    current_password,
    ...(username !== user.username && { username }),
    ...(email !== (user.email ?? "") && { email: email || null }),
    ...(password && { password }),
  });
}

async function log_out() {
  at("logout").disabled = true;
  await api.log_out().catch(() => {}); // this browser has dropped the token, and the server will in time
  at("logout").disabled = false;
  dialog.close();
}
