/* What this browser remembers between visits, as JSON under `snakepit.NAME`.

A browser may forbid storage, or have none left. The game goes on without: it is then remembered for this page only. */

const page = {};

/** What was kept under that name; `otherwise` if nothing was. */
export function recall(name, otherwise = null) {
  if (name in page) return page[name];
  try {
    return JSON.parse(localStorage.getItem(`snakepit.${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(`snakepit.${name}`, JSON.stringify(value));
  } catch {
    page[name] = value;
  }
}

export function forget(name) {
  delete page[name];
  try {
    localStorage.removeItem(`snakepit.${name}`);
  } catch {
    return; // what can't be kept need not be forgotten
  }
}
