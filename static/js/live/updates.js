/* Updates of watched games: events of the server, one after the other; or, where it sends none, the response to one request. */

import { request } from "../api.js";
import { load, names, remove, save } from "../storage.js";

const EVENTS = "text/event-stream";
const STREAM = "stream."; // begins the name of each
const TIMEOUT_MS = 6000; // for each event
const HELD_BACK_MS = 3000; // for the first one: then a proxy holds back what comes in parts, or the connection is lost
const MAX_STREAMS = 3; // of all windows: a browser has six connections to a server, and a post must not wait for one
const FORGOTTEN_MS = 10_000; // after which the stream of another window is over, which couldn't say so

let areHeldBack = false;

/** Yield lists of updates of the games in `known`, a Map of ticks by id, and of the `limit` best of the others, or of a room's.
Each list continues the one before. A stream that breaks off just ends: the next request shows whether the server is lost.
`stop`, an AbortController, may end it after the first list. */
export async function* liveGames(known, limit, room, stop) {
  const ticks = Array.from(known, ([id, tick]) => `${id}:${tick}`).join();
  const path = `games/live?${new URLSearchParams({ known: ticks, limit, ...(room && { room }) })}`;
  const name = STREAM + Math.random().toString(36).slice(2), mayStream = !areHeldBack && note(name);
  let hasBegun = false;
  if (mayStream) {
    try {
      for await (const updates of streamed(path, stop)) {
        hasBegun = true;
        note(name);
        yield updates;
      }
    } finally {
      remove(name);
    }
  }
  if (hasBegun) return;
  const { data } = await request("GET", path);
  areHeldBack ||= mayStream;
  yield data;
}

/** Yield the lists of the response's events, or its only one; none if they don't begin in time. */
async function* streamed(path, stop) {
  const options = { accept: EVENTS, signal: stop.signal, read: bodyOfEvents };
  let data;
  try {
    ({ data } = await inTime(stop, HELD_BACK_MS, request("GET", path, undefined, options)));
  } catch (problem) {
    if (stop.signal.aborted) return;
    throw problem;
  }
  if (data instanceof ReadableStream) yield* events(data, stop);
  else yield data;
}

function bodyOfEvents(response) {
  return response.headers.get("Content-Type")?.startsWith(EVENTS) && response.body;
}

/** Yield what the events contain, until they end or break off. */
async function* events(body, stop) {
  const reader = body.getReader(), decoder = new TextDecoder();
  let isOver = false;
  try {
    for (let rest = "", limitMs = HELD_BACK_MS; ; limitMs = TIMEOUT_MS) {
      const { done, value } = await inTime(stop, limitMs, reader.read());
      isOver = done;
      if (done) return;
      const parts = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = parts.pop();
      for (const part of parts) yield JSON.parse(/^data: (.*)$/m.exec(part)[1]);
    }
  } catch {
    return; // it broke off
  } finally {
    if (!isOver) reader.cancel().catch(() => {}); // at its end, this would close the connection
  }
}

/** Return what is awaited; stop it if it takes too long. */
async function inTime(stop, limitMs, awaited) {
  const timer = setTimeout(() => stop.abort(), limitMs);
  try {
    return await awaited;
  } finally {
    clearTimeout(timer);
  }
}

// The streams of all windows: each has saved when it had an event, below a name of its own, since windows write at any time

/** Note that a stream goes on. Return whether there are few enough. */
function note(name) {
  const now = Date.now(), isOpen = (other) => Math.abs(now - load(other)) < FORGOTTEN_MS;
  const others = names(STREAM).filter((other) => other !== name);
  others.filter((other) => !isOpen(other)).forEach(remove);
  if (others.filter(isOpen).length >= MAX_STREAMS) return false;
  save(name, now);
  return true;
}
