"""Both drivers use these helpers: threads that can be given up, and the errors of calls that waited in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from cloudai.core.flow import Request
from cloudai.errors import DeadlineExceededError

__all__ = ["apart", "no_slot", "too_late", "within"]

T = TypeVar("T")


def apart(function: Callable[[], T]) -> Future[T]:
    """Run a function in a daemon thread, and return a future of its outcome.

    A caller that is out of time can give the thread up, and the process can end without it.
    """
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # from here on the future cannot be cancelled

    def run() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001  # the waiting caller gets it
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    threading.Thread(target=run, name="cloudai-apart", daemon=True).start()
    return outcome


def within(request: Request, timeout: float | None, waited: float) -> Request:
    """Return the request with the time that is left after ``waited`` seconds were spent waiting for a free slot."""
    return request if timeout is None else request.altered(timeout=max(0.001, timeout - waited))


def no_slot() -> DeadlineExceededError:
    """Return the error of a call that got no slot in time, because too many requests are in flight."""
    return _not_sent(
        DeadlineExceededError(
            "no free place among the calls in flight",
            advice="Raise max_concurrency= or timeout=, or call less at once.",
        )
    )


def too_late() -> DeadlineExceededError:
    """Return the error of a call whose token did not come in time."""
    return _not_sent(
        DeadlineExceededError("the token did not come in time", advice="Give more with timeout= (seconds).")
    )


def _not_sent(error: DeadlineExceededError) -> DeadlineExceededError:
    error.state = "NOT_SENT"
    return error
