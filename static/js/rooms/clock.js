/* The server's clock, from the fastest of the latest polls, and what it says of rounds. */

const MAX_SAMPLES = 20;
const SLEPT_MS = 1000; // by which the device's clocks differ after it has slept

let samples = []; // [{aheadMs, tookMs}]: how far the server's clock is ahead of performance.now()
let driftMs = Date.now() - performance.now();

/** The header of a response, in seconds, and when its request was sent and it was received. */
export function addSample(seconds, sentAt, receivedAt) {
  const drift = Date.now() - performance.now();
  if (Math.abs(drift - driftMs) > SLEPT_MS) samples = [];
  driftMs = drift;
  if (seconds === null) return;
  samples.push({ aheadMs: 1000 * seconds - (sentAt + receivedAt) / 2, tookMs: receivedAt - sentAt });
  samples = samples.slice(-MAX_SAMPLES);
}

/** When a time of the server comes, by performance.now(). */
export function comesAt(timestamp) {
  const [fastest] = samples.toSorted((one, other) => one.tookMs - other.tookMs);
  return Date.parse(timestamp) - (fastest?.aheadMs ?? driftMs);
}

// What a round is now
export const NONE = "none", WAITING = "waiting", RUNNING = "running", ENDED = "over";

const FIRST_TICK_MS = 2000; // after the start of the round
const FINAL_MS = 2500; // after its end, a round's standings are final

/** By the clock: the passing of time is no change of the room, so what was polled last may be older. */
export function phaseOf(round, now) {
  if (!round || round.status === "cancelled") return NONE;
  if (round.status === "over" || now >= comesAt(round.ends_at)) return ENDED;
  return now < comesAt(round.starts_at) ? WAITING : RUNNING;
}

/** Whether a round's standings don't change any more. */
export function isFinal(round, now) {
  return phaseOf(round, now) === ENDED && now >= comesAt(round.ends_at) + FINAL_MS;
}

/** When the games of a round begin, at the same moment on all devices. */
export function firstTickAt(round) {
  return comesAt(round.starts_at) + FIRST_TICK_MS;
}

export function secondsToStart(round, now) {
  return Math.max(0, Math.ceil((firstTickAt(round) - now) / 1000));
}
