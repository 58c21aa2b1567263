"""Usernames: which are allowed, and which are too similar."""

import re
import unicodedata
from collections import namedtuple
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from web.problems import NAME_CHARACTERS, NAME_RESERVED, TOO_LONG, TOO_SHORT

# Which names a field takes: their `length` in characters, and `others` than letters, digits and marks.
Kind = namedtuple("Kind", "field length others characters")
USERNAME = Kind("username", (3, 20), "-_", "letters, digits, - and _")
DISPLAY_NAME = Kind("name", (1, 20), "-_'. ", "letters, digits, single spaces, -, _, ' and .")  # in a room
GUEST = "guest-"
# What is trimmed from names and emails: what a keyboard or a copied line puts there. Other controls are refused.
BLANKS = " \t\r\n\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
# Letters and marks that show nothing: Unicode's Default_Ignorable_Code_Point, as far as it isn't in category C.
INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
# An i with its dot as a mark of its own, behind other marks or not, as in the lower case of the Turkish capital.
DOTTED = re.compile("[il]([\u0316-\u0333\u0339-\u033c\u0347-\u0349]*)\u0307")
# Marks that any letter can have: accents above and below, not those through it or around it, nor those between two letters.
ACCENTS = re.compile("[\u0300-\u0333\u0339-\u0344\u0346-\u034e\u0350-\u035b]")
MAX_ACCENTS, MAX_MARKS = 2, 5  # on a letter: of ACCENTS; of its script's own, which spell it in Thai, Hebrew or Burmese


@cache
def confusables(name):
    """Return {code point: what it looks like} from a file with lines such as `0061; 1D00 2C80`, and comments after #."""
    found = {}
    for line in (Path(__file__).parent / name).read_text("utf-8").splitlines():
        target, _, sources = line.partition("#")[0].partition(";")
        letters = "".join(chr(int(number, 16)) for number in target.split())
        found |= {int(number, 16): letters for number in sources.split()}
    return found


# How names get around a list of reserved names; the skeleton doesn't tell l from i.
_DISGUISES = str.maketrans({"3": "e", "4": "a", "5": "s", "7": "t", "i": "l"} | dict.fromkeys("-_'. "))


def normalized(name):
    return unicodedata.normalize("NFKC", name)


def trimmed(name):
    """Return the name as it is stored."""
    return normalized(name).strip(BLANKS)


def canonical(name):
    """Return what is equal for two names that differ in case only."""
    return normalized(normalized(name).casefold())


def skeleton(name):
    """Return what is equal for two names that look the same, such as PAUL, PAU1 and a name in Cyrillic letters.

    This is the skeleton of Unicode's UTS #39, section 4, and then without case: a capital I looks like an l, a small i does
    not. Letters that look like others only in another case are replaced after that, too.
    """
    of_unicode, more = confusables("confusables.txt"), confusables("more_confusables.txt")
    before, found = None, name
    while found != before:
        before = found
        found = unicodedata.normalize("NFKD", found)
        found = found.translate(more).translate(of_unicode).translate(more)
        found = DOTTED.sub(r"i\1", unicodedata.normalize("NFD", found).casefold())
    return found


def folded_skeleton(name):
    """Return what is equal for two names that look the same in lower case, such as ISTANBUL and İSTANBUL."""
    return skeleton(name.casefold())


def problems_with(name, reserved, kind=USERNAME):
    """Return what is wrong with a name that is `trimmed`, as a list of errors; see problems.Problem.

    `reserved`: see `load_reserved`.
    """
    field, (least, most), others, characters = kind
    if not least <= len(name) <= most:
        code, limit = (TOO_SHORT, {"min": least}) if len(name) < least else (TOO_LONG, {"max": most})
        why = f"give {least} to {most} characters; this has {len(name)}"
        return [(field, code, why, limit | {"unit": "characters"})]
    if not all(character in others or _is_allowed(character) for character in name) or "  " in name:
        return [(field, NAME_CHARACTERS, f"use {characters} only")]
    if not any(map(str.isalnum, name)) and " " in others:
        return [(field, NAME_CHARACTERS, "use a letter or a digit")]
    if not all(_marks_fit(*cluster) for cluster in _clusters(name)):
        return [(field, NAME_CHARACTERS, f"use at most {MAX_ACCENTS} accents on a letter, and marks of its script only")]
    if skeleton(name).startswith(GUEST):
        return [(field, NAME_RESERVED, f"{GUEST} begins the names of guests; choose another name")]
    if any(fnmatchcase(_undisguised(name), pattern) for pattern in reserved):
        return [(field, NAME_RESERVED, "nobody can have this name here; choose another")]
    return []


def _is_allowed(character):
    """Return whether it is a letter or a digit of any script, or a mark that can belong to a letter."""
    category = unicodedata.category(character)
    return (category[0] == "L" or category in ("Nd", "Mn", "Mc")) and not INVISIBLE.match(character)


def _clusters(name):
    """Yield each character with the marks that follow it; NFKC has put accents into their letter where it could."""
    start = 0
    for at in range(1, len(name) + 1):
        if at == len(name) or unicodedata.category(name[at])[0] != "M":
            yield name[start], name[start + 1 : at]
            start = at


def _marks_fit(letter, marks):
    """Return whether the marks may be on the letter: one or two accents, and those by which its script spells."""
    if not marks:
        return unicodedata.category(letter)[0] != "M"
    own = [mark for mark in marks if not ACCENTS.match(mark)]
    accents = [mark for mark in unicodedata.normalize("NFD", letter + marks) if ACCENTS.match(mark)]
    return (
        unicodedata.category(letter)[0] == "L"
        and (len(own) == len(marks) or len(accents) <= MAX_ACCENTS)
        and len(own) == len(set(own)) <= MAX_MARKS
        and all(_script(mark) == _script(letter) for mark in own)
    )


def _script(character):
    """Return the first word of its Unicode name, which is that of its script."""
    return unicodedata.name(character, "").partition(" ")[0]


def load_reserved(path):
    """Return patterns of names that nobody can have, one per line of a file: * is any characters, # begins a comment."""
    lines = (line.partition("#")[0].strip() for line in Path(path).read_text("utf-8-sig").splitlines())
    return [_undisguised(line) for line in lines if line]


def _undisguised(name):
    """Return the name without what can disguise it: look-alikes, digits for letters, accents, - and _."""
    letters = (c for c in skeleton(name) if unicodedata.category(c)[0] != "M")
    return "".join(letters).translate(_DISGUISES)
