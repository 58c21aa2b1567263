"""Email addresses of accounts."""

import re
import unicodedata

from accounts.usernames import BLANKS, INVISIBLE
from web.problems import BAD_FORMAT

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")


def normalized(email):
    """Return the email as it is stored; None and "" are no email."""
    return email and email.strip(BLANKS)


def problems_with(email):
    """Return what is wrong with an email that is `normalized`, as a list of errors; see problems.Problem."""
    if email is None or (EMAIL.fullmatch(email) and not any(map(_is_unseen, email))):
        return []
    return [("email", BAD_FORMAT, "give an address such as name@example.org, or none")]


def _is_unseen(character):
    """Return whether it shows nothing, or changes how others are shown, such as those that turn the writing direction."""
    return unicodedata.category(character)[0] == "C" or INVISIBLE.match(character)
