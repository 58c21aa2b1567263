"""manage.py export and import."""

import json
from itertools import compress

import pytest
from driver import drive, names

import manage
from database import migrations
from game import score_histogram
from operations import export

LATEST = migrations.names()[-1]


@pytest.mark.parametrize(
    ("source", "why"),
    [("nothing", "nothing: No such file or directory; check the path"), (".", ".: Is a directory; give the path of a file")],
)
def test_a_source_that_can_not_be_is_named_with_the_remedy(run, ada, elsewhere, tmp_path, source, why):
    elsewhere()
    assert why in run("import", source, status=1)
    assert list(tmp_path.glob("other*")) == []


def test_an_import_has_all_that_was_exported(run, exported, elsewhere, ada, make_app, tmp_path):
    elsewhere()
    assert "3 users, 3 sessions, 1 resets, 5 games" in run("import", "all.jsonl")
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == exported
    other = drive(make_app(database_url=f"sqlite:///{tmp_path}/other.db"))
    other.token = ada.token
    assert other("GET /api/auth/me")["username"] == "Ada"
    assert "none of them differ" in run("verify")
    run("rebuild", "--check")


def test_it_goes_through_standard_output_and_input(run, exported, elsewhere, monkeypatch, capsys):
    capsys.readouterr()
    assert manage.main(["export"]) == 0
    assert capsys.readouterr().out.encode() == exported
    elsewhere()
    with open("all.jsonl", encoding="utf-8") as file:
        monkeypatch.setattr("sys.stdin", file)
        run("import")
    assert "players   2" in run("stats")


def test_many_rows_are_read_a_part_at_a_time(run, api, db, elsewhere, monkeypatch, tmp_path):
    monkeypatch.setattr("operations.export.AT_ONCE", 2)
    for number in range(5):
        api.sign_up(f"Player{number}")
    run("export", "all.jsonl")
    elsewhere()
    assert "5 users, 5 sessions" in run("import", "all.jsonl")
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "all.jsonl").read_bytes()


def test_nothing_is_imported_while_a_server_runs_on_the_database(run, exported, api, tmp_path):
    before = names(api)
    assert "stop the server" in run("import", "all.jsonl", "--replace", status=1)
    assert names(api) == before


def test_players_are_never_mixed_with_those_of_another_database(run, app, exported, api, make_app, tmp_path):
    before = names(api)
    app.close()
    assert "is not empty (3 users, " in run("import", "all.jsonl", status=1)
    assert names(drive(make_app(database_url=f"sqlite:///{tmp_path}/snake.db"))) == before


def test_an_import_replaces_existing_data_on_request(run, app, exported, api, make_app, tmp_path):
    api.sign_up("Carl").play(5)
    app.close()
    assert "3 users" in run("import", "all.jsonl", "--replace")
    run("export", "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == exported


def test_an_export_of_an_earlier_version_is_brought_along(run, api, exported, elsewhere, tmp_path, make_app):
    (tmp_path / "old.jsonl").write_bytes(as_of_0004(exported))
    elsewhere()
    run("import", "old.jsonl")
    assert f"at {LATEST}" in run("stats")
    run("rebuild", "--check")
    other = drive(make_app(database_url=f"sqlite:///{tmp_path}/other.db"))
    assert other("GET /api/leaderboard") == api("GET /api/leaderboard")


def as_of_0004(exported):
    """An export as it would have been before there were resets, and with how often boards have changed in another table."""
    tables = migrations.tables_at(["0004_skeletons"])
    written, table, versions = [{"snakepit": 1, "migration": "0004_skeletons"}], None, []
    for line in map(json.loads, exported.splitlines()[1:-1]):
        if isinstance(line, dict):
            table = line["table"]
            names = ["players" if name == "number" else name for name in line["columns"]]
            there = [name in tables.get(table, ()) for name in names]
            line["columns"] = list(compress(names, there))
        elif table in tables:
            line = list(compress(line, there))
        if table == "tallies" and isinstance(line, list) and line[1] == score_histogram.VERSION:
            versions.append([line[0], line[3]])
        elif table in tables:
            written.append(line)
    written += [{"table": "versions", "columns": ["board", "version"], "bytes": []}, *versions]
    written.append({"rows": sum(isinstance(line, list) for line in written)})
    return b"".join(json.dumps(line).encode() + b"\n" for line in written)


def without(lines, number):
    return lines[:number] + lines[number + 1 :]


def replaced(number, old, new):
    """A change that replaces text in the line of that number, counted from 1."""

    def change(lines):
        assert old in lines[number - 1]
        return [*lines[: number - 1], lines[number - 1].replace(old, new, 1), *lines[number:]]

    return change


def everywhere(old, new):
    return lambda lines: [line.replace(old, new) for line in lines]


DAMAGE = [
    (lambda lines: lines[:-1], "the end is missing"),
    (lambda lines: lines[: len(lines) // 2], "the end is missing"),
    (lambda lines: without(lines, 3), "rows, and there are"),
    (lambda lines: without(lines, 2), "rows, and there are"),
    (lambda lines: lines[1:], "line 1 is not how an export begins"),
    (lambda lines: [], "line 1 is not how an export begins"),
    (lambda lines: without(lines, 1), "line 2 is a row of no table"),
    (lambda lines: [*lines[:5], b"[1\n", *lines[5:]], "line 6 is no JSON"),
    (lambda lines: [*lines[:2], lines[2], *lines[2:]], "line 4 does not fit into users"),
    (lambda lines: [*lines[:2], b"[1,2]\n", *lines[2:]], "line 3 is a row of 2 values"),
    (lambda lines: [*lines, b"[1,2]\n"], "comes after the end"),
    (lambda lines: [*lines[:-1], lines[1], lines[-1]], "has the table users once more"),
    (lambda lines: [*lines[:-1], b'{"table":"orders","columns":["id"]}\n', lines[-1]], "nor a table of Snakepit's"),
    (replaced(2, b'"name"', b'"name, id"'), "line 2 has not the columns of users"),
    (replaced(2, b'"name",', b""), "line 2 has not the columns of users"),
    (replaced(2, b'"users"', b'"schema_migration"'), "nor a table of Snakepit's"),
    (replaced(2, b'"users"', b"[1]"), "nor a table of Snakepit's"),
    (replaced(3, b'"Ada"', b'"Ad\xff"'), "line 3 is no JSON"),
    (replaced(3, b'"Ada"', b'"Ad\\ud800"'), "line 3 is no JSON"),
    (replaced(3, b'"Ada"', b'"Ad\\u0000"'), "line 3 is no row of users: name has a NUL"),
    (replaced(3, b'"Ada"', b"17"), "line 3 is no row of users: name must be a text"),
    (replaced(3, b'"Ada"', b"null"), "line 3 is no row of users: name is null"),
    (replaced(3, b"[1,", b"[NaN,"), "line 3 is no JSON"),
    (replaced(3, b"[1,", b"[1.0,"), "id must be a whole number"),
    (replaced(3, b"[1,", b"[true,"), "id must be a whole number"),
    (replaced(3, b"[1,", b"[2147483648,"), "id must be from"),
    (replaced(3, b"false", b"0"), "bot must be true or false"),
    (lambda lines: [line.replace(b'"walls",1,', b'"walls",1,1e999,', 1) for line in lines], "is no JSON"),
    (lambda lines: [line.replace(b'"walls",1,', b'"flying",1,', 1) for line in lines], "mode must be one of"),
    (
        lambda lines: [line.replace(b'",null,null,null,null]', b'!",null,null,null,null]') for line in lines],
        "turns must be base64",
    ),
    (everywhere(b'"B7K2XM"', b'"B7K2XA"'), "code 'B7K2XA' is not valid"),
    (everywhere(b'"many"', b'"some"'), "tries must be one of one, many"),
    (everywhere(b'"many",1,', b'"many",31,'), "minutes must be from 1 to 30"),
    (everywhere(b'"of-B7K2XM/1"', b'"of-B7K2XM/0"'), "round 'of-B7K2XM/0' is not valid"),
    (everywhere(b'"of-B7K2XM/1"', b'"of-B7K2XM/2"'), "belongs to no round"),
    (
        everywhere(b'["of-B7K2XM",1,"walls"', b'["of-B7K2XM",1,"pass-through"'),
        "belongs to no round of this seed and mode",
    ),
    (everywhere(b'["of-B7K2XM",1,', b'["of-nothing",1,'), "a row of rooms that is missing"),
    (everywhere(b'"m-B7K2XM","of-B7K2XM",1,', b'"m-B7K2XM","of-B7K2XM",99,'), "a row of users that is missing"),
    (replaced(1, b'":1', b'":2'), "of format 2"),
    (replaced(1, LATEST.encode(), b"9999_wings"), "9999_wings"),
    (replaced(1, LATEST.encode(), b"0000_before"), "0000_before"),
    (lambda lines: [b"\xef\xbb\xbf" + lines[0], *lines[1:]], "line 1 is no JSON"),
]


def test_of_a_damaged_export_nothing_is_imported(run, exported, elsewhere, tmp_path):
    elsewhere()
    for change, why in DAMAGE:
        changed = b"".join(change(exported.splitlines(keepends=True)))
        assert changed != exported, why
        (tmp_path / "damaged.jsonl").write_bytes(changed)
        said = run("import", "damaged.jsonl", status=1)
        assert why in said
        assert said.count("\n") == 1
        assert sorted(path.name for path in tmp_path.glob("other*")) == [], why
    run("import", "all.jsonl")


def test_a_line_that_is_too_long_is_not_read(run, exported, elsewhere, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "LONGEST_LINE", 100_000)
    (tmp_path / "long.jsonl").write_bytes(exported.splitlines(keepends=True)[0] + b"[" * 1_000_000)
    elsewhere()
    assert "line 2 has more than" in run("import", "long.jsonl", status=1)
