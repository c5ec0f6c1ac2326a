"""Measure the cost to start: to import cloudai, make a client, and send a first request to a server on the loopback.

Each figure is the processor time of a fresh process above that of bare Python, the least of several runs, so that other
work on the machine counts little.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["measured"]

SOURCE = Path(__file__).parents[1] / "src"
LIBRARIES = "import httpx2; from pydantic import BaseModel"
FIRST_CALL = """
import cloudai
client = cloudai.Client(cloudai.Watson(nlu=cloudai.Resource("not-a-real-key", {url!r})))
client.sentiment("The soup was warm.", language="en")
"""
NEW_CLIENT = """
import cloudai, time
cloudai.Client("google")
began = time.process_time()
for _ in range(200):
    cloudai.Client("google")
print((time.process_time() - began) / 200)
"""


def _environment() -> dict[str, str]:
    """Return the environment of the processes, in which modules are compiled once only, as they are where installed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(SOURCE), "GOOGLE_API_KEY": "not-a-real-key"}


def _seconds(code: str, rounds: int) -> float:
    """Return the least processor time, in seconds, that a fresh process takes to run the code."""
    times = []
    for _ in range(rounds):
        # The system counts here what all ended children have used, so the difference is that of this one.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, env=_environment(), stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def measured(place: str, rounds: int) -> Mapping[str, float]:
    """Return the milliseconds of each step above bare Python, by what it is.

    Args:
        place: The line that the server has printed.
        rounds: How often each step is run.
    """
    url = json.loads(place)["http"]
    steps = {
        "import cloudai": "import cloudai",
        "import httpx2 and pydantic's BaseModel": LIBRARIES,
        "the same, a client, and one request": f"{LIBRARIES}; httpx2.Client().post({url + '/v1/analyze'!r}, json={{}})",
        "import cloudai, and make a client of Google": "import cloudai; cloudai.Client('google')",
        "import cloudai, a client of Watson, and its first call": FIRST_CALL.format(url=url),
        "import google.cloud.vision": "from google.cloud import vision",
        "import ibm_watson": "import ibm_watson",
    }
    bare = _seconds("pass", rounds)
    figures = {name: 1000 * (_seconds(code, rounds) - bare) for name, code in steps.items()}
    done = subprocess.run(
        [sys.executable, "-c", NEW_CLIENT],
        check=True,
        capture_output=True,
        text=True,
        env=_environment(),
    )
    return {
        "bare Python, which the others are above": 1000 * bare,
        **figures,
        "one more client": 1000 * float(done.stdout),
    }
