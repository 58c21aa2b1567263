"""The rules in both languages: the vectors, and random games."""

import json
import re
from pathlib import Path

import py_mini_racer
import pytest
from driver import plan
from hypothesis import given, settings
from hypothesis import strategies as st

import rules

VECTORS = json.loads((Path(__file__).parent / "rules-vectors.json").read_text())
RULES_JS = Path(__file__).parent.parent / "static" / "js" / "rules.js"
SEEDS = st.integers(1, 2**32 - 1)


def name(vector):
    return f"{vector['seed']}-{vector['mode']}-{vector['expect']['outcome']}"


def play_in_python(seed, mode, turns, ticks, step=None):
    """The end state; in steps of so many ticks, through save and load in between, if `step` is given."""
    game = rules.Game(seed, mode)
    for tick in range(step, ticks, step) if step else ():
        game.advance(turns, tick)
        if game.outcome:
            return game.snapshot()
        game = rules.Game.load(mode, game.save())
    game.advance(turns, ticks)
    return game.snapshot()


@pytest.fixture(scope="module")
def play_in_javascript():
    """The same in V8. A script has no exports, so the word is taken out; nothing else of the file is changed."""
    engine = py_mini_racer.MiniRacer()
    engine.eval(
        RULES_JS.read_text().replace("export ", "")
        + """
        function play(seed, mode, turns, ticks, step) {
          let game = new Game(seed, mode);
          for (let tick = step; step && tick < ticks; tick += step) {
            game.advance(turns, tick);
            if (game.outcome) return JSON.stringify(game.snapshot());
            game = Game.load(mode, game.save());
          }
          game.advance(turns, ticks);
          return JSON.stringify(game.snapshot());
        }
        """
    )
    return lambda *game: json.loads(engine.call("play", *game))


@pytest.mark.parametrize("step", [None, 7], ids=["at-once", "in-steps"])
@pytest.mark.parametrize("vector", VECTORS, ids=name)
def test_python_reproduces_the_vector(vector, step):
    state = play_in_python(vector["seed"], vector["mode"], vector["turns"], vector["ticks"], step)
    assert state == {**vector["expect"], "ticks": vector["ticks"]}


@pytest.mark.parametrize("step", [None, 7], ids=["at-once", "in-steps"])
@pytest.mark.parametrize("vector", VECTORS, ids=name)
def test_javascript_reproduces_the_vector(vector, step, play_in_javascript):
    state = play_in_javascript(vector["seed"], vector["mode"], vector["turns"], vector["ticks"], step)
    assert state == {**vector["expect"], "ticks": vector["ticks"]}


def test_the_vectors_have_every_way_to_end():
    ends = {(vector["mode"], vector["expect"]["outcome"]) for vector in VECTORS}
    assert {outcome for _, outcome in ends} == {None, rules.WALL, rules.SELF, rules.STARVED, rules.WON}
    assert {mode for mode, _ in ends} == set(rules.MODES)


@given(
    seed=SEEDS,
    mode=st.sampled_from(rules.MODES),
    gaps=st.lists(st.tuples(st.integers(1, 30), st.sampled_from(rules.HEADINGS)), max_size=200),
    more=st.integers(0, 900),
    step=st.integers(1, 50),
)
@settings(max_examples=300, deadline=None)
def test_both_languages_end_in_the_same_state(play_in_javascript, seed, mode, gaps, more, step):
    turns, tick = [], 0
    for gap, heading in gaps:
        tick += gap
        turns.append([tick, heading])
    game = (seed, mode, turns, tick + more)
    assert play_in_python(*game) == play_in_javascript(*game) == play_in_python(*game, step)


@given(seed=SEEDS, mode=st.sampled_from(rules.MODES), meals=st.integers(1, 25))
@settings(max_examples=60, deadline=None)
def test_both_languages_agree_on_games_that_eat(play_in_javascript, seed, mode, meals):
    """Random turns eat little; these games grow."""
    turns, end = plan(seed, mode, meals)
    state = play_in_python(seed, mode, turns, end)
    assert state == play_in_javascript(seed, mode, turns, end)
    assert state["score"] >= meals * rules.POINTS
    assert state["outcome"]


def test_turns_played_already_and_turns_to_come_are_passed_over():
    vector = VECTORS[0]
    by_parts = rules.Game(vector["seed"], vector["mode"])
    for tick in range(1, vector["ticks"] + 1):
        by_parts.advance(vector["turns"], tick)
    assert by_parts.snapshot() == play_in_python(vector["seed"], vector["mode"], vector["turns"], vector["ticks"])


@pytest.mark.parametrize(("seed", "mode"), [(0, "walls"), (2**32, "walls"), (-1, "walls"), (1, "wals"), (1, None)])
def test_a_game_of_no_seed_or_mode_is_refused(seed, mode, play_in_javascript):
    with pytest.raises(ValueError, match="is no"):
        rules.Game(seed, mode)
    with pytest.raises(py_mini_racer.JSEvalException, match="RangeError"):
        play_in_javascript(seed, mode, [], 1)


def camel_case(name):
    return re.sub(r"(?<=[a-z])_([a-z])", lambda match: match[1].upper(), name)


def test_the_names_are_the_same_and_in_the_same_order():
    """So that the two files can be read side by side: `tick_ms` in Python is `tickMs` in JavaScript."""
    javascript = RULES_JS.read_text()
    python = Path(rules.__file__).read_text()
    names = [line.split()[1].split("(")[0] for line in python.splitlines() if line.lstrip().startswith("def ")]
    names = ["constructor" if name == "__init__" else camel_case(name) for name in names]
    prefix = {
        "tickMs": "export function ",
        "draw": "export function ",
        "neighbour": "export function ",
        "load": "static ",
    }
    places = [javascript.index(f"{prefix.get(name, '  ')}{name}(") for name in names]
    assert places == sorted(places)
