"""Accounts: sign up, find, change, delete and ban."""

import secrets
import time
from contextlib import contextmanager
from functools import partial

import peewee

from accounts import bans, emails, passwords, sessions, usernames
from accounts.usernames import canonical, folded_skeleton, skeleton
from database import threadpool
from database.binding import release_connection
from database.errors import is_duplicate
from database.queries import Param, compiled
from database.transactions import commit, commit_unique
from game import closed_leaderboards, leaderboards, members
from models import Entry, Game, Reset, User, now
from web import problems
from web.problems import Problem, invalid, not_found

MAX_REMOVALS = 20  # transactions within a request, each of leaderboards.ENTRIES; the background task does the rest
ERASE_BATCH = 50  # games of a deleted account that one transaction deletes, in a few milliseconds
ERASE_TIME = 0.3  # seconds that a run of the background task takes


# Sign up and find. `then(user)` runs in the same transaction; what it returns is returned with the user.


def create_guest(then):
    """Create a guest with a name that nobody else has. Return (user, what `then` returns)."""

    def job():
        name = usernames.GUEST + secrets.token_hex(4)
        [row] = _insert_guest.all(name=name, name_key=canonical(name), now=now())
        user = User(id=row.id, name=name)
        return user, then(user)

    return commit_unique(job)


def sign_up(username, password, email, bot, hasher, reserved, guest, then):
    """Create an account, or make the `guest` one, with the games played so far. Return (user, what `then` returns).

    409 if the name or email is taken. `bot`: it is a program's. `hasher`: a passwords.Hasher. `reserved`: see
    usernames.load_reserved.
    """
    name, email = usernames.trimmed(username), emails.normalized(email)
    if (
        errors := usernames.problems_with(name, reserved)
        + passwords.problems_with(password, name, email, hasher.common)
        + emails.problems_with(email)
    ):
        raise invalid(*errors)
    _refuse_banned(name, email)
    hashed = hasher.hash(password)
    fields = {"password": hashed, "bot": bot, **_name_fields(name), **_email_fields(email)}
    gathered = guest and leaderboards.gather_games(guest.id)

    def job():
        _refuse_banned(name, email)  # since the account may have been deleted meanwhile
        user = _sign_up_guest(guest, fields, gathered) if guest else User.create(created_at=now(), **fields)
        return user, then(user)

    with _unique(name):
        return commit(job)


def _sign_up_guest(guest, fields, gathered):
    User.lock(guest.id)
    is_guest = (User.id == guest.id) & User.password.is_null() & User.deleted_at.is_null()
    if not User.update(**fields).where(is_guest).execute():
        raise Problem(409, problems.ALREADY_SIGNED_UP, "This guest has signed up already. Log in.")
    user = User.get_by_id(guest.id)
    if user.banned_at:
        bans.record_change(guest.name, user.name, user.email)
    leaderboards.rebuild_player(guest.id, gathered)
    return user


def find(username, email):
    """Return (the user of that name, or of that email, or None; what was looked for, in its canonical form)."""
    column = User.email_key if username is None or "@" in username else User.name_key
    wanted = canonical(email if username is None else username).strip(usernames.BLANKS)
    if "\0" in wanted:  # no name and no email has one, and Postgres refuses it
        return None, wanted
    return User.get_or_none(column == wanted), wanted


@compiled
def _insert_guest():
    row = {User.name: Param("name"), User.name_key: Param("name_key"), User.created_at: Param("now")}
    return User.insert(row).returning(User.id)


# Change.


def change(user, wishes, hasher, reserved, then=lambda user: None):
    """Change what `wishes` has of `username`, `email` (None removes it) and `password`. Return the user. 409 if taken.

    `hasher`: a passwords.Hasher. `reserved`: see usernames.load_reserved. `then(user)` runs in the same transaction.
    """
    fields, errors = {}, []
    name, email = usernames.trimmed(wishes.get("username", user.name)), emails.normalized(wishes.get("email", user.email))
    if name != user.name:
        errors += usernames.problems_with(name, reserved)
        fields |= _name_fields(name)
    if "email" in wishes:
        errors += emails.problems_with(email)
        fields |= _email_fields(email)
    if "password" in wishes:
        errors += passwords.problems_with(wishes["password"], name, email, hasher.common)
    if errors:
        raise invalid(*errors)
    _refuse_banned("name" in fields and name, "email" in fields and email, user)
    if "password" in wishes:
        fields["password"] = hasher.hash(wishes["password"])
    if not fields:
        return User.get_by_id(user.id)

    def job():
        User.lock(user.id)
        before = User.get_by_id(user.id)
        if before.banned_at:
            bans.record(before.name, before.email)
            bans.record_change(before.name, name, email)
        User.update(**fields).where(User.id == user.id).execute()
        if "password" in fields:
            Reset.delete().where(Reset.user == user.id).execute()
        changed = User.get_by_id(user.id)
        then(changed)
        return changed, leaderboards.bump_player_versions(user.id)

    with _unique(name, user.id):
        changed, more = commit(job)
    while more:
        _give_way()
        more = commit(partial(leaderboards.bump_player_versions, user.id, more))
    return changed


def _refuse_banned(name, email, user=None):
    """409 for a name or an email that is banned, as for one that is taken. The `user` can have what is their own."""
    kind = bans.find(name or None, email or None, user and user.name)
    if kind:
        column = "email" if kind == bans.EMAIL else "username"
        raise _taken(column, looks_alike=kind in (bans.LOOK, bans.FOLDED_LOOK))


def _name_fields(name):
    return {
        "name": name,
        "name_key": canonical(name),
        "name_skeleton": skeleton(name),
        "folded_skeleton": folded_skeleton(name),
    }


def _email_fields(email):
    return {"email": email, "email_key": canonical(email) if email else None}


@contextmanager
def _unique(name, user_id=None):
    """Turn the database's refusal of a name or an email that is taken into a 409 that says which, and why.

    `user_id`: the user who is to have it, if they have an account already.
    """
    try:
        yield
    except peewee.IntegrityError as error:
        if not is_duplicate(error):
            raise
        # Both databases name the column in the first line; Postgres quotes the value in the second.
        line = str(error).splitlines()[0]
        column = "email" if "email_key" in line else "username"
        # A name that is equal looks the same, too; which of the two the database reports first differs.
        is_equal = User.select().where(User.name_key == canonical(name), User.id != user_id).exists()
        raise _taken(column, looks_alike="skeleton" in line and not is_equal) from None


def _taken(column, looks_alike=False):
    """Return the 409 for a name or an email that another player has."""
    why, code = "is taken", problems.EMAIL_TAKEN if column == "email" else problems.NAME_TAKEN
    if looks_alike:
        why, code = "looks like that of another player", problems.NAME_LOOKS_ALIKE
    errors = [(column, code, f"{why}; choose another")]
    return Problem(409, code, f"This {column} {why}. Choose another.", errors)


# Delete.


def delete(user_id):
    """Delete an account: at once for everybody to see, and its rows in small steps, the rest of them by `erase`.

    When this returns, its name and email are available, its sessions and its leaderboard entries are gone. A ban stays.
    """

    def mark():
        User.lock(user_id)
        user = User.get_or_none(User.id == user_id, User.deleted_at.is_null())
        if not user:
            return False
        if user.banned_at:
            bans.record(user.name, user.email)
        sessions.close_all(user_id)
        Reset.delete().where(Reset.user == user_id).execute()
        Game.delete().where(Game.user == user_id, Game.ended_at.is_null()).execute()
        cleared = dict.fromkeys([*_name_fields(""), *_email_fields(None), "password"])
        unused_key = f"DELETED {user_id}"  # in capitals, which no name's key has
        marked = cleared | {"name": "deleted", "name_key": unused_key, "deleted_at": now()}
        User.update(**marked).where(User.id == user_id).execute()
        return leaderboards.remove_player(user_id)

    has_more = commit(mark)
    while members.forget(user_id):
        pass
    _remove_rest(user_id, has_more, MAX_REMOVALS)
    _erase_some(user_id)


def erase():
    """Delete rows of deleted accounts in small steps: a background task. Return whether there may be more to do."""
    user = User.select(User.id).where(User.deleted_at.is_null(False)).order_by(User.id).first()
    if not user:
        return False
    until = time.monotonic() + ERASE_TIME
    while _erase_some(user.id) and time.monotonic() < until:
        _give_way()
    return True


def _erase_some(user_id):
    """Delete rows of a deleted account, and the account once it has no others. Return whether there are more."""
    if members.forget(user_id):
        return True
    if Entry.select().where(Entry.user == user_id).exists():
        _remove_some(user_id)
        return True
    games = Game.select(Game.id).where(Game.user == user_id).order_by(Game.started_at).limit(ERASE_BATCH)
    if commit(Game.delete().where(Game.id.in_(games)).execute, durable=False) == ERASE_BATCH:
        return True
    commit(User.delete().where(User.id == user_id).execute)
    return False


def _remove_rest(user_id, has_more, steps):
    """Remove a player who gets no entries any more from the leaderboards, in so many steps at most."""
    while has_more and steps:
        _give_way()
        has_more, steps = _remove_some(user_id), steps - 1


def _remove_some(user_id):
    def job():
        User.lock(user_id)
        return leaderboards.remove_player(user_id)

    return commit(job)


def _give_way():
    release_connection()
    threadpool.give_way()


# Ban.


def ban(user_id):
    """Remove a player from every leaderboard until `unban`. Until then, nobody else can have the name or the email."""

    def job():
        User.lock(user_id)
        user = User.get_by_id(user_id)
        bans.record(user.name, user.email)
        User.update(banned_at=now()).where(User.id == user_id).execute()
        closed_leaderboards.hide_player(user_id)
        return leaderboards.remove_player(user_id)

    _remove_rest(user_id, commit(job), steps=-1)


def unban(name):
    """Lift the ban of the player who has that name, or had it when banned; the account may be deleted. 404 if there is none.

    Return the player's present name, or None if there is no account any more.
    """
    user, _ = find(name, None)
    gathered = user and leaderboards.gather_games(user.id)

    def job():
        belonged = bans.lift(name)
        banned = User.select().where(User.banned_at.is_null(False)) if belonged else ()
        users = [user] if user else [other for other in banned if belonged(other.name)]
        if not users and not belonged:
            raise not_found(f"player {name!r}, and no ban of that name")
        for unbanned in users:
            _unban(unbanned.id, gathered)
        return users[0].name if users else None

    return commit(job)


def _unban(user_id, gathered):
    User.lock(user_id)
    bans.lift(User.get_by_id(user_id).name)
    User.update(banned_at=None).where(User.id == user_id).execute()
    leaderboards.rebuild_player(user_id, gathered)
