"""Names and emails that stay banned: deleting the account, or changing them, doesn't make them available.

The names and emails of a banned player are stored as keyed hashes, with the id of the ban. The key is a secret in the
database, so that a ban survives another SECRET_KEY, and moves to another database with the rest.
"""

import hmac
import secrets

from accounts.usernames import canonical, folded_skeleton, skeleton
from models import Ban, Secret, now

NAME, LOOK, FOLDED_LOOK, EMAIL = "name", "look", "folded look", "email"
KEY = "ban_key"  # the name of the secret


def record(name, email):
    """Store a banned player's name and email, with those that the ban has already. Must run in a transaction."""
    hashes = _hashes(Secret.get_or_create(KEY), name, email)
    _store(_ban_of(hashes[NAME]) or secrets.token_hex(8), hashes)


def record_change(name, new_name, new_email):
    """Store the new name and email of a banned player of this name; what was stored stays. Must run in a transaction."""
    key = Secret.get_or_create(KEY)
    _store(_ban_of(_hashes(key, name)[NAME]), _hashes(key, new_name, new_email))


def _store(ban, hashes):
    rows = [{"hash": hashed, "ban": ban, "created_at": now()} for hashed in hashes.values()]
    Ban.insert_many(rows).on_conflict_ignore().execute()


def find(name=None, email=None, but_of=None):
    """Return which of NAME, LOOK, FOLDED_LOOK and EMAIL is banned, or None.

    `but_of`: the name of a player whose own ban doesn't count.
    """
    key = Secret.find(KEY)
    if not key or not (name or email):  # without a key, nothing was ever banned
        return None
    hashes = _hashes(key, name, email)
    own = but_of and _ban_of(_hashes(key, but_of)[NAME])
    bans = {row.hash: row.ban for row in Ban.select().where(Ban.hash.in_(list(hashes.values())))}
    return next((kind for kind, hashed in hashes.items() if bans.get(hashed, own) != own), None)


def lift(name):
    """Delete the ban that the name belongs to. Must run in a transaction.

    Return None if there is none; otherwise a function that returns whether another name belonged to it.
    """
    key = Secret.find(KEY)
    ban = key and _ban_of(_hashes(key, name)[NAME])
    if ban is None:
        return None
    hashes = {row.hash for row in Ban.select(Ban.hash).where(Ban.ban == ban)}
    Ban.delete().where(Ban.ban == ban).execute()
    return lambda other: _hashes(key, other)[NAME] in hashes


def _ban_of(hashed):
    row = Ban.get_or_none(Ban.hash == hashed)
    return row and row.ban


def _hashes(secret, name=None, email=None):
    """Return {kind: keyed hash}."""
    words = {NAME: canonical(name), LOOK: skeleton(name), FOLDED_LOOK: folded_skeleton(name)} if name else {}
    if email:
        words[EMAIL] = canonical(email)
    return {kind: hmac.new(secret.encode(), f"{kind} {word}".encode(), "sha256").hexdigest() for kind, word in words.items()}
