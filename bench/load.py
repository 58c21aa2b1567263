"""Load from wrk, and the ratio of two loads that are measured in turns."""

import os
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROUNDS, SECONDS = 5, 2  # of wrk, per figure


WRK = ["wrk", "-t1", "-c16", "--timeout", "10s"]


class Load:
    """The load of one address of a server, or of the `requests` (method, path, token, body) that a function returns.

    `requests` is called before each round, which sends them in order from the first.
    """

    def __init__(self, url, path=None, requests=None):
        self.url, self.path, self.requests = url, path, requests

    def run(self, seconds=SECONDS):
        """Return {rate, p99}: responses per second, and the 99th percentile of their times in milliseconds."""
        command = [*WRK, "--latency", f"-d{seconds}s"]
        with tempfile.NamedTemporaryFile("w", suffix=".requests") as file:
            if self.path:
                command.append(self.url + self.path)
            else:
                file.writelines("\t".join(request) + "\n" for request in self.requests())
                file.flush()
                command += ["-s", str(HERE / "requests.lua"), self.url]
            environment = os.environ | {"REQUESTS": file.name}
            said = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
        if trouble := re.search(r"Non-2xx.*|Socket errors.*", said):
            raise RuntimeError(f"{self.url}: {trouble[0]}")
        number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
        return {
            "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]),
            "p99": float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit],
        }


def compare(load, standard, rounds=ROUNDS):
    """Measure two Loads in turns. Return {rate, standard, ratio}; the ratio is the median of the rounds."""
    found = [(standard.run()["rate"], load.run()["rate"]) for _ in range(rounds)]
    return {
        "standard": round(statistics.median(before for before, _ in found)),
        "rate": round(statistics.median(rate for _, rate in found)),
        "ratio": round(statistics.median(rate / before for before, rate in found), 3),
    }
