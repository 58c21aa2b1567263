"""The client's files: held in memory, compressed for the first request, with their version in their addresses.

Pages refer to other files as `static/...`, and are sent with `static/v-HASH/...`, where HASH is that of all files. A file
below a version never changes, so browsers may cache it forever. An upgrade is a new version; all modules of a page are of
the same one, since they import each other by relative addresses. The service worker is told the version and its files.
"""

import gzip
import hashlib
import re
from functools import cached_property, lru_cache
from html import escape

import bottle
import msgspec

from web import headers
from web.requests import header, matches_etag

INDEX, DOCS = "index.html", "docs.html"  # the pages
WORKER = "sw.js"
TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "js": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
COMPRESSED = {"css", "html", "js", "json", "svg", "txt", "webmanifest"}
VERSIONED_PATH = re.compile(r"(v-[0-9a-f]{12})/(.+)")
ASSET_REFERENCE = re.compile(rb'"(\.\./)?static/')
RELATIVE_PREVIEW = re.compile(rb'(<meta property="og:(?:url|image)" content=")(?:\./)?')
MAX_CACHED = 200  # compressed files, which all apps of a process share: test suites create many
IMMUTABLE, REVALIDATE = "public, max-age=31536000, immutable", "no-cache"


@lru_cache(MAX_CACHED)
def _compress(content):
    return gzip.compress(content, mtime=0)


class Asset:
    """A file: its `content`, the same `compressed` with gzip if it `can_be_compressed`, and `kind`, its Content-Type.

    Both have ETags of their own, `etag` and `compressed_etag`: they are different bytes.
    """

    def __init__(self, name, content):
        ending = name.rpartition(".")[2]
        self.kind = TYPES[ending]
        self.is_document = ending == "html" or name == WORKER  # it has a policy of its own on what it may load
        self.content = content
        self.can_be_compressed = ending in COMPRESSED
        digest = hashlib.blake2b(content, digest_size=12).hexdigest()
        self.etag, self.compressed_etag = f'"{digest}"', f'"{digest}-gzip"'

    @cached_property
    def compressed(self):
        """Made for the first request: for all files, it takes 0.03 s, and nobody may ask for most languages."""
        return _compress(self.content)


@lru_cache(MAX_CACHED)
def _page_at(content, address):
    """Return the Asset of the client's page at an absolute address, by which its link previews name what belongs to it."""
    start = escape(address).encode()
    return Asset(INDEX, RELATIVE_PREVIEW.sub(lambda found: found[1] + start, content))


class Assets:
    """The files in `folder` of the kinds in TYPES, by their paths in it."""

    def __init__(self, folder):
        self.folder = folder
        self.seen = None  # names and times of the files as they were read
        self.refresh()

    def refresh(self):
        """Read the files again if one has changed, as they do during development."""
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
            contents[page] = ASSET_REFERENCE.sub(rb"\g<0>" + self.version.encode() + b"/", contents[page])
        if WORKER in contents:
            files = msgspec.json.encode(sorted(contents))
            contents[WORKER] = b'const VERSION = "%b", FILES = %b;\n' % (self.version.encode(), files) + contents[WORKER]
        self.by_name = {name: Asset(name, content) for name, content in contents.items()}
        self.seen = seen

    def _is_within(self, path):
        """Return whether it is a file, and no link to a place outside the folder, or to nothing."""
        return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(self.folder.resolve()))

    def find(self, path):
        """Return the Asset at a path below `static/` and its Cache-Control; (None, None) if there is none.

        A page that was open during an upgrade asks for an older version: it gets today's file, which it must not cache.
        """
        versioned = VERSIONED_PATH.fullmatch(path)
        name = versioned[2] if versioned else path
        if name in (INDEX, DOCS, WORKER):
            self.refresh()
        cache_control = IMMUTABLE if versioned and versioned[1] == self.version else REVALIDATE
        return (self.by_name[name], cache_control) if name in self.by_name else (None, None)

    def response(self, path):
        """Return the response to a request for the file at this path."""
        asset, cache_control = self.find(path)
        return _response(asset, cache_control) if asset else bottle.HTTPError(404)

    def page(self, address):
        """Return the response with the client's page, which the client finds at this address, with a slash at the end."""
        asset, cache_control = self.find(INDEX)
        return _response(_page_at(asset.content, address), cache_control)


def _response(asset, cache_control):
    content, etag = asset.content, asset.etag
    fields = {"Content-Type": asset.kind, "Cache-Control": cache_control}
    if asset.is_document:
        fields = headers.PAGE | fields
    if asset.can_be_compressed:
        fields["Vary"] = "Accept-Encoding"
    if asset.can_be_compressed and (coding := headers.gzip_name(header("ACCEPT_ENCODING"))):
        content, etag = asset.compressed, asset.compressed_etag
        fields["Content-Encoding"] = coding
    fields["ETag"] = etag
    if matches_etag(etag):
        fields.pop("Content-Encoding", None)
        return bottle.HTTPResponse(status=304, headers=fields)
    return bottle.HTTPResponse(content, headers=fields)
