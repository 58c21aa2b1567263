/* The rules of the game, version 1: pure, and the same to the bit as `rules.py`.

A game is its seed and its turns. Nothing here knows a clock, a network, a page or any randomness but the game's own, so
anyone who has those two can play the game again, and must get the same end.

A cell is a number, `y * SIZE + x`; (0, 0) is the top left, x grows to the right and y downwards. A turn is `[tick,
heading]` and takes effect at the beginning of that tick; ticks count from 1. */

export const RULES = 1;

export const SIZE = 20;
export const CELLS = SIZE * SIZE;
export const POINTS = 10; // for a meal
export const STARVES_AFTER = 800; // ticks in a row without a meal

export const HEADINGS = ["U", "R", "D", "L"];
export const STEPS = { U: [0, -1], R: [1, 0], D: [0, 1], L: [-1, 0] };
export const OPPOSITE = { U: "D", R: "L", D: "U", L: "R" };

export const WALLS = "walls", PASS_THROUGH = "pass-through";
export const MODES = [WALLS, PASS_THROUGH];

export const WALL = "wall", SELF = "self", STARVED = "starved", WON = "won", LEFT = "left";
export const OUTCOMES = [WALL, SELF, STARVED, WON, LEFT];

export const OUTSIDE = CELLS; // the cell beyond every edge in `walls`: always taken, never food
export const NEVER = 0; // the tick of a turn that doesn't come

/** How long a tick lasts, in milliseconds, with the score as it is before that tick. */
export function tickMs(score) {
  return Math.max(70, 150 - Math.floor(2 * score / 10));
}

/** The state of the random numbers after one draw, which is also the number drawn.

xorshift32 on 32-bit unsigned integers (Marsaglia, "Xorshift RNGs", 2003). */
export function draw(rng) {
  rng ^= rng << 13;
  rng ^= rng >>> 17;
  return (rng ^ rng << 5) >>> 0;
}

/** The cell one step from `cell`; OUTSIDE where a wall is. */
export function neighbour(cell, heading, mode) {
  const x = cell % SIZE + STEPS[heading][0], y = Math.floor(cell / SIZE) + STEPS[heading][1];
  if (mode === WALLS && (x < 0 || x >= SIZE || y < 0 || y >= SIZE)) return OUTSIDE;
  return (y + SIZE) % SIZE * SIZE + (x + SIZE) % SIZE;
}

const NEIGHBOURS = {};
for (const mode of MODES) {
  NEIGHBOURS[mode] = {};
  for (const heading of HEADINGS) {
    NEIGHBOURS[mode][heading] = Array.from({ length: CELLS }, (_, cell) => neighbour(cell, heading, mode));
  }
}

/** A game in progress: `seed` 1 to 4294967295, `mode` one of MODES. Throws a RangeError for others.

`ticks`, `score`, `outcome` (null while playing), `heading`, `body` (cells, head first), `food` (a cell), `rng` (the
state after the last draw), `hunger` (ticks since the last meal) and `nominalMs` (the sum of the ticks' lengths) are
for reading. */
export class Game {
  constructor(seed, mode) {
    if (!Number.isInteger(seed) || seed < 1 || seed > 0xFFFFFFFF) {
      throw new RangeError(`seed ${seed} is not from 1 to 4294967295`);
    }
    if (!MODES.includes(mode)) throw new RangeError(`mode ${mode} is none of ${MODES.join(", ")}`);
    this.mode = mode;
    this.ticks = this.score = this.hunger = this.nominalMs = 0;
    this.outcome = null;
    this.heading = "U";
    this.rng = seed;
    this._occupy([10 * SIZE + 10, 11 * SIZE + 10, 12 * SIZE + 10]);
    this._placeFood();
  }

  /** The game that `save()` wrote, in that mode, still playing. */
  static load(mode, saved) {
    const game = Object.create(Game.prototype);
    game.mode = mode;
    game.outcome = null;
    [game.ticks, game.score, game.hunger, game.nominalMs, game.rng, game.food] = saved;
    game.heading = HEADINGS[saved[6]];
    game._occupy(saved.slice(7));
    return game;
  }

  /** The state of a game that is still playing, as unsigned 32-bit integers: what `load` takes. */
  save() {
    const heading = HEADINGS.indexOf(this.heading);
    return [this.ticks, this.score, this.hunger, this.nominalMs, this.rng, this.food, heading, ...this.body];
  }

  /** The state as the vectors of the rules have it, cells as [x, y]. */
  snapshot() {
    return {
      ticks: this.ticks,
      score: this.score,
      outcome: this.outcome,
      heading: this.heading,
      body: this.body.map((cell) => [cell % SIZE, Math.floor(cell / SIZE)]),
      food: [this.food % SIZE, Math.floor(this.food / SIZE)],
      rng: this.rng,
      nominal_ms: this.nominalMs,
    };
  }

  /** Play on through `tick`, or to the end of the game.

  `turns` is a list of [tick, heading] in ascending order. Those at ticks already played are passed over, and so are
  those after `tick`: the list may be the whole game's. */
  advance(turns, tick) {
    let following = firstAfter(turns, this.ticks);
    while (this.ticks < tick && !this.outcome) {
      const starves = this.ticks + STARVES_AFTER - this.hunger;
      following = this._runToMeal(turns, following, Math.min(tick, starves));
    }
  }

  /** Play through tick `last`, to the next meal, or to the end of the game, whichever is first.

  `following` is the index of the turn that comes next; answers what it is then. */
  _runToMeal(turns, following, last) {
    const neighbours = NEIGHBOURS[this.mode], body = this.body, taken = this._taken;
    let neighbourOf = neighbours[this.heading], head = body[0], ate = false, tick = this.ticks;
    let turnsAt = following < turns.length ? turns[following][0] : NEVER;
    while (tick < last) {
      tick++;
      if (tick === turnsAt) {
        const heading = turns[following][1];
        if (heading !== OPPOSITE[this.heading]) {
          this.heading = heading;
          neighbourOf = neighbours[heading];
        }
        following++;
        turnsAt = following < turns.length ? turns[following][0] : NEVER;
      }
      head = neighbourOf[head];
      if (head === this.food) {
        ate = true;
        break;
      }
      const tail = body.pop();
      taken[tail] = 0;
      if (taken[head]) {
        body.push(tail);
        taken[tail] = 1;
        this.outcome = head === OUTSIDE ? WALL : SELF;
        break;
      }
      taken[head] = 1;
      body.unshift(head);
    }

    this.hunger += tick - this.ticks;
    this.nominalMs += (tick - this.ticks) * tickMs(this.score);
    this.ticks = tick;
    if (ate) this._eat();
    else if (this.hunger === STARVES_AFTER && !this.outcome) this.outcome = STARVED;
    return following;
  }

  _eat() {
    this.body.unshift(this.food);
    this._taken[this.food] = 1;
    this.score += POINTS;
    this.hunger = 0;
    if (this.body.length === CELLS) this.outcome = WON;
    else this._placeFood();
  }

  _placeFood() {
    this.rng = draw(this.rng);
    let index = this.rng % (CELLS - this.body.length);
    for (this.food = 0; this._taken[this.food] || index-- > 0; this.food++);
  }

  _occupy(cells) {
    this.body = Array.from(cells);
    this._taken = new Uint8Array(CELLS + 1);
    for (const cell of [...cells, OUTSIDE]) this._taken[cell] = 1;
  }
}

/** The index of the first turn after `tick`. */
function firstAfter(turns, tick) {
  let low = 0, high = turns.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (turns[middle][0] > tick) high = middle;
    else low = middle + 1;
  }
  return low;
}
