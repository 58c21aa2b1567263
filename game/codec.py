"""The stored form of a game's turns and state.

Each turn is three bytes: its tick times four, plus the index of its heading. The state of a game that is played is what
rules.Game.save returns, as little-endian 32-bit numbers.
"""

from bisect import bisect_right
from collections import namedtuple
from struct import pack, unpack

import msgspec

import rules
from database import threadpool
from database.binding import release_connection

WIDTH = 3  # bytes of a turn
STEP = 4_000  # turns decoded before other requests have their turn

_CODES = {heading: code for code, heading in enumerate(rules.HEADINGS)}

# Turns as JSON: their number, the tick of the last one or None, and whether more follow.
Part = namedtuple("Part", "turns number last is_cut")


def encode_turns(turns):
    return b"".join([(tick << 2 | _CODES[heading]).to_bytes(WIDTH, "big") for tick, heading in turns])


def decode_turns(encoded):
    """Return the turns as a list of (tick, heading)."""
    triples = zip(encoded[::WIDTH], encoded[1::WIDTH], encoded[2::WIDTH], strict=True)
    numbers = (high << 16 | middle << 8 | low for high, middle, low in triples)
    return [(number >> 2, rules.HEADINGS[number & 3]) for number in numbers]


def decode_part(encoded, since, limit):
    """Return the Part with the turns after the tick `since`, at most `limit` of them.

    While it decodes many, other requests have their turn.
    """
    first = WIDTH * bisect_right(range(0, len(encoded), WIDTH), since, key=lambda index: _tick_at(encoded, index))
    end = min(first + WIDTH * limit, len(encoded))
    parts = []
    for start in range(first, end, WIDTH * STEP):
        if parts:
            release_connection()
            threadpool.give_way()
        parts.append(msgspec.json.encode(decode_turns(encoded[start : min(end, start + WIDTH * STEP)]))[1:-1])
    last = _tick_at(encoded, end - WIDTH) if parts else None
    return Part(msgspec.Raw(b"[%s]" % b",".join(parts)), max(0, end - first) // WIDTH, last, end < len(encoded))


def _tick_at(encoded, index):
    return int.from_bytes(encoded[index : index + WIDTH], "big") >> 2


def encode_state(game):
    saved = game.save()
    return pack(f"<{len(saved)}I", *saved)


def decode_state(mode, encoded):
    """Return the rules.Game that `encode_state` encoded."""
    return rules.Game.load(mode, unpack(f"<{len(encoded) // 4}I", encoded))
