"""The rules of the game, version 1: pure, and the same to the bit as `static/js/rules.js`.

A game is its seed and its turns. Nothing here knows a clock, a network, a database or any randomness but the game's own,
so anyone who has those two can play the game again, and must get the same end.

A cell is a number, `y * SIZE + x`; (0, 0) is the top left, x grows to the right and y downwards. A turn is `[tick, heading]`
and takes effect at the beginning of that tick; ticks count from 1.
"""

from bisect import bisect_right
from collections import deque
from operator import itemgetter

RULES = 1

SIZE = 20
CELLS = SIZE * SIZE
POINTS = 10  # for a meal
STARVES_AFTER = 800  # ticks in a row without a meal

HEADINGS = ("U", "R", "D", "L")
STEPS = {"U": (0, -1), "R": (1, 0), "D": (0, 1), "L": (-1, 0)}
OPPOSITE = {"U": "D", "R": "L", "D": "U", "L": "R"}

WALLS, PASS_THROUGH = "walls", "pass-through"
MODES = (WALLS, PASS_THROUGH)

WALL, SELF, STARVED, WON, LEFT = "wall", "self", "starved", "won", "left"
OUTCOMES = (WALL, SELF, STARVED, WON, LEFT)

OUTSIDE = CELLS  # the cell beyond every edge in `walls`: always taken, never food
NEVER = 0  # the tick of a turn that doesn't come


def tick_ms(score):
    """How long a tick lasts, in milliseconds, with the score as it is before that tick."""
    return max(70, 150 - 2 * score // 10)


def draw(rng):
    """The state of the random numbers after one draw, which is also the number drawn.

    xorshift32 on 32-bit unsigned integers (Marsaglia, "Xorshift RNGs", 2003).
    """
    rng ^= rng << 13 & 0xFFFFFFFF
    rng ^= rng >> 17
    return rng ^ (rng << 5 & 0xFFFFFFFF)


def neighbour(cell, heading, mode):
    """The cell one step from `cell`; OUTSIDE where a wall is."""
    x, y = cell % SIZE + STEPS[heading][0], cell // SIZE + STEPS[heading][1]
    if mode == WALLS and not (0 <= x < SIZE and 0 <= y < SIZE):
        return OUTSIDE
    return y % SIZE * SIZE + x % SIZE


NEIGHBOURS = {
    mode: {heading: [neighbour(cell, heading, mode) for cell in range(CELLS)] for heading in HEADINGS} for mode in MODES
}


class Game:
    """A game in progress: `seed` 1 to 4294967295, `mode` one of MODES. Raises ValueError for others.

    `ticks`, `score`, `outcome` (None while playing), `heading`, `body` (cells, head first), `food` (a cell), `rng` (the
    state after the last draw), `hunger` (ticks since the last meal) and `nominal_ms` (the sum of the ticks' lengths) are
    for reading.
    """

    def __init__(self, seed, mode):
        if not 1 <= seed <= 0xFFFFFFFF:
            raise ValueError(f"seed {seed} is not from 1 to 4294967295")
        if mode not in MODES:
            raise ValueError(f"mode {mode!r} is none of {', '.join(MODES)}")
        self.mode = mode
        self.ticks = self.score = self.hunger = self.nominal_ms = 0
        self.outcome = None
        self.heading = "U"
        self.rng = seed
        self._occupy([10 * SIZE + 10, 11 * SIZE + 10, 12 * SIZE + 10])
        self._place_food()

    @classmethod
    def load(cls, mode, saved):
        """The game that `save()` wrote, in that mode, still playing."""
        game = cls.__new__(cls)
        game.mode = mode
        game.outcome = None
        game.ticks, game.score, game.hunger, game.nominal_ms, game.rng, game.food = saved[:6]
        game.heading = HEADINGS[saved[6]]
        game._occupy(saved[7:])
        return game

    def save(self):
        """The state of a game that is still playing, as unsigned 32-bit integers: what `load` takes."""
        heading = HEADINGS.index(self.heading)
        return [self.ticks, self.score, self.hunger, self.nominal_ms, self.rng, self.food, heading, *self.body]

    def snapshot(self):
        """The state as the vectors of the rules have it, cells as [x, y]."""
        return {
            "ticks": self.ticks,
            "score": self.score,
            "outcome": self.outcome,
            "heading": self.heading,
            "body": [[cell % SIZE, cell // SIZE] for cell in self.body],
            "food": [self.food % SIZE, self.food // SIZE],
            "rng": self.rng,
            "nominal_ms": self.nominal_ms,
        }

    def advance(self, turns, tick):
        """Play on through `tick`, or to the end of the game.

        `turns` is a list of [tick, heading] in ascending order. Those at ticks already played are passed over, and so are
        those after `tick`: the list may be the whole game's.
        """
        following = bisect_right(turns, self.ticks, key=itemgetter(0))
        while self.ticks < tick and not self.outcome:
            starves = self.ticks + STARVES_AFTER - self.hunger
            following = self._run_to_meal(turns, following, min(tick, starves))

    def _run_to_meal(self, turns, following, last):
        """Play through tick `last`, to the next meal, or to the end of the game, whichever is first.

        `following` is the index of the turn that comes next; answers what it is then. The one hot loop of the server: the
        state is kept in locals, and what can only change with a meal (a tick's length, the tick of starvation) is not
        looked at on each tick.
        """
        neighbours, body, taken, food = NEIGHBOURS[self.mode], self.body, self._taken, self.food
        neighbour_of, head, ate = neighbours[self.heading], body[0], False
        turns_at = turns[following][0] if following < len(turns) else NEVER
        for tick in range(self.ticks + 1, last + 1):
            if tick == turns_at:
                heading = turns[following][1]
                if heading != OPPOSITE[self.heading]:
                    self.heading = heading
                    neighbour_of = neighbours[heading]
                following += 1
                turns_at = turns[following][0] if following < len(turns) else NEVER
            head = neighbour_of[head]
            if head == food:
                ate = True
                break
            tail = body.pop()
            taken[tail] = 0
            if taken[head]:
                body.append(tail)
                taken[tail] = 1
                self.outcome = WALL if head == OUTSIDE else SELF
                break
            taken[head] = 1
            body.appendleft(head)

        self.hunger += tick - self.ticks
        self.nominal_ms += (tick - self.ticks) * tick_ms(self.score)
        self.ticks = tick
        if ate:
            self._eat()
        elif self.hunger == STARVES_AFTER and not self.outcome:
            self.outcome = STARVED
        return following

    def _eat(self):
        self.body.appendleft(self.food)
        self._taken[self.food] = 1
        self.score += POINTS
        self.hunger = 0
        if len(self.body) == CELLS:
            self.outcome = WON
        else:
            self._place_food()

    def _place_food(self):
        self.rng = draw(self.rng)
        index = self.rng % (CELLS - len(self.body))
        # The empty cell's number is its index, and one more for each cell up to there that is taken.
        self.food = index
        while (cell := index + self._taken.count(1, 0, self.food + 1)) != self.food:
            self.food = cell

    def _occupy(self, cells):
        self.body = deque(cells)
        self._taken = bytearray(CELLS + 1)
        for cell in (*cells, OUTSIDE):
            self._taken[cell] = 1
