"""Both drivers use these helpers: threads that can be given up, and the errors of calls that waited in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_any
from typing import TypeVar

from cloudai.core.flow import Request
from cloudai.core.memory import VARIABLE
from cloudai.errors import DeadlineExceededError

__all__ = ["apart", "in_time", "no_memory", "no_slot", "not_done", "not_prepared", "not_read", "too_late", "within"]

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


def in_time(future: Future[T], timeout: float | None, late: Callable[[], Exception]) -> T:
    """Return the outcome of a future, or raise what ``late`` returns if it does not come in time."""
    try:
        if not wait_for_any([future], timeout).done:
            raise late()
        return future.result()
    finally:
        future.cancel()  # what has not begun need not be done any more


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


def not_done() -> DeadlineExceededError:
    """Return the error of a call for which a program or a model of this machine took too long."""
    return _not_sent(
        DeadlineExceededError(
            "the work on this machine was not done in time",
            advice="Give more with timeout= (seconds), a smaller input, or less at once.",
        )
    )


def not_read() -> DeadlineExceededError:
    """Return the error of a call whose input could not be read in time."""
    return _not_sent(
        DeadlineExceededError(
            "the input was not read in time",
            advice="See whether its disk, its network share or its pipe answers, or give more with timeout= (seconds).",
        )
    )


def no_memory() -> DeadlineExceededError:
    """Return the error of a call whose picture got no share of the memory for pictures in time."""
    return _not_sent(
        DeadlineExceededError(
            "no memory became free in time for preparing the picture",
            advice=f"Prepare fewer pictures at once, or raise timeout= or {VARIABLE}.",
        )
    )


def not_prepared() -> DeadlineExceededError:
    """Return the error of a call whose picture was not prepared in time."""
    return _not_sent(
        DeadlineExceededError("the picture was not prepared in time", advice="Give more with timeout= (seconds).")
    )


def _not_sent(error: DeadlineExceededError) -> DeadlineExceededError:
    error.state = "NOT_SENT"
    return error
