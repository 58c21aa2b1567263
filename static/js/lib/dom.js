/* DOM helpers. What people wrote becomes text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
export const darkScheme = matchMedia("(prefers-color-scheme: dark)");
export const narrowScreen = matchMedia("(max-width: 40rem)");
export const canHover = matchMedia("(hover: hover)");

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
