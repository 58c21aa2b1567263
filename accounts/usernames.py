"""What a player may be called, and which names are too much alike."""

import re
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path

from web.problems import NAME_CHARACTERS, NAME_RESERVED, TOO_LONG, TOO_SHORT

LENGTH = (3, 20)  # characters
GUEST = "guest-"
# The letters and marks that show nothing: Unicode's Default_Ignorable_Code_Point, as far as it isn't in category C.
INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
# Each letter with those that look like it and that UTS #39 doesn't list, or lists for a small capital only.
LOOK_ALIKES = {
    "a": "ᴀⲀⲁ",
    "b": "ʙьⲂ",
    "d": "ᴅ",
    "e": "ᴇⲈⲉ",
    "f": "ꜰ",
    "g": "ɢ",
    "h": "ʜҺ",
    "j": "ᴊյ",
    "k": "ᴋкκⲕĸ",
    "l": "ʟԼ",
    "m": "ᴍмⲙʍ",
    "n": "ɴ",
    "p": "ᴘ",
    "q": "ꞯԚ",
    "r": "ʀ",
    "t": "ᴛтτⲧ",
    "x": "χⲭ",
    "z": "Ⲍⲍ",
    "3": "з",
}
# An i with its dot as a mark of its own, behind other marks or not, as in the lower case of the Turkish capital.
DOTTED = re.compile("[il]([\u0316-\u0333\u0339-\u033c\u0347-\u0349]*)\u0307")
# Marks that any letter can have: accents above and below, not those through it or around it, nor those between two letters.
ACCENTS = re.compile("[\u0300-\u0333\u0339-\u0344\u0346-\u034e\u0350-\u035b]")
MOST_ACCENTS, MOST_MARKS = 2, 5  # on a letter: of ACCENTS; of its script's own, which spell it in Thai, Hebrew or Burmese


def _read_confusables(path):
    """Return {code point: what it looks like} as the file of UTS #39 data has it."""
    lines = (line.partition(";") for line in path.read_text("utf-8").splitlines() if line and line[0] != "#")
    texts = (("".join(chr(int(number, 16)) for number in target.split()), sources) for target, _, sources in lines)
    return {int(number, 16): target for target, sources in texts for number in sources.split()}


_CONFUSABLES = _read_confusables(Path(__file__).parent / "confusables.txt")
_OURS = str.maketrans({like: letter for letter, likes in LOOK_ALIKES.items() for like in likes})
# How names are written to get around a list; of l and i, the skeleton can't tell which was meant.
_DISGUISES = str.maketrans({"3": "e", "4": "a", "5": "s", "7": "t", "i": "l", "-": None, "_": None})


def normalized(name):
    return unicodedata.normalize("NFKC", name)


def key(name):
    """What two names share that are the same but for their case."""
    return normalized(normalized(name).casefold())


def skeleton(name):
    """Return what two names share that look the same as they are written, such as PAUL, PAU1 and a name in Cyrillic letters.

    It is the skeleton of Unicode's UTS #39, section 4, and then without case: a capital I looks like an l, a small one does
    not. Letters that look like others only in another case are replaced after that, too.
    """
    before, found = None, name
    while found != before:
        before = found
        found = unicodedata.normalize("NFKD", found).translate(_OURS).translate(_CONFUSABLES).translate(_OURS)
        found = DOTTED.sub(r"i\1", unicodedata.normalize("NFD", found).casefold())
    return found


def folded_skeleton(name):
    """Return what two names share that look the same in lower case, such as ISTANBUL and İSTANBUL."""
    return skeleton(name.casefold())


def errors(name, refused):
    """What is wrong with a username that is `normalized`, as a list of errors, see problems.Problem.

    `refused`: what `read_refused` has read.
    """
    least, most = LENGTH
    if not least <= len(name) <= most:
        code, limit = (TOO_SHORT, {"min": least}) if len(name) < least else (TOO_LONG, {"max": most})
        why = f"give {least} to {most} characters; this has {len(name)}"
        return [("username", code, why, limit | {"unit": "characters"})]
    if not all(map(_is_taken, name)):
        return [("username", NAME_CHARACTERS, "use letters, digits, - and _ only")]
    if not all(_are_fit(*cluster) for cluster in _clusters(name)):
        return [
            ("username", NAME_CHARACTERS, f"use at most {MOST_ACCENTS} accents on a letter, and marks of its script only")
        ]
    if skeleton(name).startswith(GUEST):
        return [("username", NAME_RESERVED, f"{GUEST} begins the names of guests; choose another name")]
    if any(fnmatchcase(_plain(name), pattern) for pattern in refused):
        return [("username", NAME_RESERVED, "nobody can have this name here; choose another")]
    return []


def _is_taken(character):
    """Whether it is a letter or a digit of any script, a mark that can belong to a letter, - or _."""
    category = unicodedata.category(character)
    return (category[0] == "L" or category in ("Nd", "Mn", "Mc") or character in "-_") and not INVISIBLE.match(character)


def _clusters(name):
    """Yield each character with the marks that follow it; NFKC has put accents into their letter where it could."""
    start = 0
    for at in range(1, len(name) + 1):
        if at == len(name) or unicodedata.category(name[at])[0] != "M":
            yield name[start], name[start + 1 : at]
            start = at


def _are_fit(letter, marks):
    """Whether the marks may be on the letter: one or two accents, and those by which its script spells."""
    if not marks:
        return unicodedata.category(letter)[0] != "M"
    own = [mark for mark in marks if not ACCENTS.match(mark)]
    accents = [mark for mark in unicodedata.normalize("NFD", letter + marks) if ACCENTS.match(mark)]
    return (
        unicodedata.category(letter)[0] == "L"
        and (len(own) == len(marks) or len(accents) <= MOST_ACCENTS)
        and len(own) == len(set(own)) <= MOST_MARKS
        and all(_script(mark) == _script(letter) for mark in own)
    )


def _script(character):
    """Return the first word of its Unicode name, which is that of its script."""
    return unicodedata.name(character, "").partition(" ")[0]


def read_refused(path):
    """The names that nobody can have, of a file with one a line: a * stands for any characters, # begins a comment."""
    lines = (line.partition("#")[0].strip() for line in Path(path).read_text("utf-8-sig").splitlines())
    return [_plain(line) for line in lines if line]


def _plain(name):
    """The name without what it can be disguised by: look-alikes, digits for letters, accents, - and _."""
    letters = (c for c in skeleton(name) if unicodedata.category(c)[0] != "M")
    return "".join(letters).translate(_DISGUISES)
