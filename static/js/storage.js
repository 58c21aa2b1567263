/* Storage: JSON under `snakepit.NAME`, in `localStorage`, or in `sessionStorage` for as long as the tab.

Where the browser forbids storage or it is full, values last as long as the page. */

const page = {};

/** Return the saved value; `otherwise` if there is none. */
export function load(name, otherwise = null, area = "localStorage") {
  if (name in page) return page[name];
  try {
    return JSON.parse(window[area].getItem(`snakepit.${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function save(name, value, area = "localStorage") {
  try {
    window[area].setItem(`snakepit.${name}`, JSON.stringify(value));
  } catch {
    page[name] = value;
  }
}

export function remove(name) {
  delete page[name];
  try {
    localStorage.removeItem(`snakepit.${name}`);
  } catch {
    return; // nothing was saved there
  }
}
