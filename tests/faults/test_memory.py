"""A long batch holds no more than a short one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.length import length
from tests.support.paths import ROOT

N = length(800, 20_000, 100_000)
EVERY = length(100, 1_000, 2_500)
"""Inputs after which the memory is measured, once each of them has ended, so that nothing is under way."""
REUSED = 64_000
"""Bytes by which what Python keeps for later use goes up and down: SQLite's module forgets 200 cursors at a time."""
RUNS = [
    ("blocking", "single", True),
    ("awaiting", "joined", True),
    ("blocking", "joined", True),
    ("awaiting", "single", True),
    ("blocking", "single", False),
]
"""The client, how the inputs go out, and whether there is a journal; the first two go through all of the code."""
CODE = """
import asyncio, gc, json, os, sys, time, tracemalloc
from cloudai import AsyncClient, Azure, Client
from tests.made_up.provider import MadeUp, ok

n, every, journal, colour, kind = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] or None, sys.argv[4], sys.argv[5]
taken = most = done = 0
points, files = [], []
def texts():
    global taken, most
    for i in range(n):
        taken += 1
        most = max(most, taken - done)
        yield f"후기 {i}"
        if taken % every == 0:
            measure()

def measure():
    while done < taken:
        time.sleep(0.01)
    time.sleep(0.1)  # what was posted to the journal is written
    gc.collect()
    points.append((taken, tracemalloc.get_traced_memory()[0]))
    files.append(len(os.listdir("/proc/self/fd")))

shares = {"positive": 0.9, "neutral": 0.1, "negative": 0.0}
def send(request):
    if kind == "single":
        return ok({"score": 0.5})
    found = [{"id": d["id"], "sentiment": "positive", "confidenceScores": shares, "sentences": []}
             for d in request.json["analysisInput"]["documents"]]
    return ok({"results": {"documents": found, "errors": [], "modelVersion": "1"}})

async def asend(request):
    return send(request)

def note():
    global done
    done += 1

def provider():
    return MadeUp() if kind == "single" else Azure(key="not-a-real-key", endpoint="https://made-up.example")

settings = {"journal": journal, "options": {"language": "ko"}}
def blocking():
    with Client(provider(), send=send) as client, client.batch("sentiment", texts(), **settings) as job:
        for outcome in job:
            note()
        return job.books

async def awaiting():
    async with AsyncClient(provider(), send=asend) as client, client.batch("sentiment", texts(), **settings) as job:
        async for outcome in job:
            note()
        return job.books

tracemalloc.start()
books = blocking() if colour == "blocking" else asyncio.run(awaiting())
print(json.dumps({"points": points, "ahead": most, "files": files, "books": books}))
"""
AHEAD = {"single": 8 + 8 + 2, "joined": 4 * 10 * 2 + 2}
"""How many inputs are under way or wait to be read at most, besides two that the reader holds."""


@pytest.mark.long
@pytest.mark.timeout(length(120, 900, 3600))  # a hundred thousand inputs take ten minutes while their memory is traced
@pytest.mark.parametrize(("colour", "kind", "kept"), length(RUNS[:2], RUNS, RUNS))
def test_a_generator_is_never_held(colour: str, kind: str, kept: bool, tmp_path: Path) -> None:
    """Memory grows by less than 1 kB for 1,000 inputs, files stay as they were, and few inputs are taken ahead."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(N), str(EVERY), str(tmp_path / "j") if kept else "", colour, kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    points = found["points"][len(found["points"]) // 4 :]  # what is made once has been made by then
    half = len(points) // 2
    early, late = min(size for _, size in points[:half]), min(size for _, size in points[half:])
    thousands = (points[-1][0] - points[0][0]) / 1000
    assert late - early < 1024 * thousands + length(REUSED, 0, 0), points
    assert found["ahead"] <= AHEAD[kind]
    assert len(set(found["files"])) == 1
    assert found["books"]["done"] == N
