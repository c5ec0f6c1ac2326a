"""Tables of what providers can do, and of what vendors have switched off or will end; they need no account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from cloudai.operations import OPERATIONS
from cloudai.providers.registry import usable
from cloudai.table import Table

__all__ = ["capabilities", "retirements"]

FACTS = ("status", "since", "until", "needs", "note", "unit", "limits", "free", "free_units", "page", "checked")


def capabilities() -> Table:
    """Return a table of what each provider can do: a row for each operation, provider and method.

    ``status`` is "open", "limited", "deprecated", "retired" or "absent"; dates are ISO dates, and ``free_units`` counts
    the units that cost nothing in a month. Nothing is sent.
    """
    return Table(list(_abilities()), ("operation", "provider", "method", *FACTS), {"free_units": "units a month"})


def _abilities() -> Iterator[dict[str, Any]]:
    # Providers that cannot be loaded are left out: the fault of one package must not take the table of all others away.
    known = {name: kind.capabilities() for name, kind in usable()[0].items()}
    for operation in OPERATIONS:
        for name, able in known.items():
            classic = able[operation]
            for method, each in (("classic", classic), ("generative", classic.generative)):
                if each is not None:
                    facts = {fact: getattr(each, fact) or None for fact in FACTS}
                    yield {"operation": operation, "provider": name, "method": method, **facts}


def retirements() -> Table:
    """Return a table of what vendors have switched off, or have announced the end of, the oldest day first.

    It also has services that cloudai has no operation for. A service that ends in steps has a row for each. ``date`` is
    an ISO date, and nothing is sent.
    """
    rows = [
        {"date": each.date, "provider": name, **asdict(each)}
        for name, kind in usable()[0].items()
        for each in kind.retirements
    ]
    return Table(rows, ("date", "provider", "service", "what", "instead", "page", "checked")).sort("date")
