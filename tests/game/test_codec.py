"""How turns are stored: packed, or as earlier versions have stored them."""

import json
import random

import pytest

import rules
from game import codec

TRIPLES = b""  # how games of earlier versions begin


def turns_by_chance(chance):
    """Return up to 60 turns; some are further apart than a byte can say."""
    tick, turns = 0, []
    for _ in range(chance.randrange(60)):
        tick += chance.choice((1, 2, 3, 8, 62, 63, 64, 126, 127, 800))
        turns.append((tick, chance.choice(rules.HEADINGS)))
    return turns


@pytest.mark.parametrize("begin", [codec.PACKED, TRIPLES])
def test_turns_are_decoded_as_they_were_appended(begin):
    chance = random.Random(16)
    for _ in range(300):
        turns, encoded = turns_by_chance(chance), begin
        cut = chance.randint(0, len(turns))
        for some in (turns[:cut], turns[cut:]):
            encoded = codec.append_turns(encoded, some)
        assert codec.decode_turns(encoded) == turns
        assert codec.is_whole(encoded)


@pytest.mark.parametrize("begin", [codec.PACKED, TRIPLES])
def test_a_part_has_the_turns_after_a_tick_up_to_a_limit(begin, monkeypatch):
    monkeypatch.setattr(codec, "STEP", 7)
    chance = random.Random(17)
    for _ in range(300):
        turns = turns_by_chance(chance)
        since, limit = chance.randint(0, turns[-1][0] if turns else 1), chance.choice((1, 7, 20, 100))
        later = [turn for turn in turns if turn[0] > since]
        wanted = later[:limit]
        part = codec.decode_part(codec.append_turns(begin, turns), since, limit)
        assert json.loads(bytes(part.turns)) == [list(turn) for turn in wanted]
        assert (part.number, part.last) == (len(wanted), wanted[-1][0] if wanted else None)
        assert part.is_cut == (len(later) > limit)


def test_a_packed_turn_takes_a_byte():
    turns = [(5 * number, rules.HEADINGS[number % 4]) for number in range(1, 101)]
    assert len(codec.encode_turns(turns)) == 101
    assert len(codec.append_turns(TRIPLES, turns)) == 300


def test_turns_that_were_cut_off_are_not_whole():
    turns = [(3, "R"), (700, "U")]
    packed, triples = codec.encode_turns(turns), codec.append_turns(TRIPLES, turns)
    assert not codec.is_whole(packed[:-1])
    assert not codec.is_whole(triples[:-1])
