/* Storage: JSON in `localStorage`, or in `sessionStorage` for as long as the tab.

Servers below several paths of one origin share the browser's storage, so keys contain the path: `snakepit.NAME` at `/`,
`snakepit./PATH/.NAME` below a path. Where the browser forbids storage or it is full, values last as long as the page.

Settings are stored values that have a default, and whose changes take effect at once, in all tabs. */

const PATH = new URL(import.meta.url).pathname.replace(/static\/(v-\w+\/)?js\/storage\.js$/, ""); // of the server

const DEFAULTS = { // of the settings; `language` has null for the browser's
  theme: "system", palette: "standard", sound: false, volume: 50, vibration: false, pad: true, hints: true, motion: "system",
};

const page = {}, listeners = {};

/** Return a name that no other server at this origin uses: for what all pages of the origin share. */
export function scoped(name) {
  return PATH === "/" ? `snakepit.${name}` : `snakepit.${PATH}.${name}`;
}

/** Return the saved value; `otherwise` if there is none. */
export function load(name, otherwise = null, area = "localStorage") {
  if (name in page) return page[name];
  try {
    return JSON.parse(window[area].getItem(scoped(name))) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function save(name, value, area = "localStorage") {
  try {
    window[area].setItem(scoped(name), JSON.stringify(value));
    delete page[name];
  } catch {
    page[name] = value;
  }
}

export function remove(name) {
  delete page[name];
  try {
    localStorage.removeItem(scoped(name));
  } catch {
    return; // nothing was saved there
  }
}

/** Return the names of the saved values that begin like this. */
export function names(beginning) {
  const start = scoped(beginning), cut = start.length - beginning.length;
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(start)).map((key) => key.slice(cut));
  } catch {
    return [];
  }
}

/** Call `listener` when another tab has saved or removed the value, or cleared the storage. */
export function onChange(name, listener) {
  window.addEventListener("storage", ({ key }) => [scoped(name), null].includes(key) && listener());
}

export function setting(name) {
  return load(name, DEFAULTS[name]);
}

export function changeSetting(name, value) {
  save(name, value);
  tell(name);
}

export function resetSettings() {
  for (const name of Object.keys(DEFAULTS)) {
    remove(name);
    tell(name);
  }
}

/** Call `listener` with a setting's value now, and at each change in this tab or another. */
export function onSetting(name, listener) {
  const listen = () => listener(setting(name));
  (listeners[name] ??= []).push(listen);
  onChange(name, listen);
  listen();
}

function tell(name) {
  for (const listen of listeners[name] ?? []) listen();
}
