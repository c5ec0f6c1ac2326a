"""`make live`: the smallest paid calls with the keys that are set, recorded, and held against the committed replies.

Without keys nothing is sent. With some, what would be sent is announced first, and nothing goes out without a yes:
typed, or ``CLOUDAI_LIVE=yes``. Fresh cassettes go to ``.live``; the committed ones are not touched.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cloudai import CloudAIError, Provider, Request
from cloudai.providers.registry import usable
from cloudai.testing import Cassette, recording
from tests.support.paths import ROOT
from tests.vendors.live.calls import PAID, Paid
from tests.vendors.live.drift import Shape, drift

OUT = ROOT / ".live"

Ready = tuple[Paid, Provider]


def main(*, send: Callable[[Request], Any] | None = None, answer: Callable[[str], str] = input, out: Path = OUT) -> int:
    """Announce, ask, send, report; 0 where nothing was sent, or all is as it was."""
    providers = {name: kind() for name, kind in usable()[0].items() if kind.hosts}
    calls = [(paid, providers[paid.provider]) for paid in PAID if paid.provider in providers]
    ready = [(paid, provider) for paid, provider in calls if paid.lacking(provider) is None]
    for line in _not_ready(calls):
        print(line)
    if not ready:
        print("No keys: nothing was sent.")
        return 0
    print("\n".join(_announced(ready, out)))
    if not _said_yes(answer):
        print("Nothing was sent.")
        return 0
    folder = out / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder.mkdir(parents=True)
    outcomes = [_sent(paid, provider, folder, send) for paid, provider in ready]
    return int(any(outcomes))


def _not_ready(calls: Iterable[Ready]) -> list[str]:
    """Return what to set, once for all operations it is needed for."""
    lacking: dict[str, list[str]] = {}
    for paid, provider in calls:
        if problem := paid.lacking(provider):
            lacking.setdefault(f"{paid.provider}: {problem}", []).append(str(paid).partition(" ")[2])
    return [f"left out, {', '.join(operations)}: {problem}" for problem, operations in lacking.items()]


def _announced(ready: Sequence[Ready], out: Path) -> list[str]:
    units, lines = 0, []
    for paid, provider in ready:
        request = paid.first_request(provider)
        units += request.billed
        hosts = ", ".join(dict.fromkeys([urlsplit(request.url).hostname or "", *paid.hosts(provider)]))
        lines.append(f"  {paid}: {paid.what}, about {_units(request.billed)}, to {hosts}")
    head = f"Calls that would be sent, and paid for: {len(ready)}, of about {_units(units)} in all"
    return [f"{head}; the replies go to {out}.", *lines]


def _units(number: int) -> str:
    return "1 unit" if number == 1 else f"{number} units"


def _said_yes(answer: Callable[[str], str]) -> bool:
    given = os.environ.get("CLOUDAI_LIVE", "").strip()
    if not given:
        try:
            given = answer("Send them? yes or no: ")
        except EOFError:
            return False
    return given.strip().lower() == "yes"


def _sent(paid: Paid, provider: Provider, folder: Path, send: Callable[[Request], Any] | None) -> bool:
    """Send one call, once; whether something is to be looked at."""
    path = folder / f"{str(paid).replace(' ', '-')}.json"
    try:
        with recording(provider, path, send=send, max_attempts=1, on_unknown="raise", note="make live") as client:
            paid.ask(client)
    except CloudAIError as error:
        print(f"{paid}: failed: {error}")
        return True
    exchanges = [e for e in Cassette.load(path).exchanges if e.request.credentials]
    committed = paid.committed({urlsplit(e.request.url).path for e in exchanges})
    lines = drift(committed, Shape(e.response.body for e in exchanges))
    print(f"{paid}: {f'{len(lines)} differences to the committed replies' if lines else 'as the committed replies'}")
    for line in lines:
        print(f"  {line}")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
