/* The next rank to beat: the entry just ahead on the leaderboard, and the moment it is overtaken. Loaded with the first
game.

The game never waits for it: if a request fails, the next rank is not shown. */

import { nextRank } from "../api.js";
import { OPENED, on } from "../lib/dom.js";
import { dayOf } from "../lib/format.js";
import { isRankedAttempt } from "./playing.js";
import { ATE, OVERTOOK, PLAYING, addEvent, isPractice, state } from "./state.js";

const ANNOUNCE_MS = 3000; // between two announcements: low on a long leaderboard, every meal overtakes somebody

let announcedAt = -Infinity;

export function bind() {
  on(OPENED, ask);
  on(ATE, checkOvertaken);
  if (state.game) ask();
}

function checkOvertaken() {
  const { rival, phase, game, seenAt } = state;
  if (!rival || phase !== PLAYING || game.score <= rival.score) return;
  state.rival = null;
  if (seenAt - announcedAt > ANNOUNCE_MS) {
    announcedAt = seenAt;
    addEvent(state, OVERTOOK, seenAt, { ...rival });
  }
  ask();
}

async function ask() {
  const { id, mode, game, challenge, round } = state, score = game.score;
  if (isPractice()) return;
  if (round || (challenge && !dayOf(challenge.name))) return; // rooms/match.js knows the next one; there the target is the one to beat
  const found = await nextRank(mode, score, challenge?.name).catch(() => null);
  if (!found || state.id !== id) return;
  const { rank, next } = found;
  state.rival = next && next.score >= score ? { ...next, rank: isRankedAttempt() ? next.rank : null } : null;
  state.isLeading = rank === 1 && !next && score > 0;
  checkOvertaken(); // the game went on meanwhile
}
