"""Questions, progress and sizes on the operator's terminal."""

import sys
import time

from operations.errors import OperationError

MEGABYTE = 1_000_000
REDRAW_EVERY = 0.1  # seconds


def confirm(args, what):
    """Ask on a terminal whether to go on; elsewhere --yes is required. Raise OperationError if the answer is no."""
    if args.yes:
        return
    if not sys.stdin.isatty():
        raise OperationError(f"{what} Give --yes to confirm")
    try:
        answer = input(f"{what} Go on? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise OperationError("nothing was done")


class Progress:
    """A line such as "played 200 of 1000 games" on a terminal; elsewhere nothing."""

    def __init__(self, words):
        self.words, self.next = words, 0.0
        self.is_shown = sys.stderr.isatty()

    def __enter__(self):
        return self

    def __call__(self, *numbers):
        if self.is_shown and time.monotonic() >= self.next:
            self.next = time.monotonic() + REDRAW_EVERY
            print("\r\033[K" + self.words.format(*numbers), end="", file=sys.stderr, flush=True)

    def clear(self):
        if self.is_shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def __exit__(self, *exception):
        self.clear()


def megabytes(size):
    return f"{size / MEGABYTE:.1f} MB"
