/* What the pages of a room poll. `followed` is an open page: {code, room, standings, finalRound, failures, poller}. */

import { retryDelayMs } from "../api.js";
import { readRoom, readRound } from "./calls.js";
import { NONE, WAITING, isFinal, phaseOf } from "./clock.js";

/** What belongs to a page that is being opened. */
export function startToFollow(code) {
  return {
    code,
    room: null, // as it was polled last
    standings: null, // of the latest round that has begun
    finalRound: null, // the number of the round whose wins are in `room`
    failures: 0, // requests that failed in a row
    poller: 0,
  };
}

/** Return the room if it has changed, else null. It is also read when a round is over: wins don't change its version. */
export async function readNews(followed) {
  const { code, room, finalRound } = followed, round = room?.round;
  const hasWins = round && isFinal(round, performance.now()) && finalRound !== round.number;
  const found = await readRoom(code, hasWins ? null : room?.version);
  if (hasWins) followed.finalRound = round.number;
  return found;
}

/** Read the standings of the latest round that has begun, until they are final. */
export async function readStandings(followed) {
  const { code, room: { round }, standings } = followed, now = performance.now();
  const isDone = standings?.number === round?.number && standings?.isFinal;
  if ([NONE, WAITING].includes(phaseOf(round, now)) || isDone) return;
  const wasFinal = isFinal(round, now), found = await readRound(code, round.number);
  followed.standings = { ...found, isFinal: wasFinal };
}

/** Call `poll(followed)` after the usual time, or later, the more often it has failed. */
export function schedule(followed, poll, usualMs) {
  clearTimeout(followed.poller);
  followed.poller = setTimeout(poll, followed.failures ? retryDelayMs(followed.failures) : usualMs, followed);
}
