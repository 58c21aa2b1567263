"""Names and emails that stay banned: deleting the account, or changing them, doesn't make them free.

What a banned player is or was called is stored as keyed hashes, by the ban that it belongs to. The key is a secret in the
database, so that a ban survives another SECRET_KEY, and moves to another database with the rest.
"""

import hmac
import secrets

from accounts.usernames import canonical, folded_skeleton, skeleton
from models import Secret, now, sql, upsert

NAME, LOOK, FOLDED_LOOK, EMAIL = "name", "look", "folded look", "email"


def record(name, email):
    """Store what a banned player is called now, with what the ban has already."""
    hashes = _hashes(name, email)
    ban = _ban_of(hashes[NAME]) or secrets.token_hex(8)
    _store(ban, hashes)


def record_change(name, new_name, new_email):
    """Store what a banned player who has that name will be called from now on; what was stored stays."""
    ban = _ban_of(_hashes(name)[NAME])
    _store(ban, _hashes(new_name, new_email))


def _store(ban, hashes):
    rows = [(hashed, ban, now()) for hashed in hashes.values()]
    upsert("INSERT INTO bans (hash, ban, created_at) VALUES", rows, "ON CONFLICT (hash) DO NOTHING")


def find(name=None, email=None, but_of=None):
    """Return which of NAME, LOOK, FOLDED_LOOK and EMAIL is banned, or None.

    `but_of`: the name of a player to whom their own ban is no hindrance.
    """
    hashes = _hashes(name, email)
    if not hashes:
        return None
    own = but_of and _ban_of(_hashes(but_of)[NAME])
    banned = dict(_rows(hashes.values()))
    return next((kind for kind, hashed in hashes.items() if banned.get(hashed, own) != own), None)


def lift(name):
    """Free all that is banned together with the name; return whether there was such a ban, as `belongs(name)`."""
    ban = _ban_of(_hashes(name)[NAME])
    if ban is None:
        return None
    of_ban = {hashed for (hashed,) in sql("SELECT hash FROM bans WHERE ban = ?", ban).fetchall()}
    sql("DELETE FROM bans WHERE ban = ?", ban)
    return lambda other: _hashes(other)[NAME] in of_ban


def _ban_of(hashed):
    return next((ban for _, ban in _rows([hashed])), None)


def _rows(hashes):
    hashes = list(hashes)
    places = ", ".join("?" * len(hashes))
    return sql(f"SELECT hash, ban FROM bans WHERE hash IN ({places})", *hashes).fetchall()  # noqa: S608 - only places


def _hashes(name=None, email=None):
    """{kind: the hash of it}"""
    called = {NAME: canonical(name), LOOK: skeleton(name), FOLDED_LOOK: folded_skeleton(name)} if name else {}
    if email:
        called[EMAIL] = canonical(email)
    secret = Secret.get_or_make("ban_key").encode()
    return {kind: hmac.new(secret, f"{kind} {words}".encode(), "sha256").hexdigest() for kind, words in called.items()}
