"""The intake of a batch: takes the user's inputs one by one, in a thread of its own, and hands them to the workers.

A generator of the user's may be slow, may fail, may stop the batch: nobody waits for it who does not want an input.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future

from cloudai.batch.inputs import Entry

__all__ = ["Reader"]


PATIENCE = 0.1
"""Seconds that those which are there wait for more to go with: some iterators wait for outcomes themselves."""


class Reader:
    """Takes inputs as they are wanted, and none ahead.

    Args:
        entries: Where they come from.
        handed: Called with those that are handed out, before anybody has them.
    """

    def __init__(self, entries: Iterator[Entry], handed: Callable[[Sequence[Entry]], None]) -> None:
        self._entries = entries
        self._handed = handed
        self._some = threading.Condition()
        self._wanted: deque[tuple[int, bool, Future[list[Entry]]]] = deque()
        self._ended = self._closed = self._running = False
        self.failure: BaseException | None = None
        """What the iterator raised."""
        self.count = 0
        """How many were handed out."""
        self.left: list[Entry] = []
        """Taken, and not handed out (yet)."""

    def take(self, n: int, *, wait: bool = True) -> Future[list[Entry]]:
        """The next inputs, ``n`` at most, fewer where more do not come at once; none when there are no more.

        With ``wait=False`` none also where there is none at once.

        What the iterator raises is raised here, once those before it were handed out.
        """
        future: Future[list[Entry]] = Future()
        with self._some:
            if self._closed:
                future.set_result([])
                return future
            self._wanted.append((n, wait, future))
            self._some.notify_all()
            if not self._running:
                self._running = True
                for work in (self._pull, self._serve):
                    threading.Thread(target=work, name="cloudai-intake", daemon=True).start()
        return future

    def close(self) -> None:
        """Hand out nothing more; who waits gets nothing. May be called while an input is made, and by its maker."""
        with self._some:
            self._closed = True
            wanted, self._wanted = list(self._wanted), deque()
            self._some.notify_all()
        for *_, future in wanted:
            if future.set_running_or_notify_cancel():
                future.set_result([])

    def _pull(self) -> None:
        """Take one after the other, as long as somebody wants more than there are."""
        while True:
            with self._some:
                while not self._closed and len(self.left) >= sum(n for n, *_ in self._wanted):
                    self._some.wait()
                if self._closed:
                    return
            entry = self._next()
            with self._some:
                if entry is None:
                    self._ended = True
                else:
                    self.left.append(entry)
                # Who waits for several is not woken for each.
                if self._ended or len(self.left) == 1 or (self._wanted and len(self.left) >= self._wanted[0][0]):
                    self._some.notify_all()
                if self._ended:
                    return

    def _next(self) -> Entry | None:
        try:
            return next(self._entries)
        except StopIteration:
            return None
        except (GeneratorExit, CancelledError, asyncio.CancelledError) as error:
            # Of the iterator's own affairs: here they would look as if the batch was left.
            self.failure = RuntimeError(f"the inputs ended with {type(error).__name__}")
            self.failure.__cause__ = error
        except BaseException as error:  # noqa: BLE001  # told to the one who takes the next
            self.failure = error
        return None

    def _next_served(self) -> tuple[int, bool, Future[list[Entry]]] | None:
        """Who asked first; while nothing is there only who does not wait for it: what is made may depend on him."""
        there = self.left or self._ended
        return next((wish for wish in self._wanted if there or not wish[1]), None)

    def _serve(self) -> None:
        """Hand them out, in order of asking."""
        while True:
            with self._some:
                while (wish := self._next_served()) is None and not self._closed:
                    self._some.wait()
                if wish is None or self._closed:
                    return
                n, _, future = wish
                self._some.wait_for(lambda: self._closed or self._ended or len(self.left) >= n, PATIENCE)  # noqa: B023
                if self._closed:
                    return
                taken, self.left = self.left[:n], self.left[n:]
                self._wanted.remove(wish)
                self.count += len(taken)
                self._handed(taken)
                self._some.notify_all()
            if not future.set_running_or_notify_cancel():
                continue  # who wanted them has gone, and the end finds them among those at work
            if taken or self.failure is None:
                future.set_result(taken)
            else:
                future.set_exception(self.failure)
