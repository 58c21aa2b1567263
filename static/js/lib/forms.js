/* Forms that show the server's errors beside their fields. */

import { BUSY, on } from "./events.js";

export const STAYS_OPEN = "stays open";

/** `act` takes the form's values; `done` follows, unless `act` returns STAYS_OPEN. */
export function bindForm(form, act, done) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return;
    showProblem(form, null);
    button.disabled = true;
    const unbind = on(BUSY, (seconds) => showMessage(form, `Many people are logging in. Trying again in ${seconds} s …`));
    try {
      conceal(form); // or password managers don't see a password
      if (await act(Object.fromEntries(new FormData(form))) !== STAYS_OPEN) done();
    } catch (problem) {
      showProblem(form, problem);
    } finally {
      unbind();
      button.disabled = false;
    }
  });
}

/** Show errors beside their fields, and others below; null clears them. */
function showProblem(form, problem) {
  const messages = Object.fromEntries((problem?.errors ?? []).map(({ field, message }) => [field, message]));
  const wrong = [];
  for (const field of form.querySelectorAll(".field")) {
    const input = field.querySelector("input"), message = messages[input.name];
    field.querySelector(".error").textContent = message ? sentence(message) : "";
    input.setAttribute("aria-invalid", Boolean(message));
    if (message) wrong.push(input);
  }
  showMessage(form, problem && !wrong.length ? problem.message : "");
  wrong[0]?.focus();
}

function showMessage(form, words) {
  form.querySelector(".problem").textContent = words;
}

/** A message about a field, such as "is taken", as a sentence. */
function sentence(words) {
  const whole = words.startsWith("is ") ? `This ${words}` : words;
  return `${whole[0].toUpperCase()}${whole.slice(1)}${/[.!?]$/.test(whole) ? "" : "."}`;
}

/** The buttons beside passwords that show and hide them. */
export function bindReveals(element) {
  for (const button of element.querySelectorAll(".password button")) bindReveal(button);
}

function bindReveal(button) {
  button.addEventListener("click", () => {
    const input = button.previousElementSibling, isShown = input.type === "text";
    input.type = isShown ? "password" : "text";
    button.setAttribute("aria-pressed", !isShown);
  });
}

function conceal(form) {
  for (const button of form.querySelectorAll(".password [aria-pressed=true]")) button.click();
}

/** Empty the form. */
export function clear(form) {
  form.reset();
  conceal(form);
  showProblem(form, null);
}
