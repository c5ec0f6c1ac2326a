"""Show the progress of a long recording, piece by piece, with the time that is left."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

from cloudai.batch.batch import Batch
from cloudai.core.call import Event

__all__ = ["PiecesProgress"]


class PiecesProgress:
    """A bar on the terminal that advances by each piece that is answered; it shows nothing until `begin` is called."""

    def __init__(self) -> None:
        self._bar: Any = None

    def begin(self, job: Batch[Any]) -> None:
        """Show the bar, if the recording of a batch is sent in pieces, and somebody sees it."""
        # In the log of a script a bar would be hundreds of lines.
        if sys.stderr is None or not sys.stderr.isatty():
            return
        pieces = job.plan().pieces
        if pieces > 1:
            from tqdm import tqdm

            self._bar = tqdm(total=pieces, desc="pieces", unit="", file=sys.stderr)

    def note(self, event: Event) -> None:
        """Advance the bar by a piece that is answered; this is what ``on_event`` of a client calls."""
        # Tokens and polls have no units, and are no pieces.
        if self._bar is not None and event.kind == "reply" and event.units:
            self._bar.update()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it is, on a line of its own."""
        if self._bar is not None:
            self._bar.close()
