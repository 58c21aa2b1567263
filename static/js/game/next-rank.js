/* The next rank to beat: who stands just ahead on the board, and the moment in which they are overtaken.

The game never waits for it: an answer is welcome when it comes, and one that fails is not missed. */

import { nextRank } from "../api.js";
import { counts } from "./playing.js";
import { OVERTOOK, PLAYING, note, state } from "./state.js";
import { dayOf } from "../lib/format.js";

const APART_MS = 3000; // between two that are announced: low on a long board, every meal overtakes somebody

let askedFor = null; // the id of the game that the board was asked for
let announcedAt = -Infinity;

/** Asks when a game has begun, and again when its score has passed the rival's. Called with each frame. */
export function watch(now) {
  const { id, game, rival } = state;
  if (!game) return;
  if (id !== askedFor) ask();
  else if (rival && state.phase === PLAYING && game.score > rival.score) overtake(now);
}

function overtake(now) {
  const { rank, username } = state.rival;
  state.rival = null;
  if (now - announcedAt > APART_MS) {
    announcedAt = now;
    note(state, OVERTOOK, now, { rank, username });
  }
  ask();
}

async function ask() {
  const { id, mode, game, challenge } = state, score = game.score;
  askedFor = id;
  if (challenge && !dayOf(challenge.name)) return; // there it is one game that is to be beaten
  const answer = await nextRank(mode, score, challenge?.name).catch(() => null);
  if (!answer || state.id !== id) return;
  const { rank, next } = answer;
  state.rival = next && next.score >= score ? { ...next, rank: counts() ? next.rank : null } : null;
  state.leads = rank === 1 && !next && score > 0;
}
