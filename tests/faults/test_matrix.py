"""Every fault x every vendor, by both clients: what the server counts, what leaves, and what may have been billed."""

from __future__ import annotations

import pickle
import time
from itertools import product

import pytest

import cloudai
from tests.made_up.calls import KEY, VENDORS, Skipping, ask
from tests.made_up.faults import FAULTS
from tests.made_up.server import LONGEST, faultd
from tests.support.length import both_by_turns, length

pytestmark = pytest.mark.loopback
NOISE = 2.5
"""Seconds that a busy machine may add to a deadline; a server that stalls does so for longer."""
assert max(cell.timeout for cell in FAULTS.values() if cell.error == "DeadlineExceededError") + NOISE < LONGEST

TIMED = sorted(name for name, cell in FAULTS.items() if cell.error == "DeadlineExceededError")
"""Faults by which a call waits for its deadline; in the short form each of them meets one vendor, by turns."""
CELLS = [
    (name, vendor)
    for name, (turn, vendor) in product(FAULTS, enumerate(VENDORS))
    if length(name not in TIMED or TIMED.index(name) % len(VENDORS) == turn, True, True)
]


@both_by_turns("name, vendor", CELLS)
def test_cell(name: str, vendor: str, colour: str) -> None:
    """A call ends as the matrix says: requests, class of error, state, books, hint; in time, no key in the text."""
    cell, made = FAULTS[name], VENDORS[vendor]
    clock = Skipping()
    with faultd(cell.fault(made), bills=cell.carried_out, reads=cell.reads) as server:
        began = time.monotonic()
        if not cell.error:
            result = ask(colour, made.make(), server.url, clock=clock, timeout=cell.timeout)
            facts = result.meta
            assert result.score == 0.5 or vendor == "azure"
            assert result.raw == (made.strange if "unknown" in name else made.good)
        else:
            with pytest.raises(cloudai.CloudAIError) as raised:
                ask(colour, made.make(), server.url, clock=clock, timeout=cell.timeout)
            facts = raised.value
            assert type(facts).__name__ == cell.error
            assert facts.state == cell.state
            assert facts.provider == vendor
            assert KEY not in str(facts) + repr(facts)
            assert str(pickle.loads(pickle.dumps(facts))) == str(facts)
            if cell.hint is not None:
                assert facts.retry_after == cell.hint
        assert time.monotonic() - began < cell.timeout + NOISE
    assert (server.count if cell.reads else server.connections) == cell.requests
    assert facts.attempts == cell.requests
    assert facts.billed_min == (0 if cell.error else made.units)
    assert facts.billed_min <= server.billed * made.units <= facts.billed_max == cell.most_billed * made.units
    assert len(set(server.requests)) <= 1  # every attempt is the same, byte for byte
    assert sum(clock.slept) < cell.timeout


def test_the_guards_of_the_matrix_bite() -> None:
    """A server that is asked once more than it should be is noticed: the counts are the server's own."""
    cell = FAULTS["500"]
    with faultd(cell.fault(VENDORS["google"])) as server:
        for _ in range(2):
            with pytest.raises(cloudai.ServerError):
                ask("blocking", VENDORS["google"].make(), server.url)
    assert server.count == 2 * cell.requests
