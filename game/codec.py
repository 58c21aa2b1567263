"""The stored form of a game's turns and state.

Turns begin with the byte PACKED, and each is a byte: the ticks since the turn before times four, plus the index of its
heading. A byte 0 stands for LONGEST ticks without a turn. Earlier versions wrote three bytes for a turn: its tick times
four, plus the index. Games that they have begun keep that form until they are packed; its first byte is 0. The state of a
game that is played is what rules.Game.save returns, as little-endian 32-bit numbers.
"""

from bisect import bisect_right
from collections import namedtuple
from itertools import accumulate
from operator import itemgetter
from struct import pack, unpack

import msgspec

import rules
from database import threadpool
from database.binding import release_connection

PACKED = b"\xff"  # no turns; in the earlier form these are no bytes
LONGEST = 63  # ticks that a byte can have
WIDTH = 3  # bytes of a turn in the earlier form
STEP = 4_000  # turns read before other requests have their turn

_CODES = {heading: code for code, heading in enumerate(rules.HEADINGS)}
_TICKS = bytes(byte >> 2 or LONGEST for byte in range(256))  # of each byte

# Turns as JSON: their number, the tick of the last one or None, and whether more follow.
Part = namedtuple("Part", "turns number last is_cut")


def encode_turns(turns):
    return append_turns(PACKED, turns)


def append_turns(encoded, turns):
    """Return encoded turns, in the form that they have, with later ones."""
    if not encoded.startswith(PACKED):
        return encoded + b"".join([(tick << 2 | _CODES[heading]).to_bytes(WIDTH, "big") for tick, heading in turns])
    before, added = sum(encoded[1:].translate(_TICKS)), bytearray()
    for tick, heading in turns:
        ticks = tick - before
        while ticks > LONGEST:
            added.append(0)
            ticks -= LONGEST
        added.append(ticks << 2 | _CODES[heading])
        before = tick
    return encoded + added


def decode_turns(encoded):
    """Return the turns as a list of (tick, heading)."""
    return _unpack(encoded[1:], 0) if encoded.startswith(PACKED) else _decode_triples(encoded)


def _unpack(packed, before):
    """Return the turns of so many bytes; `before` is the tick of the last turn before them."""
    ticks = accumulate(packed.translate(_TICKS), initial=before)
    next(ticks)
    return [(tick, rules.HEADINGS[byte & 3]) for tick, byte in zip(ticks, packed, strict=True) if byte]


def _decode_triples(encoded):
    triples = zip(encoded[::WIDTH], encoded[1::WIDTH], encoded[2::WIDTH], strict=True)
    numbers = (high << 16 | middle << 8 | low for high, middle, low in triples)
    return [(number >> 2, rules.HEADINGS[number & 3]) for number in numbers]


def is_whole(encoded):
    """Return whether encoded turns don't end within a turn."""
    return not encoded.endswith(b"\0") if encoded.startswith(PACKED) else len(encoded) % WIDTH == 0


def decode_part(encoded, since, limit):
    """Return the Part with the turns after the tick `since`, at most `limit` of them.

    While it reads many, other requests have their turn.
    """
    parts, number, last, is_cut = [], 0, None, False
    for index, turns in enumerate(_steps(encoded, since)):
        if index:
            release_connection()
            threadpool.give_way()
        some = turns[: limit - number]
        if some:
            parts.append(msgspec.json.encode(some)[1:-1])
            number, last = number + len(some), some[-1][0]
        if len(some) < len(turns):
            is_cut = True
            break
    return Part(msgspec.Raw(b"[%s]" % b",".join(parts)), number, last, is_cut)


def _steps(encoded, since):
    """Yield the turns after the tick `since` in lists of up to STEP, and an empty list for each STEP before them."""
    if not encoded.startswith(PACKED):
        first = WIDTH * bisect_right(range(0, len(encoded), WIDTH), since, key=lambda index: _tick_at(encoded, index))
        for start in range(first, len(encoded), WIDTH * STEP):
            yield _decode_triples(encoded[start : start + WIDTH * STEP])
        return
    before = 0
    for start in range(1, len(encoded), STEP):
        packed = encoded[start : start + STEP]
        last = before + sum(packed.translate(_TICKS))
        turns = _unpack(packed, before) if last > since else []
        yield turns[bisect_right(turns, since, key=itemgetter(0)) :]
        before = last


def _tick_at(encoded, index):
    return int.from_bytes(encoded[index : index + WIDTH], "big") >> 2


def encode_state(game):
    saved = game.save()
    return pack(f"<{len(saved)}I", *saved)


def decode_state(mode, encoded):
    """Return the rules.Game that `encode_state` encoded."""
    return rules.Game.load(mode, unpack(f"<{len(encoded) // 4}I", encoded))
