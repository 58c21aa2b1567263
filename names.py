"""What a player may be called, and which names are too much alike."""

# ruff: noqa: RUF001 - letters that are mistaken for others are what this is about

import re
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path

from problems import NAME_CHARACTERS, NAME_RESERVED, TOO_LONG, TOO_SHORT

LENGTH = (3, 20)  # characters
GUEST = "guest-"
# The letters and marks that show nothing: Unicode's Default_Ignorable_Code_Point, as far as it isn't in category C.
INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
# For each letter those that are mistaken for it, in the capitals or the small ones of some script.
LOOK_ALIKES = {
    "a": "АаΑαɑᎪꓮ",
    "b": "ВЬьΒᏴꓐ",
    "c": "СсᏟꓚᴄ",
    "d": "ԁᎠꓓ",
    "e": "ЕеΕҽᎬꓰ",
    "f": "Ϝƒꓝ",
    "g": "ԌɡցᏀꓖ",
    "h": "НҺһΗհᎻꓧ",
    "i": "іιıɩᎥ",
    "j": "ЈјյᎫꓙ",
    "k": "КкΚκᏦꓗ",
    "l": "1IІΙӀӏןԼᏞꓡꓲ١۱",
    "m": "МмΜᎷꓟ",
    "n": "Νոꓠ",
    "o": "0ОоΟοσօՕסꓳᴏ٥۵०০੦૦୦௦౦೦൦๐໐၀",
    "p": "РрΡρᏢꓑ",
    "q": "Ԛԛզ",
    "r": "гᏒꓣᴦ",
    "s": "ЅѕՏᏚꓢ",
    "t": "ТтΤτᎢꓔ",
    "u": "υսՍꓴᴜ",
    "v": "ѴѵνᏙꓦᴠ",
    "w": "ԜԝѡաᎳꓪᴡ",
    "x": "ХхΧχꓫ",
    "y": "УуҮүΥγᎩꓬ",
    "z": "ΖᏃꓜᴢ",
    "3": "Зз",
}
_PROTOTYPES = str.maketrans({like: letter for letter, likes in LOOK_ALIKES.items() for like in likes})
# How names are written to get around a list; of l and i, the skeleton can't tell which was meant.
_DISGUISES = str.maketrans({"3": "e", "4": "a", "5": "s", "7": "t", "i": "l", "-": None, "_": None})


def normalized(name):
    return unicodedata.normalize("NFKC", name)


def key(name):
    """What two names share that are the same but for their case."""
    return normalized(normalized(name).casefold())


def skeleton(name):
    """What two names share that look the same, such as PAUL, PAU1 and one in Cyrillic letters.

    It is as in Unicode's UTS #39, section 4, but with a list of its own, short and for names, and whatever the case: that is
    folded last, since a capital I is mistaken for an l, and a small one is not.
    """
    decomposed = unicodedata.normalize("NFKD", name)
    return unicodedata.normalize("NFD", decomposed.translate(_PROTOTYPES).casefold())


def errors(name, refused):
    """What is wrong with a username that is `normalized`, as a list of errors, see problems.Problem.

    `refused`: what `read_refused` has read.
    """
    least, most = LENGTH
    if not least <= len(name) <= most:
        code, limit = (TOO_SHORT, {"min": least}) if len(name) < least else (TOO_LONG, {"max": most})
        why = f"give {least} to {most} characters; this has {len(name)}"
        return [("username", code, why, limit | {"unit": "characters"})]
    for before, character in zip(" " + name, name, strict=False):
        if not _may_follow(before, character):
            return [("username", NAME_CHARACTERS, "use letters, digits, - and _ only")]
    if skeleton(name).startswith(GUEST):
        return [("username", NAME_RESERVED, f"{GUEST} begins the names of guests; choose another name")]
    if any(fnmatchcase(_plain(name), pattern) for pattern in refused):
        return [("username", NAME_RESERVED, "nobody can have this name here; choose another")]
    return []


def _may_follow(before, character):
    """Letters and digits of any script, - and _; marks where they spell a letter, as in Devanagari and Thai.

    Accents that could be stacked on any letter are left out: NFKC has put those that belong to one into it.
    """
    if INVISIBLE.match(character):
        return False
    category = unicodedata.category(character)
    if category[0] == "M":
        return unicodedata.category(before)[0] in "LM" and not unicodedata.name(character, "").startswith("COMBINING")
    return category[0] == "L" or category == "Nd" or character in "-_"


def read_refused(path):
    """The names that nobody can have, of a file with one a line: a * stands for any characters, # begins a comment."""
    lines = (line.partition("#")[0].strip() for line in Path(path).read_text("utf-8-sig").splitlines())
    return [_plain(line) for line in lines if line]


def _plain(name):
    """The name without what it can be disguised by: look-alikes, digits for letters, accents, - and _."""
    letters = (c for c in skeleton(name) if unicodedata.category(c)[0] != "M")
    return "".join(letters).translate(_DISGUISES)
