/* A game that the page plays itself, to be shown where there is no other. */

import { CELLS, Game, HEADINGS, LEFT, OPPOSITE, SIZE, WALLS, neighbour } from "../rules.js";

const TICKS = 900; // it ends then, if not before
const LEAST_ROOM = 1.5; // cells that the snake must be able to reach, as a multiple of its length

/** A game as the server records it: {id, mode, seed, turns, tick, outcome}. */
export function demoGame(seed = 1 + Math.floor(Math.random() * 1e9)) {
  const game = new Game(seed, WALLS), turns = [];
  while (!game.outcome && game.ticks < TICKS) {
    const heading = choose(game);
    if (heading !== game.heading) turns.push([game.ticks + 1, heading]);
    game.advance(turns, game.ticks + 1);
  }
  return { id: "demo", mode: WALLS, seed, turns, tick: game.ticks, outcome: game.outcome ?? LEFT };
}

/** The way to the food that leaves enough room; without one, that with the most room. */
function choose(game) {
  const free = (cell) => cell < CELLS && !game.body.includes(cell);
  const options = HEADINGS.filter((heading) => heading !== OPPOSITE[game.heading]).map((heading) => {
    const cell = neighbour(game.body[0], heading, WALLS), room = free(cell) ? roomFrom(cell, free) : 0;
    return { heading, room: Math.min(room, LEAST_ROOM * game.body.length), away: distance(cell, game.food) };
  });
  return options.sort((a, b) => b.room - a.room || a.away - b.away)[0].heading;
}

/** How many free cells can be reached from this one. */
function roomFrom(start, free) {
  const reached = new Set([start]);
  for (const cell of reached) {
    for (const heading of HEADINGS) {
      const next = neighbour(cell, heading, WALLS);
      if (free(next)) reached.add(next);
    }
  }
  return reached.size;
}

function distance(a, b) {
  return Math.abs(a % SIZE - b % SIZE) + Math.abs(Math.floor(a / SIZE) - Math.floor(b / SIZE));
}
