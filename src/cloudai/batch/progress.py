"""The progress of a batch: a bar in a terminal or a notebook, a line now and then if the output is a file."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from cloudai.batch.recorder import Recorder
from cloudai.batch.state import BatchState
from cloudai.outcomes import Outcome
from cloudai.wording import say

__all__ = ["Progress", "duration", "progress_for"]

EVERY = 15.0
"""Seconds between two lines."""


class Progress:
    """Shows nothing: a batch has this progress unless ``progress=`` asks for another."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the progress, because the iteration over the batch has ended."""

    def show(self, outcome: Outcome[Any]) -> Any:
        """Show that an input has ended; an `AsyncBatch` awaits what is returned, if that is awaitable."""

    def wait(self) -> None:
        """Show that no input has ended for half a second."""


class Told(Progress):
    """Calls a function of the user with each outcome."""

    def __init__(self, tell: Callable[[Outcome[Any]], Any]) -> None:
        self._tell = tell

    def show(self, outcome: Outcome[Any]) -> Any:
        """Call the function with the outcome, and return what it returns."""
        return self._tell(outcome)


class Status:
    """Says how far a batch is in a few words, for example "12 sent, 1 failed".

    Args:
        state: The state of the batch.
        recorder: Counts the inputs of the batch.
    """

    def __init__(self, state: BatchState, recorder: Recorder[Any]) -> None:
        self._state, self._recorder = state, recorder
        self.name, self.total = state.name, state.total

    @property
    def ended(self) -> int:
        """The number of inputs that have ended; those that the run has not come to do not count."""
        counts = self._recorder.counts
        return sum(counts.values()) - counts["not_started"]

    @property
    def left(self) -> float | None:
        """The seconds that the rest takes, by the pace and by what is still to be sent; None if it is not known."""
        if self.total is None or not self._state.policy.going:
            return None
        return self._state.time_left.seconds(self.total - self.ended, self._state.policy.clock())

    def __str__(self) -> str:
        books, policy = self._recorder.books, self._state.policy
        # The bar says how many have ended: only requests beside these are worth a word.
        sent = policy.limits.sent
        words = [say("{n} sent", n=sent)] if sent and sent != self.ended else []
        words += [say(text, n=books[name]) for name, text in ENDINGS.items() if books[name]]
        if left := self.left:
            words.append(say("{time} left", time=duration(left)))
        until = self._state.waiting_until
        if policy.going and until is not None and (wait := until - policy.clock()) > 1:
            words.append(say("next in {n} s", n=round(wait)))
        return ", ".join(words)


ENDINGS = {
    "failed": "{n} failed",
    "in_doubt": "{n} in doubt (sent, no answer known)",
    "not_started": "{n} not started",
}
"""The words in which the progress counts the inputs that have no result, by their status."""


def duration(seconds: float) -> str:
    """Return a time in words that are long enough for it: "45 s", "14 min", "2.5 h"."""
    if seconds < MINUTE:
        return say("{n} s", n=math.ceil(seconds))
    if seconds < HOUR:
        return say("{n} min", n=round(seconds / MINUTE))
    return say("{n} h", n=f"{seconds / HOUR:.1f}")


MINUTE, HOUR = 60, 3600
"""Seconds in a minute, and in an hour."""


class _Seen:
    """Standard error for the progress: a stream that is closed or broken shows nothing, and does not end the batch."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        with suppress(OSError, ValueError):
            return bool(self._stream.isatty())
        return False

    def write(self, text: str) -> None:
        """Write the text, if the stream takes it."""
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush the stream, if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.flush()


class Bar(Progress):
    """A progress bar that shows the time left, the failures, and how long the batch waits for the quota."""

    def __init__(self, status: Status, stream: _Seen) -> None:
        self._status, self._stream = status, stream

    def __enter__(self) -> Self:
        # Some terminals say that they have no columns.
        size: dict[str, Any] = {"dynamic_ncols": True} if _columns(self._stream) else {"ncols": 80, "nrows": 24}
        # The bar's own estimate of the time left knows no pace.
        total = self._status.total
        line = LINE if total is not None else "{desc}: {n_fmt} [{elapsed}{postfix}]"
        self._bar = _tqdm()(total=total, desc=self._status.name, unit="", file=self._stream, bar_format=line, **size)
        return self

    def show(self, outcome: Outcome[Any]) -> None:  # noqa: ARG002
        """Advance the bar to the inputs that have ended."""
        self._advance()

    def wait(self) -> None:
        """Show what the batch waits for."""
        self._advance()
        self._bar.refresh()

    def _advance(self) -> None:
        self._bar.set_postfix_str(str(self._status), refresh=False)
        self._bar.update(max(0, self._status.ended - self._bar.n))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._advance()
        self._bar.close()


LINE = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


class Lines(Progress):
    """Prints a line every quarter of a minute at most, and one at the end, for a file or the log of a server."""

    def __init__(self, status: Status, stream: _Seen) -> None:
        self._status, self._stream = status, stream
        self._next = time.monotonic() + EVERY

    def show(self, outcome: Outcome[Any]) -> None:  # noqa: ARG002
        """Print a line, if the last one is a quarter of a minute old."""
        self.wait()

    def wait(self) -> None:
        """Print a line, if the last one is a quarter of a minute old."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            self._print()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._print()

    def _print(self) -> None:
        status = self._status
        total = f"/{status.total}" if status.total is not None else ""
        self._stream.write(f"{status.name}: {status.ended}{total}  {status}".rstrip() + "\n")
        self._stream.flush()


def _columns(stream: _Seen) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return 0


def _tqdm() -> Any:
    """Return the class of the bar: that of a notebook which can show it, otherwise that of a terminal."""
    from tqdm import tqdm

    if _in_notebook():
        try:
            import ipywidgets  # noqa: F401  # without them the notebook's bar fails when it is made
            from tqdm.notebook import tqdm as notebook
        except ImportError:
            return tqdm
        return notebook
    return tqdm


def _in_notebook() -> bool:
    # A program that has not loaded IPython runs in no notebook, and need not load it for this.
    shell = sys.modules.get("IPython")
    interpreter = shell.get_ipython() if shell is not None else None
    return type(interpreter).__name__ == "ZMQInteractiveShell"


def progress_for(state: BatchState, recorder: Recorder[Any]) -> Progress:
    """Return the progress that ``progress=`` asks for: nothing, a bar or lines, or calls of a function."""
    wanted = state.settings.progress
    if callable(wanted):
        return Told(wanted)
    if not wanted or sys.stderr is None:  # None: a program of Windows without a console
        return Progress()
    stream = _Seen(sys.stderr)
    status = Status(state, recorder)
    return Bar(status, stream) if _in_notebook() or stream.isatty() else Lines(status, stream)
