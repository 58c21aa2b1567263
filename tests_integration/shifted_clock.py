"""The server on a machine whose clock is ahead by what a file says: `python shifted_clock.py`, as `python service.py`.

It shifts the times that the module `time` returns. The server is unchanged.
"""

import runpy
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
AHEAD = Path("ahead")  # in the server's folder, with a number of seconds
_time, _time_ns = time.time, time.time_ns


def ahead():
    return int(AHEAD.read_text())


if __name__ == "__main__":
    time.time = lambda: _time() + ahead()
    time.time_ns = lambda: _time_ns() + ahead() * 1_000_000_000
    sys.path[0] = str(ROOT)
    runpy.run_path(str(ROOT / "service.py"), run_name="__main__")
