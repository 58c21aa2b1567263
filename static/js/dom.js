/* Two helpers for the pages that are built of what the server sends. What people wrote becomes text, never markup. */

/** An element with its properties and its children: elements, or text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Says something where rows would be, with a button if there is something to do about it: {label, act}. */
export function notice(element, words, remedy = null) {
  element.replaceChildren(words);
  if (remedy) element.append(make("button", { type: "button", className: "quiet", onclick: remedy.act }, remedy.label));
}
