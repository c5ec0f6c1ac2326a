"""The intake of a batch: takes the user's inputs one by one, in a thread of its own, and hands them to the workers.

A generator of the user's may be slow, may fail, may stop the batch: nobody waits for it who does not want an input.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

from cloudai.batch.inputs import Entry

__all__ = ["Intake"]


class Intake:
    """Takes inputs as they are wanted, and none ahead.

    Args:
        entries: Where they come from.
        handed: Called with those that are handed out, before anybody has them.
    """

    def __init__(self, entries: Iterator[Entry], handed: Callable[[Sequence[Entry]], None]) -> None:
        self._entries = entries
        self._handed = handed
        self._some = threading.Condition()
        self._wanted: deque[tuple[int, Future[list[Entry]]]] = deque()
        self._closed = False
        self._thread: threading.Thread | None = None
        self.failure: BaseException | None = None
        """What the iterator raised."""
        self.count = 0
        """How many were handed out."""
        self.left: list[Entry] = []
        """Taken, and not handed out: it was closed meanwhile."""

    def take(self, n: int) -> Future[list[Entry]]:
        """The next inputs, ``n`` at most; none when there are no more.

        What the iterator raises is raised here, once those before it were handed out.
        """
        future: Future[list[Entry]] = Future()
        with self._some:
            if self._closed:
                future.set_result([])
                return future
            self._wanted.append((n, future))
            self._some.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="cloudai-intake", daemon=True)
                self._thread.start()
        return future

    def close(self) -> None:
        """Hand out nothing more; who waits gets nothing. May be called while an input is made, and by its maker."""
        with self._some:
            self._closed = True
            wanted, self._wanted = list(self._wanted), deque()
            self._some.notify()
        for _, future in wanted:
            if future.set_running_or_notify_cancel():
                future.set_result([])

    def _serve(self) -> None:
        while True:
            with self._some:
                while not self._wanted and not self._closed:
                    self._some.wait()
                if self._closed:
                    return
                n, future = self._wanted[0]
            taken = self._taken(n)
            with self._some:
                if self._closed:
                    self.left += taken
                    return
                self._wanted.popleft()
                self.count += len(taken)
                self._handed(taken)
            if not future.set_running_or_notify_cancel():
                continue  # who wanted them has gone, and the end finds them among those at work
            if taken or self.failure is None:
                future.set_result(taken)
            else:
                future.set_exception(self.failure)

    def _taken(self, n: int) -> list[Entry]:
        taken: list[Entry] = []
        try:
            while len(taken) < n and not self._closed and self.failure is None:
                taken.append(next(self._entries))
        except StopIteration:
            pass
        except BaseException as error:  # noqa: BLE001  # told to the one who takes the next
            self.failure = error
        return taken
