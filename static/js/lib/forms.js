/* Forms: what the server refuses is said beside the fields that it is about. */

import { onBusy } from "../api.js";

export const STAYS_OPEN = "stays open";

/** `act` takes the form's values; what it throws is said beside the fields. `done` follows, unless it answers STAYS_OPEN. */
export function bindForm(form, act, done) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return;
    showProblem(form, null);
    button.disabled = true;
    const unbind = onBusy((seconds) => say(form, `Many people are logging in. Trying again in ${seconds} s …`));
    try {
      conceal(form); // or a password manager sees no password
      if (await act(Object.fromEntries(new FormData(form))) !== STAYS_OPEN) done();
    } catch (problem) {
      showProblem(form, problem);
    } finally {
      unbind();
      button.disabled = false;
    }
  });
}

/** Says beside its fields what was wrong, and below them what belongs to none; null takes it all away. */
function showProblem(form, problem) {
  const messages = Object.fromEntries((problem?.errors ?? []).map(({ field, message }) => [field, message]));
  const wrong = [];
  for (const field of form.querySelectorAll(".field")) {
    const input = field.querySelector("input"), message = messages[input.name];
    field.querySelector(".error").textContent = message ? sentence(message) : "";
    input.setAttribute("aria-invalid", Boolean(message));
    if (message) wrong.push(input);
  }
  say(form, problem && !wrong.length ? problem.message : "");
  wrong[0]?.focus();
}

function say(form, words) {
  form.querySelector(".problem").textContent = words;
}

/** What the server says of a field, such as "is taken", as a sentence. */
function sentence(words) {
  const whole = words.startsWith("is ") ? `This ${words}` : words;
  return `${whole[0].toUpperCase()}${whole.slice(1)}${/[.!?]$/.test(whole) ? "" : "."}`;
}

/** The buttons beside passwords that show them, or hide them again. */
export function bindReveals(element) {
  for (const button of element.querySelectorAll(".secret button")) bindReveal(button);
}

function bindReveal(button) {
  button.addEventListener("click", () => {
    const input = button.previousElementSibling, isShown = input.type === "text";
    input.type = isShown ? "password" : "text";
    button.setAttribute("aria-pressed", !isShown);
  });
}

function conceal(form) {
  for (const button of form.querySelectorAll(".secret [aria-pressed=true]")) button.click();
}

/** The form is as new. */
export function clear(form) {
  form.reset();
  conceal(form);
  showProblem(form, null);
}
