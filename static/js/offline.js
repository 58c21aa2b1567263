/* What works without the server: the service worker keeps the page, and games are practice until the server can be reached
again. Loaded when the page has nothing else to do, or at once where the service worker has the page already. */

import { home, isReached } from "./api.js";
import { OPENING, state } from "./game/state.js";
import "./game/practice.js"; // loaded before it is needed
import { REACHED, SELECTED, SETTLED, START_FAILED, on } from "./lib/dom.js";
import { t } from "./lib/language.js";

const VERSION = /\/(v-\w+)\/js\//.exec(import.meta.url)?.[1]; // of this page's files
const PROBE_MS = 3000; // between two questions to a server that can't be reached
const NOTE = { get message() { return t("start.offline"); } }; // in the language of the page at any time

let timer = null;

export function bind() {
  (window.requestIdleCallback ?? setTimeout)(register);
  on(REACHED, follow);
  for (const event of [SELECTED, SETTLED, START_FAILED]) on(event, explain);
  for (const event of ["offline", "online"]) window.addEventListener(event, probe); // only a call tells for certain
  window.addEventListener("appinstalled", () => (window.installOffer = null)); // the settings may not be loaded
  follow();
}

/** Have the service worker keep this page. Where the browser doesn't allow one, as on plain http, all is as without it. */
async function register() {
  const registration = await navigator.serviceWorker?.register("sw.js").catch(() => null);
  if (!registration) return;
  const tell = () => registration.waiting?.postMessage(VERSION);
  registration.addEventListener("updatefound", () => registration.installing.addEventListener("statechange", tell));
  tell();
}

/** The server can be reached, or not. Without the service worker a game would lack parts that come later. */
function follow() {
  const isOffline = !isReached && Boolean(navigator.serviceWorker?.controller);
  if (isOffline === state.isOffline) return;
  state.isOffline = isOffline;
  if (isOffline) wait();
  else state.reconnectedAt = performance.now();
  explain();
}

function wait() {
  clearTimeout(timer);
  timer = setTimeout(probe, PROBE_MS);
}

async function probe() {
  await home().catch(() => {}); // REACHED says what comes of it
  if (state.isOffline) wait();
}

/** Say on the start card that a game won't count; a challenge needs the server. */
function explain() {
  const { isOffline, selection, phase, startError } = state;
  if (isOffline && !selection && phase !== OPENING) state.startError = NOTE;
  else if (startError === NOTE) state.startError = null;
}
