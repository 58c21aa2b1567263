/* Rooms: `#/rooms` to create or join, `#/rooms/CODE` for members, `#/rooms/CODE/screen` for the projector. */

import { session } from "../api.js";
import { byId, loadStyle, make, notice } from "../lib/dom.js";
import { addWords, t } from "../lib/language.js";

await addWords("rooms/");

const PAGES = { // by what follows the code in the address: {open(code), close()}, which fill #room
  "": () => import("./room.js"),
  screen: () => import("./screen.js"),
};

let page = null; // the open one
let shown = null; // what it shows: {rest, user}

export function open(query, rest) {
  const [code, name = ""] = rest.split("/"), opened = shown = { rest, user: session.user?.id };
  byId("room").replaceChildren(make("h1", { tabIndex: -1 }, t("nav.rooms")));
  const load = code ? PAGES[Object.hasOwn(PAGES, name) ? name : ""] : () => import("./entry.js");
  Promise.all([load(), loadStyle("tables.css"), loadStyle("dialog.css")]).then(([module]) => {
    if (shown !== opened) return;
    page = module;
    page.open(code.toUpperCase());
  }, () => showNotLoaded(query, rest, opened));
}

function showNotLoaded(query, rest, opened) {
  if (shown !== opened) return;
  const again = { label: t("notice.tryAgain"), act: () => open(query, rest), retryMs: 2000 };
  notice(document.querySelector("#view-rooms > .notice"), t("notice.notLoaded"), again);
}

/** A visitor who becomes a guest by joining is where they were. */
export function onAddressChange(query, rest) {
  const isSame = shown?.rest === rest && (!shown.user || shown.user === session.user?.id);
  if (isSame) shown.user = session.user?.id;
  return isSame;
}

export function close() {
  page?.close?.();
  page = shown = null;
  byId("room").replaceChildren();
  document.querySelector("#view-rooms > .notice").replaceChildren();
}
