"""The reader takes the user's inputs one by one, in a thread of its own, and hands them to the workers.

The inputs may come from a generator that is slow, fails, or stops the batch. Only workers that want an input wait for
it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future

from cloudai.batch.inputs import Entry

__all__ = ["PATIENCE", "Reader"]


PATIENCE = 0.1
"""Seconds that ready inputs wait for more to come; not longer, because some iterators wait for outcomes themselves."""


class Reader:
    """Takes inputs from an iterator as workers ask for them, and at most one in advance.

    Args:
        entries: The iterator of the inputs.
        handed: Called with the inputs that are handed out, before a worker has them.
        patience: Seconds that ready inputs wait for more to come; None waits for as many as are asked for.
    """

    def __init__(
        self,
        entries: Iterator[Entry],
        handed: Callable[[Sequence[Entry]], None],
        patience: float | None = PATIENCE,
    ) -> None:
        self._entries = entries
        self._handed = handed
        self._patience = patience
        self._lock = threading.RLock()  # reentrant: a signal handler may close the reader while it is held
        self._some = threading.Condition(self._lock)
        self._wanted: deque[tuple[int, bool, Future[list[Entry]]]] = deque()
        self._asked = 0
        """The number of inputs that the requests in ``_wanted`` ask for, all together."""
        self._ended = self._closed = self._running = False
        self.failure: BaseException | None = None
        """The exception that the iterator has raised."""
        self.count = 0
        """The number of inputs that were handed out."""
        self.left: list[Entry] = []
        """The inputs that were taken from the iterator, and are not handed out."""

    @property
    def exhausted(self) -> bool:
        """True if the iterator came to its end, and all of its inputs were handed out."""
        return self._ended and self.failure is None and not self.left

    def take(self, n: int, *, wait: bool = True) -> Future[list[Entry]]:
        """Return a future of the next inputs, at most ``n`` of them.

        There are fewer if more do not come within the patience of the reader, and none if there are no more. If the
        iterator raises an exception, the future does so too, once the inputs before it were handed out.

        Args:
            n: Maximum number of inputs.
            wait: Whether to wait for the first input for as long as it takes. With False, the future may give none
                although more will come, because it also waits for the first one no longer than the patience.
        """
        future: Future[list[Entry]] = Future()
        with self._lock:
            if self._closed:
                future.set_result([])
                return future
            self._wanted.append((n, wait, future))
            self._asked += n
            self._some.notify_all()
            if not self._running:
                self._running = True
                # There are two threads, so that inputs which are ready are handed out while the iterator makes the
                # next.
                for work in (self._pull, self._serve):
                    threading.Thread(target=work, name="cloudai-intake", daemon=True).start()
        return future

    def close(self) -> None:
        """Hand out no more inputs; callers that wait for some get none.

        This may be called while the iterator makes an input, and by the iterator itself.
        """
        with self._lock:
            self._closed = True
            wanted, self._wanted = list(self._wanted), deque()
            self._some.notify_all()
        for *_, future in wanted:
            if future.set_running_or_notify_cancel():
                future.set_result([])

    def _pull(self) -> None:
        """Take inputs from the iterator, as long as more are wanted than are ready."""
        while not self._closed:
            entry = self._next()
            with self._lock:
                if entry is None:
                    self._ended = True
                else:
                    self.left.append(entry)
                # A caller that waits for several inputs is not woken for each of them.
                if self._ended or len(self.left) == 1 or (self._wanted and len(self.left) >= self._wanted[0][0]):
                    self._some.notify_all()
                if self._ended:
                    return
                while not self._closed and len(self.left) >= self._asked:
                    self._some.wait()

    def _next(self) -> Entry | None:
        """Return the next input; None if the iterator has ended, or has failed."""
        try:
            return next(self._entries)
        except StopIteration:
            return None
        except (GeneratorExit, CancelledError, asyncio.CancelledError) as error:
            # The iterator was closed or cancelled; raised as it is, this would look as if the batch was.
            self.failure = RuntimeError(f"the inputs ended with {type(error).__name__}")
            self.failure.__cause__ = error
        except BaseException as error:  # noqa: BLE001  # raised to the caller that takes the next input
            self.failure = error
        return None

    def _next_request(self) -> tuple[int, bool, Future[list[Entry]]] | None:
        """Return the request for inputs that is served next; None if none can be.

        It is the oldest one. While no input is ready, only requests that do not wait are served: what their callers do
        next may be what the iterator waits for.
        """
        there = self.left or self._ended
        return next((request for request in self._wanted if there or not request[1]), None)

    def _serve(self) -> None:
        """Hand out inputs to one request after the other, in the order that `_next_request` decides."""
        while True:
            with self._lock:
                while (request := self._next_request()) is None and not self._closed:
                    self._some.wait()
                if request is None or self._closed:
                    return
                n, _, future = request
                self._some.wait_for(lambda: self._closed or self._ended or len(self.left) >= n, self._patience)  # noqa: B023
                if self._closed:
                    return
                taken, self.left = self.left[:n], self.left[n:]
                self._wanted.remove(request)
                self._asked -= n
                self.count += len(taken)
                self._handed(taken)
                self._some.notify_all()
            if not future.set_running_or_notify_cancel():
                continue  # the caller was cancelled: these inputs have not ended when the batch does
            if taken or self.failure is None:
                future.set_result(taken)
            else:
                future.set_exception(self.failure)
