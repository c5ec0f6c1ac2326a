"""The limits of a batch: how many requests it may send, and how many units these may be billed for."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from cloudai.batch import queries
from cloudai.batch.statements import Statement
from cloudai.errors import NotStartedError

__all__ = ["ElsewhereError", "Limits"]


class ElsewhereError(NotStartedError):
    """Another process carries out the call now, because this one was away for too long: the call is looked up again."""


class Limits:
    """Counts requests and units against the limits of a batch, over all runs with its journal.

    Args:
        max_requests: Maximum number of billed requests; None for no limit.
        max_units: Maximum number of billed units; None for no limit.
        requests: Billed requests that earlier runs have sent.
        units: Units that earlier runs may have been billed for.
        batches: The numbers of the batches in the journal of a keeper, which counts for all processes that carry them
            out; None if this process counts alone.
    """

    def __init__(
        self,
        max_requests: int | None,
        max_units: int | None,
        requests: int,
        units: int,
        batches: Sequence[int] | None = None,
    ) -> None:
        self._batches = batches
        self._max_requests, self._max_units = max_requests, max_units
        self._requests, self._units, self._before = requests, units, requests
        self._lock = threading.Lock()
        self.reached: str | None = None
        """The limit that was reached, for example "max_requests=100"; None before."""

    @property
    def sent(self) -> int:
        """The number of billed requests that this run has sent."""
        return self._requests - self._before

    def reserve(self, units: int, requests: int) -> bool:
        """Count a request before it is sent, and return True.

        If it would exceed a limit, return False, count nothing, and keep the name of that limit in ``reached``.
        """
        # The limit is looked at and counted in one step: two workers must not both take the last request that it
        # allows.
        with self._lock:
            if self._max_requests is not None and self._requests + requests > self._max_requests:
                self.reached = f"max_requests={self._max_requests}"
            elif self._max_units is not None and self._units + units > self._max_units:
                self.reached = f"max_units={self._max_units}"
            else:
                self._requests += requests
                self._units += units
                return True
        return False

    def within(self, requests: int, units: int, entered: Statement) -> Statement:
        """Return a statement that enters or takes back requests and units, and has a keeper count them where it does.

        Where the keeper finds that a limit is reached, the statement enters nothing, and returns the limit.
        """
        # With a journal of its own this process has counted the request in `reserve`, and nobody else sends any.
        if self._batches is None:
            return entered
        return queries.within(self._batches, (self._max_requests, self._max_units), (requests, units), entered)

    def refund(self, requests: int, units: int) -> None:
        """Take back what was counted for a request that was not sent, or costs nothing."""
        with self._lock:
            self._requests -= requests
            self._units -= units
