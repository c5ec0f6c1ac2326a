"""A little of ``make fuzz``: all that is kept, and some changes to it."""

from __future__ import annotations

import random

import pytest

from tests.faults.fuzz import CORPUS
from tests.faults.fuzz.targets import TARGETS, decoding

KEPT = [(path.parent.name, path.name) for path in sorted(CORPUS.glob("*/*"))]
TRIES = 1_000


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MOST_PIXELS", 250_000)


def kept(target: str) -> list[bytes]:
    """Return the files that a target begins with."""
    return [path.read_bytes() for path in sorted((CORPUS / target).glob("*"))] or [b""]


def changed(dice: random.Random, seeds: list[bytes]) -> bytes:
    """Return one of the files, changed in a few places: other bytes, a piece of another, a piece left out or twice."""
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(data) + 1)
        size = dice.choice((1, 1, 2, 4, 16, 64))
        match dice.randrange(6):
            case 0:
                data[place : place + size] = dice.randbytes(size)
            case 1:
                data[place : place + size] = dice.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * size
            case 2:
                other = dice.choice(seeds)
                begin = dice.randrange(len(other) + 1)
                data[place:place] = other[begin : begin + 4 * size]
            case 3:
                del data[place : place + size]
            case 4:
                data[place:place] = data[place : place + 4 * size]
            case 5 if dice.random() < 0.3:
                del data[place:]
    return bytes(data)


@pytest.mark.parametrize(("target", "name"), KEPT)
def test_what_is_kept(target: str, name: str) -> None:
    """The files fuzzing begins with, and those it found: an error of ours, or something true."""
    TARGETS[target]((CORPUS / target / name).read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_changes_to_what_is_kept(target: str) -> None:
    """A few at random, the same each time; ``make fuzz`` tries many."""
    dice, seeds = random.Random(target), kept(target)  # noqa: S311
    for _ in range(TRIES):
        TARGETS[target](changed(dice, seeds))


def test_all_targets_have_files_to_begin_with() -> None:
    """But for those that take anything."""
    assert {target for target, _ in KEPT} >= TARGETS.keys() - {"other", "stripped"}
