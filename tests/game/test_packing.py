"""When turns are packed: not while servers of a version that can't read them may run beside this one."""

import pytest

from database.transactions import commit
from game import codec, packing
from game.packing import Packing
from models import Game, Secret, now


def set_begin(at):
    commit(Secret.insert(name=packing.FROM, value=str(at)).execute)


def is_packed(game):
    return Game.get_by_id(game["id"]).turns.startswith(codec.PACKED)


def test_turns_of_a_new_database_are_packed(ada, db):
    game, turns, _ = ada.play(3)
    assert is_packed(game)
    assert ada(f"GET /api/games/{game['id']}")["turns"] == turns


def test_after_a_migration_turns_are_not_packed_for_a_while(ada, db):
    set_begin(now() + 60_000)
    game, turns, _ = ada.play(3)
    assert not is_packed(game)
    assert ada(f"GET /api/games/{game['id']}")["turns"] == turns
    Secret.update(value=str(now())).where(Secret.name == packing.FROM).execute()
    assert is_packed(ada.play(3)[0])


def test_a_game_goes_on_in_the_form_in_which_it_began(ada, db):
    """A server of the version before may have the game's next post."""
    set_begin(now() + 60_000)
    game = ada.open()
    ada.post(game, 0, 5, [[2, "R"]])
    Secret.delete().where(Secret.name == packing.FROM).execute()
    ada.post(game, 5, 8, [[7, "D"]])
    assert Game.get_by_id(game["id"]).turns == codec.append_turns(b"", [(2, "R"), (7, "D")])
    assert ada(f"GET /api/games/{game['id']}")["turns"] == [[2, "R"], [7, "D"]]


@pytest.mark.parametrize(("begins", "wanted"), [(None, True), (60_000, False), (-1, True)])
def test_packing_begins_at_the_stored_time(ada, db, begins, wanted):
    if begins is not None:
        set_begin(now() + begins)
    assert Packing().is_on() == wanted
