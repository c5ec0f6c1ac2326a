"""The commands of a run on many computers: the keeper, and the merging of journals."""

from __future__ import annotations

import argparse
import signal
import threading
from types import FrameType

from cloudai.batch.merge import merge as merged
from cloudai.batch.shared.keeper import share as shared
from cloudai.cli.outputs import tell
from cloudai.errors import InputError
from cloudai.wording import say

__all__ = ["merge", "share"]

EVERY = 60.0
"""Seconds between two lines about what the workers do."""


def share(options: argparse.Namespace) -> int:
    """Keep a journal and a pace for workers on other computers until a signal comes, and return the exit code."""
    caught: list[int] = []
    ended = threading.Event()

    def end(number: int, _: FrameType | None) -> None:
        caught.append(number)
        ended.set()

    # The handler only sets the event: it comes in the middle of other code, and to close a journal there could meet a
    # lock that this code holds.
    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with shared(
            options.journal, pace=options.pace, listen=options.listen, certificate=options.cert, key=options.key
        ) as keeper:
            print(say("{journal} is shared at {address}", journal=options.journal, address=keeper.address), flush=True)
            books = keeper.books
            while not ended.wait(EVERY):
                if (now := keeper.books) != books:
                    books = now
                    tell(say("{workers} workers, {intended} sent, {answered} answered", **now))
        # This line comes when the keeper is closed: every answer that was handed over is on disk by then.
        tell(say("{journal} has all that the workers have handed over.", journal=options.journal))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 + caught[0] if caught else 0


def merge(options: argparse.Namespace) -> int:
    """Make one journal of several ones, and return 0.

    Raises:
        InputError: It is not said which, or what the new one is to be called.
        JournalError: One of them is no journal, or is used by another process.
    """
    if not options.more:
        raise InputError("cloudai journal merge names no journals", advice="Give them, and --out FILE for the new one.")
    if not options.out:
        raise InputError("--out is missing", advice="Give --out FILE, the name of the new journal.")
    n, journals = merged(options.out, options.more), len(options.more)
    print(say("{journal} has the {n} inputs of {journals} journals.", journal=options.out, n=n, journals=journals))
    return 0
