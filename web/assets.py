"""The client's files: held in memory, compressed once, and addressed by their version.

A page names the others as `static/...`; as it is sent, that reads `static/v-HASH/...`, with the hash of them all. What
stands below a version never changes, so browsers may keep it for good without asking; an upgrade is a new version, and
a page loads all of its modules from one, since they import each other by relative addresses.
"""

import gzip
import hashlib
import re
from functools import lru_cache

INDEX, DOCS = "index.html", "docs.html"  # the pages
TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
COMPRESSED = {"css", "html", "js", "svg", "webmanifest"}
VERSIONED = re.compile(r"(v-[0-9a-f]{12})/(.+)")
NAMED = re.compile(rb'"(\.\./)?static/')
KEPT = 200  # files that are compressed once for all apps of a process: test suites make many
FOR_GOOD, ASK = "public, max-age=31536000, immutable", "no-cache"


@lru_cache(KEPT)
def _compress(content):
    return gzip.compress(content, mtime=0)


class Asset:
    """A file as it is sent: `content`, `compressed` with gzip or None, `kind` for Content-Type.

    Each of the two has an ETag of its own, `etag` and `compressed_etag`: they are different bytes.
    """

    def __init__(self, name, content):
        ending = name.rpartition(".")[2]
        self.kind = TYPES[ending]
        self.content = content
        self.compressed = _compress(content) if ending in COMPRESSED else None
        digest = hashlib.blake2b(content, digest_size=12).hexdigest()
        self.etag, self.compressed_etag = f'"{digest}"', f'"{digest}-gzip"'


class Assets:
    """All files in `folder` of the kinds in TYPES, by their path within it."""

    def __init__(self, folder):
        self.folder = folder
        self.seen = None  # names and times of the files as they were read
        self.refresh()

    def refresh(self):
        """Read the files anew if one has changed, as they do while somebody works on them."""
        paths = sorted(path for path in self.folder.rglob("*") if path.suffix[1:] in TYPES and self._is_within(path))
        seen = [(path, path.stat().st_mtime_ns) for path in paths]
        if seen == self.seen:
            return
        contents = {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}
        digest = hashlib.blake2b(digest_size=6)
        for name, content in contents.items():
            digest.update(f"{name}:{len(content)}:".encode() + content)
        self.version = f"v-{digest.hexdigest()}"
        for page in {INDEX, DOCS} & set(contents):
            contents[page] = NAMED.sub(rb"\g<0>" + self.version.encode() + b"/", contents[page])
        self.by_name = {name: Asset(name, content) for name, content in contents.items()}
        self.seen = seen

    def _is_within(self, path):
        """Whether it is a file of the folder's, and not a link that leads elsewhere, or nowhere."""
        return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(self.folder.resolve()))

    def find(self, path):
        """The Asset at a path below `static/`, and how long it may be kept; (None, None) if there is none.

        The address of an older version, from a page that was open during an upgrade, answers with today's file, which is
        then not to be kept.
        """
        versioned = VERSIONED.fullmatch(path)
        name = versioned[2] if versioned else path
        if name in (INDEX, DOCS):
            self.refresh()
        kept = FOR_GOOD if versioned and versioned[1] == self.version else ASK
        return (self.by_name[name], kept) if name in self.by_name else (None, None)
