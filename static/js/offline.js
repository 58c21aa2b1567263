/* What works without the server. Loaded when the page has nothing else to do. */

const VERSION = /\/(v-\w+)\/js\//.exec(import.meta.url)?.[1]; // of this page's files

export function bind() {
  (window.requestIdleCallback ?? setTimeout)(register);
}

/** Have the service worker keep this page. Where the browser doesn't allow one, as on plain http, all is as without it. */
async function register() {
  const registration = await navigator.serviceWorker?.register("sw.js").catch(() => null);
  if (!registration) return;
  const tell = () => registration.waiting?.postMessage(VERSION);
  registration.addEventListener("updatefound", () => registration.installing.addEventListener("statechange", tell));
  tell();
}
