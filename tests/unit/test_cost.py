"""The cost of a call, counted and not timed: the numbers are the same on every machine, and however busy it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LIMITS = {
    # In each row about a dozen calls decide whether the classic service or a chat model answers, and another dozen
    # whether the provider has failed other calls and is not to be asked for now. This row has one request, and one
    # reply of a face without its points, ten tags, five grades and ten colours. Looking at a picture segment by segment
    # takes 40 calls, the engine and the driver take 90, and the connection takes 75.
    "google cloudai": 377,
    # The reply has twenty tags, five objects and two colours.
    "azure3 cloudai": 310,
    # The reply also has twelve words in six lines, whose corners the wire model makes, and the result takes as they
    # are.
    "azure4 cloudai": 356,
    # The reply has five sentences with their confidences, which are read one by one (70 calls); there is no picture.
    "sentiment cloudai": 275,
    # The reply has two numbers and five emotions. Watson's settings may be in files, and are looked up in each call
    # (70).
    "watson cloudai": 278,
    # The call is that of the first row, and its upload of 1.3 MB is written in four pieces.
    "1MB cloudai": 430,
    # The call is that of the row before, over TLS: each piece is encrypted as a whole, and then written.
    "1MB TLS cloudai": 488,
    # The call is that of the first row by an awaiting client, and adds the calls of the event loop: the wait for the
    # reply takes 25, the deadline of the exchange 15, and the limit of the calls in flight 8.
    "128 cloudai": 480,
    # The row counts all threads for a picture of a batch with a journal in memory. Beside the call itself, the input is
    # taken, looked up, written down before and after the request and at its end, and its outcome is handed out.
    "batch one by one": 990,
    # Sixteen pictures share the waits for threads, which are half of the calls of one by one.
    "batch joined": 525,
}
"""The most calls of Python functions in one warm call, and for each picture of a batch: what was counted with Python
3.11 when this was written, and at most a twentieth more, for other versions of the libraries. A limit is raised only
with the reason for it beside it."""


@pytest.fixture(scope="module")
def counts() -> dict[str, int]:
    """Return the numbers of a fresh process."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.counts"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counted: dict[str, int] = json.loads(done.stdout)
    return counted


@pytest.mark.loopback
def test_every_row_has_a_limit(counts: dict[str, int]) -> None:
    """Each row of `make bench` is counted, and so is an awaited call; each has a limit."""
    assert counts.keys() == LIMITS.keys()


@pytest.mark.loopback
@pytest.mark.parametrize("row", LIMITS)
def test_a_warm_call_makes_few_calls(row: str, counts: dict[str, int]) -> None:
    """A warm call does not call more functions of Python than its limit allows."""
    assert counts[row] <= LIMITS[row]


COUNTED = """
import json, sys
import cloudai
from benchmarks.counts import _calls
from benchmarks.replies import azure_vision_4, google_vision
from benchmarks import pictures

def replying(body):
    content = json.dumps(body).encode()
    return lambda _: cloudai.Response(200, {"content-type": "application/json"}, content)

def calls(client, call):
    call(client)
    return _calls(lambda: call(client))

picture = pictures.small()
google, azure = cloudai.Google(api_key="none"), cloudai.Azure(key="none", endpoint="https://example.com")
faces = [
    calls(
        cloudai.Client(google, send=replying(google_vision(faces=n))),
        lambda c: c.detect_faces(picture, landmarks=True),
    )
    for n in (2, 12)
]
words = [
    calls(
        cloudai.Client(azure, send=replying(azure_vision_4(lines=n // 2))),
        lambda c: c.analyze_image(picture, features=["text"]),
    )
    for n in (100, 400)
]
print(json.dumps({"face": (faces[1] - faces[0]) / 10, "word": (words[1] - words[0]) / 300}))
"""


@pytest.mark.long
def test_each_further_face_and_word_makes_few_calls() -> None:
    """A face with 34 points takes at most 30 calls of Python functions, and a word with four corners at most eight."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COUNTED],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["face"] <= 30
    assert found["word"] <= 8
