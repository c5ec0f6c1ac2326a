"""The facts that a provider declares: the operations that it has, since when, and the services that the vendor ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

__all__ = ["Capability", "Retirement", "capability"]

Status = Literal["open", "limited", "deprecated", "retired", "absent"]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Capability:
    """The ability of a provider to carry out one operation, as known on ``checked``; no account is needed to ask.

    ``status`` is "open", "limited" (approval or certain regions only), "deprecated", "retired" or
    "absent" (never offered, or not in cloudai yet: ``note`` tells which).
    """

    operation: str
    status: Status
    note: str = ""
    needs: str = ""
    """The things that must be there first: "a service account or an API key", "extra: local" …"""
    since: str | None = None
    """The ISO date since which it has been limited, deprecated or retired."""
    until: str | None = None
    """The ISO date on which the vendor will end it."""
    page: str | None = None
    """The address of the vendor's page that says so."""
    checked: str | None = None
    """The ISO date on which this was last checked."""
    free: str | None = None
    """The pace of the vendor's free tier, for ``pace="free"``: "20/min"."""
    unit: str = ""
    """The unit that the vendor bills, for example "character"; an empty text where it bills requests."""
    unit_size: int = 0
    """The characters in a unit, the last one of a text counting as a whole; 0 where the vendor counts requests."""
    bills_seconds: bool = False
    """True if the unit is a second of a recording; a request then counts those that it holds, of each channel."""
    free_units: int | None = None
    """The units that cost nothing in a month, as on ``checked``; None where there are none, or it is not known."""
    limits: str = ""
    """The limits of the vendor for one text and for one request, in words."""
    generative: Capability | None = None
    """The ability of the vendor's chat model to answer the operation, whatever its classic services can; else None."""

    @property
    def has_classic(self) -> bool:
        """True where a call can succeed that no chat model answers."""
        return self.status in ("open", "limited", "deprecated")

    @property
    def available(self) -> bool:
        """True where a call can succeed, by whichever method."""
        return self.has_classic or self.generative is not None

    @property
    def summary(self) -> str:
        """The status with its date, for a cell of a table: "deprecated, until 2028-01-31"; "-" where absent.

        An operation that a chat model answers has "generative (needs NAME)", after the status of the classic service if
        there is one.
        """
        dates = [f"until {self.until}"] if self.until else [f"since {self.since}"] if self.since else []
        classic = [] if self.status == "absent" else [self.status, *dates]
        chat = [f"generative (needs {self.generative.needs.partition(':')[0]})"] if self.generative else []
        return ", ".join([*classic, *chat]) or "-"


@dataclass(frozen=True)
class Retirement:
    """One day on which a vendor takes a service away, or a part of it, as known on ``checked``.

    A service that ends in steps has one of these for each step.
    """

    service: str
    """The name of the service, as the vendor writes it."""
    date: str
    """The ISO date, in the past or announced."""
    what: str
    """The change on that day, as a clause: "new customers no longer get them"."""
    instead: str
    """The replacement, or a clause that says that there is none."""
    page: str
    """The address of the vendor's page that says so."""
    checked: str
    """The ISO date on which this was last checked."""


def capability(status: Status = "open", **facts: Any) -> Callable[[F], F]:
    """Declare the decorated method as an operation, with what `Provider.capabilities` says of it.

    Args:
        status: The status of the operation; see `Capability`.
        facts: Further fields of `Capability`.
    """

    def declare(method: F) -> F:
        # The declaration belongs to the function and not to the class, so that a subclass that overrides an operation
        # has to say anew what it can do.
        method.__capability__ = Capability(method.__name__, status, **facts)  # type: ignore[attr-defined]
        return method

    return declare
