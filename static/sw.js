/* The service worker: with it the page starts without the server. It keeps the files of one version, which the server names
before this text as VERSION and FILES, and nothing that is not immutable; so nothing of the API.

The page itself comes from the server whenever that answers. A new version waits until no page of the old one is open, so
that the modules of a page are all of one version. */

const PAGE = new URL("./", location.href), STATIC = new URL(`static/${VERSION}/`, PAGE);
const PREFIX = `snakepit ${PAGE.pathname} `; // of the caches: several servers may share an origin
const CACHE = PREFIX + VERSION;
const INDEX = fileAddress("index.html");
const LANGUAGE = /^languages\/(?:\w+\/)?(\w+)\.json$/;
const ONLINE_ONLY = /^(docs|js\/docs|js\/apidocs|sw\.js)|\.(html|png|webmanifest)$/;
const GONE = [404, 410];

function fileAddress(name) {
  return new URL(name, STATIC).href;
}

/** What a page needs: all scripts, styles and shapes, and the words in the browser's languages. */
function isNeeded(name) {
  const codes = ["en", ...navigator.languages.map((tag) => tag.split("-")[0])], language = LANGUAGE.exec(name)?.[1];
  return language ? codes.includes(language) : !ONLINE_ONLY.test(name);
}

/** Fetch an immutable file, and keep it. After an upgrade the server has only others at this address. */
async function keep(address) {
  const response = await fetch(address);
  if (!isImmutable(response)) throw new Error(`The server has no such file any more: ${address}`);
  await (await caches.open(CACHE)).put(address, response);
}

function isImmutable({ ok, headers }) {
  return ok && /\bimmutable\b/.test(headers.get("Cache-Control"));
}

/** One after the other, so that a game that has begun isn't held up. */
async function install() {
  for (const address of [INDEX, ...FILES.filter(isNeeded).map(fileAddress)]) await keep(address);
}

async function activate() {
  await forget((name) => name !== CACHE);
  await clients.claim();
}

async function forget(isOld) {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && isOld(name)).map((name) => caches.delete(name)));
}

/** The page as the server has it; without the server, as it was kept. */
async function openPage(event) {
  const response = await fetch(event.request).catch(() => null);
  if (response && response.status < 500) {
    event.waitUntil(retireIfGone());
    return response;
  }
  return await find(INDEX) ?? response ?? Response.error();
}

/** Something else may live at this address now. It has no such script, and this one goes then. */
async function retireIfGone() {
  const response = await fetch(location.href, { cache: "no-cache" }).catch(() => null);
  if (!GONE.includes(response?.status)) return;
  await registration.unregister();
  await forget(() => true);
}

/** The page behind a game's link leads to the game; without the server the client says why that can't be shown. */
async function openLink(request, id) {
  return fetch(request).catch(() => Response.redirect(new URL(`#/games/${id}`, PAGE)));
}

async function openFile(request) {
  const kept = await find(request.url);
  if (kept) return kept;
  const response = await fetch(request);
  if (isImmutable(response)) await (await caches.open(CACHE)).put(request.url, response.clone()).catch(() => {}); // full
  return response;
}

function find(address) {
  return caches.match(address, { cacheName: CACHE, ignoreVary: true });
}

/** A page of this version tells the version that waits: nobody needs the old one, if no other page is open. */
async function takeOver(version) {
  const windows = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const pages = windows.filter(({ url }) => new URL(url).pathname === PAGE.pathname);
  if (version === VERSION && pages.length === 1) await skipWaiting();
}

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(activate()));
addEventListener("message", (event) => event.waitUntil(takeOver(event.data)));
addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname } = new URL(request.url), isOwn = origin === PAGE.origin;
  if (request.method !== "GET" || !isOwn) return;
  const game = pathname.startsWith(PAGE.pathname) && /^games\/([\w-]+)$/.exec(pathname.slice(PAGE.pathname.length));
  if (request.mode !== "navigate") {
    if (pathname.startsWith(STATIC.pathname)) event.respondWith(openFile(request));
  } else if (pathname === PAGE.pathname) event.respondWith(openPage(event));
  else if (game) event.respondWith(openLink(request, game[1]));
});
