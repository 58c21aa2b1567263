"""manage.py's commands for players and scores."""

import pytest
from driver import drive, names

import manage
from models import Entry, Game


def test_a_reset_link_works_once(run, api, ada, capsys):
    assert manage.main(["reset-password", "ADA", "--url", "https://pit.example.org/snake/"]) == 0
    link, token = capsys.readouterr().out.strip().rsplit("/", 1)
    assert link == "https://pit.example.org/snake/#/reset"
    api("POST /api/auth/reset", {"token": token, "password": "four unrelated words"})
    api("POST /api/auth/reset", {"token": token, "password": "four unrelated words"}, 403)
    api.log_in("Ada", "four unrelated words")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("::1", "[::1]"),
        ("2001:db8::7", "[2001:db8::7]"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104
        ("::", "[::1]"),
        ("pit.local", "pit.local"),
    ],
)
def test_a_reset_link_is_an_address_that_can_be_opened(run, ada, monkeypatch, capsys, host, shown):
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", "8123")
    assert manage.main(["reset-password", "Ada"]) == 0
    assert capsys.readouterr().out.startswith(f"http://{shown}:8123/#/reset/")


def test_a_reset_link_begins_with_the_public_url(run, ada, monkeypatch, capsys):
    monkeypatch.setenv("PUBLIC_URL", "https://pit.example.org/snake/")
    assert manage.main(["reset-password", "Ada"]) == 0
    link, hint = capsys.readouterr()
    assert link.startswith("https://pit.example.org/snake/#/reset/")
    assert "PUBLIC_URL" not in hint


def test_a_player_is_renamed(run, api, ada, bob):
    ada.play(1)
    assert names(api) == ["Ada"]
    assert "Ada is now Admin" in run("rename", "ada", "Admin")  # a name that only the operator may give
    assert names(api) == ["Admin"]
    assert "taken" in run("rename", "Admin", "BOB", status=1)
    assert "3 to 20" in run("rename", "Admin", "x", status=1)


def test_a_ban_is_seen_at_once_and_lifted_again(run, api, ada, bob):
    ada.play(2)
    bob.play(1)
    assert names(api) == ["Ada", "Bob"]
    run("ban", "ADA")
    assert names(api) == ["Bob"]
    run("unban", "ADA")
    assert names(api) == ["Ada", "Bob"]


def test_names_and_ids_that_begin_with_a_dash_are_no_options(run, api, db):
    player = api.sign_up("--x-")
    game = player.play(2)[0]["id"]
    Game.update(id="-y" + game[2:]).where(Game.id == game).execute()
    Entry.update(game_id="-y" + game[2:]).execute()
    run("ban", "--X-")
    run("unban", "--x-")
    assert "#/reset/" in run("reset-password", "--x-", "--url", "https://pit.example.org")
    run("rename", "--x-", "-z-")
    assert names(api) == ["-z-"]
    run("delete-score", "--yes", "-y" + game[2:])
    assert names(api) == []


@pytest.mark.parametrize("command", [["reset-password"], ["ban"], ["unban"], ["rename", "Carl"]])
def test_unknown_players_and_guests_are_refused(run, api, command):
    name, *rest = command
    assert "no player 'Nobody'" in run(name, "Nobody", *rest, status=1)
    guest = api.guest().user["username"]
    if "ban" not in name:
        assert "is a guest" in run(name, guest, *rest, status=1)


def test_a_deleted_score_is_replaced_by_the_next_best(run, api, ada, bob, db):
    ada.play(2)
    best = ada.play(4)[0]["id"]
    bob.play(3)
    assert names(api) == ["Ada", "Bob"]
    assert "--yes" in run("delete-score", best, status=1)
    assert names(api) == ["Ada", "Bob"]
    run("delete-score", f"https://pit.example.org/#/games/{best}?tick=3", "--yes")
    assert names(api) == ["Bob", "Ada"]
    assert api(f"GET /api/games/{best}")["ranked"] is False
    assert "not ranked" in run("delete-score", best, "--yes", status=1)
    assert "no game" in run("delete-score", "nothing", "--yes", status=1)
    assert "being played" in run("delete-score", bob.open()["id"], "--yes", status=1)


def test_a_stated_score_is_deleted_by_the_id_of_its_entry(run, make_app, tmp_path):
    api = drive(make_app(database_url=f"sqlite:///{tmp_path}/snake.db", score_policy="open"))
    entry = api.sign_up("Ada")("POST /api/leaderboard", {"score": 700, "mode": "walls"}, 201)
    run("delete-score", entry["id"], "--yes")
    assert names(api) == []


def test_a_confirmation_can_be_refused(run, ada, api, monkeypatch):
    game = ada.play(2)[0]["id"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert "nothing was done" in run("delete-score", game, status=1)
    assert names(api) == ["Ada"]
    monkeypatch.setattr("builtins.input", lambda question: "y")
    run("delete-score", game)
    assert names(api) == []
