"""A cache whose entries are valid for one version of their source."""


class Kept:
    """Up to `most` results, each with the version of what it was made from."""

    def __init__(self, most):
        self.most = most
        self.results = {}

    def get(self, key, version, make, *arguments):
        """What was kept under the key, if it is of this version; else what `make(*arguments)` answers now."""
        kept = self.results.get(key)
        if kept and kept[0] == version:
            return kept[1]
        result = make(*arguments)
        if len(self.results) >= self.most:
            self.results.clear()  # rare, and dearer only for those who come next
        self.results[key] = version, result
        return result
