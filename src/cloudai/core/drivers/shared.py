"""What both drivers need: threads that nobody has to wait for, and the errors of calls that waited in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TypeVar

from cloudai.core.flow import Request
from cloudai.errors import DeadlineExceededError

__all__ = ["apart", "no_slot", "too_late", "within"]

T = TypeVar("T")


def apart(function: Callable[[], T]) -> Future[T]:
    """Run a function in a thread that nobody has to wait for: neither a caller out of time, nor the ending process."""
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # from here on nobody can cancel it

    def run() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001  # whoever waits gets it
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    threading.Thread(target=run, name="cloudai-apart", daemon=True).start()
    return outcome


def within(request: Request, timeout: float | None, waited: float) -> Request:
    """Return the request with the time it has, less what was spent waiting for a free slot."""
    return request if timeout is None else replace(request, timeout=max(0.001, timeout - waited))


def no_slot() -> DeadlineExceededError:
    """Return the error of a call that found no free slot among those in flight."""
    return _not_sent(
        DeadlineExceededError(
            "no free place among the calls in flight",
            advice="Raise max_concurrency= or timeout=, or call less at once.",
        )
    )


def too_late() -> DeadlineExceededError:
    """Return the error of a call that waited in vain for a token."""
    return _not_sent(
        DeadlineExceededError("the token did not come in time", advice="Give more with timeout= (seconds).")
    )


def _not_sent(error: DeadlineExceededError) -> DeadlineExceededError:
    error.state = "NOT_SENT"
    return error
