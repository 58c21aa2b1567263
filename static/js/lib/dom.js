/* Helpers for the pages that are built of what the server sends. What people wrote becomes text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

/** An element with its properties and its children: elements, or text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** The same of SVG, which has attributes instead. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Says something where rows would be, with a button if there is something to do about it: {label, act}. */
export function notice(element, words, remedy = null) {
  element.replaceChildren(words);
  if (remedy) element.append(make("button", { type: "button", className: "quiet", onclick: remedy.act }, remedy.label));
}

/** A score that leads to the replay of its game; alone where the server has no turns of it (`game` null). */
export function scoreLink(score, game, whose) {
  if (!game) return make("span", { className: "no-replay" }, score);
  const link = make("a", { href: `#/games/${encodeURIComponent(game)}` }, score, playSign());
  link.setAttribute("aria-label", `Watch ${score} ${whose}`);
  return link;
}

function playSign() {
  return draw("svg", { viewBox: "0 0 12 12", class: "play-sign", "aria-hidden": "true" },
    draw("path", { d: "M3 1.5L10.5 6L3 10.5Z" }));
}

/** Fetches a stylesheet of a view that not everybody opens; settles when it counts. */
export function needStyle(name) {
  styles[name] ??= new Promise((resolve) => {
    const href = new URL(`../../${name}`, import.meta.url).href;
    document.head.append(make("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve }));
  });
  return styles[name];
}

const styles = {};

export function playerLink(name) {
  return make("a", { href: `#/players/${encodeURIComponent(name)}`, dir: "auto" }, name);
}

export function timeAgo(timestamp, words) {
  return make("time", { dateTime: timestamp, title: new Date(timestamp).toLocaleString() }, words);
}
