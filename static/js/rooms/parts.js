/* What the pages of rooms are made of. */

import { isPlayer } from "../api.js";
import { make } from "../lib/dom.js";
import { bindForm } from "../lib/forms.js";
import { t } from "../lib/language.js";

const WIDE = /[\u1100-\u11ff\u2e80-\uffef]/g; // letters as wide as two others

/** A form of fields {name, label, hint, ...attributes}, with a button. `act` takes its values. */
export function makeForm(id, fields, label, act, done = () => {}) {
  const form = make("form", { id, noValidate: true },
    ...fields.map((field) => {
      const made = make("form-field");
      Object.assign(made.dataset, field);
      return made;
    }),
    make("p", { className: "problem", role: "alert" }), make("button", { type: "submit", className: "primary" }, t(label)));
  bindForm(form, act, done);
  return form;
}

/** The field for a guest's name; an account has one. */
export function nameField(name, value = null) {
  return isPlayer() && !value ? [] : [{ name, label: "rooms.guestsName", hint: "rooms.guestsNameHint", maxLength: 20,
    autocomplete: "nickname", ...value && { value } }];
}

export function button(key, act, className = "secondary") {
  return make("button", { type: "button", className, onclick: act }, t(key));
}

/** A choice of a few: radio buttons of a form, by their values' labels. */
export function choice(name, label, options, chosen) {
  const radios = Object.entries(options).map(([value, words]) => make("label", {},
    make("input", { type: "radio", name, value, defaultChecked: value === chosen }), make("span", {}, words)));
  return make("fieldset", { className: "choice" }, make("legend", {}, label),
    make("div", { className: "switch" }, ...radios));
}

export function select(name, label, options, chosen) {
  const list = make("select", { name, id: `room-${name}` }, ...Object.entries(options).map(([value, words]) =>
    make("option", { value, defaultSelected: value === String(chosen) }, words)));
  return make("div", { className: "choice" }, make("label", { htmlFor: list.id }, label), list);
}

/** Ask in a dialog; `choices` are keys by values, the first of which changes nothing. Return the chosen value. */
export async function ask(title, note, choices) {
  const heading = make("h2", { id: "room-ask" }, ...title);
  const buttons = Object.entries(choices).map(([value, key], n) =>
    make("button", { value, className: n ? "" : "primary" }, t(key)));
  const dialog = make("dialog", {}, make("form", { method: "dialog" }, heading, make("p", {}, t(note)),
    make("div", { className: "actions" }, ...buttons)));
  dialog.setAttribute("aria-labelledby", heading.id);
  document.body.append(dialog);
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve));
  dialog.remove();
  return dialog.returnValue;
}

/** "3 minutes, one try each" */
export function terms({ minutes, tries }) {
  return t(tries === "one" ? "rooms.termsOne" : "rooms.termsMany", { count: minutes });
}

/** "2:05" */
export function clock(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Set a name that is smaller the longer it is: the style sheets know the `--length`. Return its element. */
export function setName(element, name) {
  if (element.textContent !== name) {
    element.textContent = name;
    element.style.setProperty("--length", name.length + (name.match(WIDE)?.length ?? 0));
  }
  return element;
}
