"""A cache whose entries are valid for one version of their source."""


class VersionedCache:
    """Up to `max_size` entries, each with the version of the source that it was built from."""

    def __init__(self, max_size):
        self.max_size = max_size
        self.entries = {}

    def get(self, key, version, build, *arguments):
        """Return the entry of the key if it is of this version, else `build(*arguments)`, which becomes the entry."""
        entry = self.entries.get(key)
        if entry and entry[0] == version:
            return entry[1]
        result = build(*arguments)
        if len(self.entries) >= self.max_size:
            self.entries.clear()  # rare, and costs only the next reader of each key
        self.entries[key] = version, result
        return result
