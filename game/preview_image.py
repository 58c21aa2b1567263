"""Draws the state of a game as a PNG (RFC 2083), pixel by pixel: all of it is made of squares."""

import struct
import zlib

import rules

WIDTH, HEIGHT = 1200, 630  # as link previews show images
CELL = 28
INSET = 4  # between a cell's edge and the snake in it
EDGE = 12  # width of the rim around the board
LEFT, TOP = 35 + EDGE, (HEIGHT - rules.SIZE * CELL) // 2
DIGIT = 30  # side of a digit's squares
MIDDLE = (LEFT + rules.SIZE * CELL + EDGE + WIDTH) // 2  # of the score, horizontally

# The colours of the client's dark theme.
PALETTE = ["2b1826", "603328", "592e26", "8a5238", "9bd056", "5f9331", "ffe9c4", "d08e58", "f5e4c9", "1f0d10"]
GROUND, PIT, PIT_OTHER, RIM, SNAKE, SCALES, EGG, SPECKLE, INK, SHADE = range(len(PALETTE))

# Three squares wide and five high, row by row.
DIGITS = ["75557", "26227", "71747", "71717", "55711", "74717", "74757", "71111", "75757", "75717"]


def draw(game):
    """Return the PNG of a rules.Game's state, as bytes."""
    rows = [bytearray([GROUND]) * WIDTH for _ in range(HEIGHT)]
    _draw_pit(rows, game.mode)
    if game.outcome != rules.WON:
        _draw_egg(rows, game.food)
    _draw_snake(rows, game)
    _draw_score(rows, game.score)
    return _png(rows)


def _fill(rows, x, y, width, height, colour):
    stripe = bytes([colour]) * width
    for row in rows[y : y + height]:
        row[x : x + width] = stripe


def _corner(cell):
    return LEFT + cell % rules.SIZE * CELL, TOP + cell // rules.SIZE * CELL


def _draw_pit(rows, mode):
    side = rules.SIZE * CELL
    if mode == rules.WALLS:
        _fill(rows, LEFT - EDGE, TOP - EDGE, side + 2 * EDGE, side + 2 * EDGE, RIM)
    else:  # no wall: dashes
        for at in range(CELL // 4, side, CELL):
            for beyond in (-EDGE, side + EDGE // 2):
                _fill(rows, LEFT + at, TOP + beyond, CELL // 2, EDGE // 2, RIM)
                _fill(rows, LEFT + beyond, TOP + at, EDGE // 2, CELL // 2, RIM)
    for cell in range(rules.CELLS):
        _fill(rows, *_corner(cell), CELL, CELL, PIT_OTHER if (cell + cell // rules.SIZE) % 2 else PIT)


def _draw_egg(rows, cell):
    x, y = _corner(cell)
    _fill(rows, x + 8, y + 4, 12, 20, EGG)
    _fill(rows, x + 5, y + 9, 18, 11, EGG)
    _fill(rows, x + 10, y + 9, 3, 3, SPECKLE)
    _fill(rows, x + 15, y + 15, 4, 4, SPECKLE)


def _draw_snake(rows, game):
    cells, side = list(game.body), CELL - 2 * INSET
    for cell, ahead, behind in zip(cells, [None, *cells[:-1]], [*cells[1:], None], strict=True):
        x, y = _corner(cell)
        _fill(rows, x + INSET, y + INSET, side, side, SNAKE)
        for heading, (right, down) in rules.STEPS.items():
            if rules.neighbour(cell, heading, game.mode) in (ahead, behind):
                _fill(rows, x + INSET + INSET * right, y + INSET + INSET * down, side, side, SNAKE)
    for cell in cells[1:]:
        x, y = _corner(cell)
        _fill(rows, x + CELL // 2 - 3, y + CELL // 2 - 3, 6, 6, SCALES)
    x, y = _corner(cells[0])
    for dx, dy in _eyes(*rules.STEPS[game.heading]):
        _fill(rows, x + CELL // 2 - 4 + dx, y + CELL // 2 - 4 + dy, 8, 8, INK)
        _fill(rows, x + CELL // 2 - 2 + dx, y + CELL // 2 - 2 + dy, 4, 4, SHADE)


def _eyes(right, down):
    """Return the positions of the eyes, from the middle of the head, for its direction."""
    return [(3 * right + 6 * side * down, 3 * down + 6 * side * right) for side in (-1, 1)]


def _draw_score(rows, score):
    text = str(score)
    side = min(DIGIT, (WIDTH - LEFT - rules.SIZE * CELL - 2 * EDGE) // (4 * len(text) + 1))
    x, y = MIDDLE - side * (4 * len(text) - 1) // 2, HEIGHT // 2 - side * 5 // 2
    for digit in text:
        for row, bits in enumerate(DIGITS[int(digit)]):
            for column in range(3):
                if int(bits) >> (2 - column) & 1:
                    _fill(rows, x + column * side, y + row * side, side, side, INK)
        x += 4 * side


def _png(rows):
    palette = bytes.fromhex("".join(PALETTE))
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 3, 0, 0, 0)  # 8 bits each, from a palette
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 6)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
