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
import asyncio, gc, json, os, sys, tracemalloc
from cloudai import AsyncClient, Azure, Client
from tests.made_up.provider import MadeUp, ok

n, journal, colour, kind = int(sys.argv[1]), sys.argv[2] or None, sys.argv[3], sys.argv[4]
ahead = most = done = before = 0
points = []
def texts():
    global ahead, most
    for i in range(n):
        ahead += 1
        most = max(most, ahead - done)
        yield f"후기 {i}"

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
    global done, before
    done += 1
    if done == n // 4:
        before = len(os.listdir("/proc/self/fd"))
        tracemalloc.start()
    if done > n // 4 and done % (n // 20) == 0:
        gc.collect()
        points.append((done, tracemalloc.get_traced_memory()[0]))

def provider():
    return MadeUp() if kind == "single" else Azure(key="not-a-real-key", endpoint="https://made-up.example")

settings = {"journal": journal, "options": {"language": "ko"}}
def blocking():
    with Client(provider(), send=send) as client, client.batch("sentiment", texts(), **settings) as job:
        for outcome in job:
            note()
        return len(os.listdir("/proc/self/fd")), job.books

async def awaiting():
    async with AsyncClient(provider(), send=asend) as client, client.batch("sentiment", texts(), **settings) as job:
        async for outcome in job:
            note()
        return len(os.listdir("/proc/self/fd")), job.books

after, books = blocking() if colour == "blocking" else asyncio.run(awaiting())
print(json.dumps({"points": points, "ahead": most, "fds": [before, after], "books": books}))
"""
AHEAD = {"single": 8 + 8 + 2, "joined": 4 * 10 * 2 + 2}
"""How many inputs are under way or wait to be read at most, besides two that the reader holds."""


@pytest.mark.parametrize(
    ("colour", "kind", "kept"),
    [
        ("blocking", "single", True),
        ("blocking", "single", False),
        ("blocking", "joined", True),
        ("awaiting", "single", True),
        ("awaiting", "joined", True),
    ],
)
def test_a_generator_is_never_held(colour: str, kind: str, kept: bool, tmp_path: Path) -> None:
    """Memory grows by less than 1 kB for 1,000 inputs, files stay as they were, and few inputs are taken ahead."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(N), str(tmp_path / "j") if kept else "", colour, kind],
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
    assert found["ahead"] <= AHEAD[kind]
    assert found["fds"][0] == found["fds"][1]
    assert found["books"]["done"] == N
