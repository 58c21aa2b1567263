/* Forms that show the server's errors beside their fields. */

import { BUSY, make, on } from "./dom.js";
import { fieldWords } from "./format.js";
import { t, translate } from "./language.js";

export const STAYS_OPEN = "stays open";

const INPUTS = { // attributes by field
  username: { autocomplete: "username", autocapitalize: "none", spellcheck: false },
  email: { type: "email", autocomplete: "email" },
  password: { type: "password", autocomplete: "current-password" },
};

/** `<form-field data-name data-label data-hint data-autocomplete>`: a labelled input with a place for its error. The label
and the hint are keys. */
class FormField extends HTMLElement {
  connectedCallback() {
    const { name, label, hint, ...attributes } = this.dataset, isPassword = name.includes("password");
    const id = `${this.closest("form").id.replace("-form", "")}-${name}`;
    const input = make("input", { id, name, ...INPUTS[isPassword ? "password" : name], ...attributes });
    input.setAttribute("aria-describedby", `${id}-error`);
    this.className = "field";
    this.replaceChildren(
      make("label", { htmlFor: id }, words("span", label), ...hint ? [" ", words("small", hint)] : []),
      isPassword ? make("div", { className: "password" }, input, revealButton(input)) : input,
      make("p", { id: `${id}-error`, className: "error" }));
    translate(this);
  }
}

/** An element with the text of a key, also after the language has changed. */
function words(tag, key) {
  const element = make(tag);
  element.dataset.t = key;
  return element;
}

/** A button that shows the password, and hides it again. */
function revealButton(input) {
  const onclick = () => {
    const isShown = input.type === "text";
    input.type = isShown ? "password" : "text";
    button.ariaPressed = !isShown;
  };
  const button = make("button", { type: "button", className: "secondary", ariaPressed: false, onclick });
  Object.assign(button.dataset, { t: "form.show", tLabel: "form.showPassword" });
  return button;
}

customElements.define("form-field", FormField);

/** `act` takes the form's values; `done` follows, unless `act` returns STAYS_OPEN. */
export function bindForm(form, act, done) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return;
    showProblem(form, null);
    button.disabled = true;
    const unbind = on(BUSY, (seconds) => showMessage(form, t("account.busy", { count: seconds })));
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
  const messages = Object.fromEntries((problem?.errors ?? []).map((error) => [error.field, fieldWords(error)]));
  const wrong = [];
  for (const field of form.querySelectorAll(".field")) {
    const input = field.querySelector("input"), message = messages[input.name];
    field.querySelector(".error").textContent = message ?? "";
    input.setAttribute("aria-invalid", Boolean(message));
    if (message) wrong.push(input);
  }
  showMessage(form, problem && !wrong.length ? problem.message : "");
  wrong[0]?.focus();
}

function showMessage(form, words) {
  form.querySelector(".problem").textContent = words;
}

function conceal(form) {
  for (const button of form.querySelectorAll(".password [aria-pressed=true]")) button.click();
}

export function clear(form) {
  form.reset();
  conceal(form);
  showProblem(form, null);
}
