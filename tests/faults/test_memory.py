"""A long batch holds no more than a short one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.length import length
from tests.support.paths import ROOT

N = length(8_000, 20_000, 100_000)
CODE = """
import gc, json, os, sys, tracemalloc
from cloudai import Client
from tests.made_up.provider import MadeUp, ok

n, journal = int(sys.argv[1]), sys.argv[2] or None
ahead = most = done = 0
def texts():
    global ahead, most
    for i in range(n):
        ahead += 1
        most = max(most, ahead - done)
        yield f"후기 {i}"

reply = ok({"score": 0.5})
points = []
with Client(MadeUp(), send=lambda _: reply) as client:
    with client.batch("sentiment", texts(), journal=journal) as job:
        for outcome in job:
            done += 1
            if done == n // 4:
                before = len(os.listdir("/proc/self/fd"))
                tracemalloc.start()
            if done > n // 4 and done % (n // 20) == 0:
                gc.collect()
                points.append((done, tracemalloc.get_traced_memory()[0]))
        after = len(os.listdir("/proc/self/fd"))
print(json.dumps({"points": points, "ahead": most, "fds": [before, after], "books": job.books}))
"""


@pytest.mark.parametrize("kept", [True, False], ids=["journal", "none"])
def test_a_generator_is_never_held(kept: bool, tmp_path: Path) -> None:
    """Memory grows by less than 1 kB for 1,000 inputs, files stay as they were, and few inputs are taken ahead."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(N), str(tmp_path / "j") if kept else ""],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    points = found["points"][3:]  # warm by then
    half = len(points) // 2
    early, late = min(size for _, size in points[:half]), min(size for _, size in points[half:])
    thousands = (points[-1][0] - points[0][0]) / 1000
    assert (late - early) / thousands < 1024, points
    assert found["ahead"] <= 8 + 8 + 2
    assert found["fds"][0] == found["fds"][1]
    assert found["books"]["done"] == N
