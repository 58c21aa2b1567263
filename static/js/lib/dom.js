/* The page: helpers for its DOM, where what people wrote becomes text, never markup, and the events by which its modules
tell each other of changes. */

import { onSetting } from "../storage.js";

const SVG = "http://www.w3.org/2000/svg";

const root = document.documentElement;

// Settings that the stylesheets read from the root; early.js has set them before the first paint
for (const name of ["theme", "palette", "motion", "pad", "hints"]) {
  onSetting(name, (value) => (root.dataset[name] = value));
}
onSetting("theme", showThemeColour);

const lessMotion = matchMedia("(prefers-reduced-motion: reduce)");
export const reducedMotion = { // as a MediaQueryList: by the setting or the system
  get matches() {
    return root.dataset.motion === "reduced" || lessMotion.matches;
  },
};

/** Call `listener` when the stylesheets have other colours. */
export function onColours(listener) {
  const attributes = new MutationObserver(listener), scheme = matchMedia("(prefers-color-scheme: dark)");
  attributes.observe(root, { attributeFilter: ["data-theme", "data-palette"] });
  scheme.addEventListener("change", listener);
  return () => {
    attributes.disconnect();
    scheme.removeEventListener("change", listener);
  };
}

/** Return a function from names to the design tokens as they are at an element. `names` are resolved together: each time
that takes the styles of the whole page. */
export function tokensOf(element, names = []) {
  const style = getComputedStyle(element), read = (name) => style.getPropertyValue(`--${name}`).trim();
  const isUnresolved = (name) => read(name).startsWith("light-dark(");
  names.filter(isUnresolved).forEach(resolve);
  return (name) => {
    if (isUnresolved(name)) resolve(name);
    return read(name);
  };
}

/** Canvases don't know light-dark(); as a registered colour, a token has the one of its element's theme. */
function resolve(name) {
  CSS.registerProperty({ name: `--${name}`, syntax: "<color>", inherits: true, initialValue: "transparent" });
}

/** The colour of the browser around the page; index.html has one for each theme. */
function showThemeColour(theme) {
  for (const meta of document.querySelectorAll("meta[data-of]")) {
    const { of } = meta.dataset;
    meta.media = ["light", "dark"].includes(theme) ? (of === theme ? "all" : "not all") : `(prefers-color-scheme: ${of})`;
  }
}

export function byId(id) {
  return document.getElementById(id);
}

/** Return a new element with properties and children: elements, or text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** The same for SVG, which has attributes instead. */
export function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Move the focus to the main button that an element shows, unless a dialog is open. */
export function focusAction(element) {
  if (document.querySelector("dialog[open]")) return;
  const buttons = Array.from(element.querySelectorAll(".primary"));
  buttons.find(({ offsetParent }) => offsetParent)?.focus({ preventScroll: true });
}

// These touch the page only where something changes, so they may be called with each frame

export function setText(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

export function setTitle(title) {
  const whole = `${title} · Snakepit`;
  if (document.title !== whole) document.title = whole;
}

export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Show a message in place of content, with remedies: links {label, href} or buttons {label, act, retryMs}. With `retryMs`
it also acts by itself: after that time, or when the browser is online again. */
export function notice(element, words, ...remedies) {
  const whole = [words, ...remedies.map(({ label }) => label)].join("");
  const isShown = element.textContent === whole && element.children.length === remedies.length;
  if (!isShown) element.replaceChildren(words, ...remedies.map(control)); // else it keeps the focus
  retries.get(element)?.abort();
  const canceller = new AbortController();
  retries.set(element, canceller);
  remedies.forEach((remedy, n) => remedy.act && bindRemedy(element.children[n], remedy, canceller));
}

function control({ label, href }) {
  return make(href ? "a" : "button", { className: "secondary", ...href ? { href } : { type: "button" } }, label);
}

function bindRemedy(button, { act, retryMs }, canceller) {
  const { signal } = canceller;
  button.onclick = () => {
    canceller.abort();
    act();
  };
  if (!retryMs) return;
  const retry = () => button.offsetParent && button.click(); // not where it is hidden or replaced
  const timer = setTimeout(retry, retryMs);
  window.addEventListener("online", retry, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
}

const retries = new WeakMap(); // by the element of a notice: what cancels its retry

/** Load the stylesheet of a view; resolves when it is applied. */
export function loadStyle(name) {
  styles[name] ??= new Promise((resolve) => {
    const href = new URL(`../../${name}`, import.meta.url).href;
    const onerror = () => {
      delete styles[name]; // the next time it is requested again
      resolve();
    };
    document.head.append(make("link", { rel: "stylesheet", href, onload: resolve, onerror }));
  });
  return styles[name];
}

const styles = {};

// Events: a module emits them, others listen

export const SESSION = "session"; // somebody else, or nobody, is logged in
export const BUSY = "busy"; // a password call waits for its turn: (seconds)
export const REACHED = "reached"; // a call has reached the server, or not
export const HOME = "home"; // the server has answered what the start card shows, or has not
export const SELECTED = "selected"; // another challenge, or none, is selected on the start card
export const START_FAILED = "start failed"; // no game could be opened
export const OPEN_ELSEWHERE = "open elsewhere"; // the player has another game open: ({mode, score}, begin the new one)
export const OPENED = "opened"; // a game has begun
export const BEGUN_ELSEWHERE = "begun elsewhere"; // another tab has begun or continued a game
export const POSTED = "posted"; // turns: (response)
export const SETTLED = "settled"; // the server has the whole game, or has rejected it
export const LANGUAGE = "language"; // the page has other words now

const listeners = {};

/** Call `listener` at each event of that name. Return its unbind function. */
export function on(event, listener) {
  listeners[event] ??= new Set();
  listeners[event].add(listener);
  return () => listeners[event].delete(listener);
}

export function emit(event, ...details) {
  for (const listener of listeners[event] ?? []) listener(...details);
}
