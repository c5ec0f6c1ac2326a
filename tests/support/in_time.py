"""A function that a test runs for a limited time, so that a fault which makes it wait for ever is a failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cloudai.core.drivers.shared import apart

__all__ = ["in_time"]

T = TypeVar("T")


def in_time(function: Callable[[], T], seconds: float = 60.0) -> T:
    """Run a function in a daemon thread and return its value; fail if it has not ended after so many seconds.

    A function that never ends is left behind: it keeps neither the other tests nor the process from ending.
    """
    future = apart(function)
    try:
        return future.result(seconds)
    except TimeoutError:
        if future.done():
            raise  # the function itself has raised it
        raise AssertionError(f"nothing has come of it in {seconds:g} seconds: somebody waits for ever") from None
