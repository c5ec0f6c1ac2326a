"""Replay a cassette: answer requests from it, in place of the network."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cloudai.core.flow import Request, Response
from cloudai.errors import ReplayError
from cloudai.testing._cassette import Cassette, Exchange, PathLike
from cloudai.testing._match import differences
from cloudai.testing._written import asked

__all__ = ["Replay", "orphans", "replay"]

MOST_NAMED = 3
CHANGED = "Record it anew if the call has changed on purpose."


class Replay:
    """A sender that answers requests from a cassette; equal requests get their replies in the order of recording.

    Give it to a client of either kind as ``send=``, with ``offline=True``. As a context manager it checks
    at its end that the cassette had every reply, and that none is left over. One replay serves all threads. The
    function `replay` makes it.
    """

    def __init__(self, cassette: Cassette) -> None:
        self.cassette = cassette
        self.name = str(cassette.path or "the cassette")
        self._left = [(number, exchange.plain(), exchange) for number, exchange in _numbered(cassette)]
        self._token: list[tuple[int, dict[str, Any], Exchange]] = []
        self._missed: ReplayError | None = None
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Response:
        """Return the recorded reply.

        Raises:
            ReplayError: There is none, and the error names the exchanges that are nearest to the request; or only a
                sample of it was kept.
        """
        facts = asked(request)
        with self._lock:
            # The age of a token decides how often one is fetched, so one reply answers all requests for it.
            for held in [*self._left, *self._token]:
                if self._answers(held, facts):
                    return self._played(held)
            miss = self._miss(facts)
            self._missed = self._missed or miss
            raise miss

    def _answers(self, held: tuple[int, dict[str, Any], Exchange], facts: Mapping[str, Any]) -> bool:
        if self.cassette.match:
            return _is_same(held[1]["request"], facts)
        # A token that was handed out already is for those that ask for one: nobody takes it for an answer.
        return held in self._left or not facts.get("credentials", True)

    def _played(self, held: tuple[int, dict[str, Any], Exchange]) -> Response:
        if held in self._left:
            # Each exchange answers once, in the order of recording: a poll that is repeated gets the next state of its
            # job.
            self._left.remove(held)
            if not held[2].request.credentials:
                self._token.append(held)
        try:
            return held[2].reply()
        except ReplayError as error:
            self._missed = self._missed or error
            raise

    def _miss(self, facts: Mapping[str, Any]) -> ReplayError:
        what = f"{self.name} does not hold {facts['method']} {facts['url']}{_uploads(facts)}"
        if self.cassette.match and any(
            _is_same(exchange.plain()["request"], facts) for exchange in self.cassette.exchanges
        ):
            return ReplayError(f"{what} once more: it is replayed already", advice=CHANGED)
        # Exchanges with the same method and address come first, then those with the fewest differences.
        near = sorted(
            ((list(differences(plain["request"], facts)), number) for number, plain, _ in self._left),
            key=lambda each: (any(d.where in ("method", "url") for d in each[0]), len(each[0]), each[1]),
        )
        if not near or not self.cassette.match:
            return ReplayError(f"{what}: all it holds is replayed", advice=CHANGED)
        named = "; ".join(f"exchange {number} differs in {first[0]}" for first, number in near[:MOST_NAMED])
        return ReplayError(f"{what}; nearest: {named}", advice=CHANGED)

    @property
    def left(self) -> list[Exchange]:
        """The exchanges that were not asked for, without those for tokens, which a replay need not ask for."""
        return [exchange for _, _, exchange in self._left if exchange.request.credentials]

    def close(self) -> None:
        """Check that the cassette had every reply, and that every exchange was asked for.

        Raises:
            ReplayError: A reply was missing, even if the test went on, or exchanges are left over.
        """
        if self._missed:
            raise self._missed
        if left := self.left:
            named = ", ".join(f"{e.request.method} {e.request.url}" for e in left[:MOST_NAMED])
            more = ", …" if len(left) > MOST_NAMED else ""
            raise ReplayError(f"{self.name} holds {len(left)} more than was asked for: {named}{more}", advice=CHANGED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:  # any other error says already why not all was asked for
            self.close()


def replay(cassette: PathLike | Cassette, *, match: bool | None = None) -> Replay:
    """Return a replay, to be given to a client as ``send=`` with ``offline=True``, that answers from a cassette.

    Args:
        cassette: The file, or the cassette that was read from it.
        match: False gives the replies in order, whatever the requests are; by default the cassette decides.

    Raises:
        ReplayError: The file does not exist, or is no cassette.

    Example:
        >>> exchange = Exchange(
        ...     kind="constructed",
        ...     request={"method": "GET", "url": "https://mood.example/v1"},
        ...     response={"status": 200, "body": "fine"},
        ... )
        >>> with replay(Cassette([exchange])) as send:
        ...     send(Request("GET", "https://mood.example/v1")).content
        b'fine'
    """
    held = cassette if isinstance(cassette, Cassette) else Cassette.load(cassette)
    return Replay(Cassette(held.exchanges, held.path, held.match if match is None else match))


def orphans(folder: PathLike, played: Iterable[PathLike]) -> list[Path]:
    """Return the ``.json`` files in a folder, and in those below it, that are not among the files ``played``.

    Example:
        >>> orphans("tests/cassettes", played=["tests/cassettes/team.json"])
        []
    """
    # A folder may be reached by a link, as the folder for temporary files is on macOS.
    known = {os.path.realpath(path) for path in played}
    return [path for path in sorted(Path(folder).rglob("*.json")) if os.path.realpath(path) not in known]


def _numbered(cassette: Cassette) -> Iterable[tuple[int, Exchange]]:
    return enumerate(cassette.exchanges, 1)


def _is_same(held: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    return next(differences(held, facts), None) is None


def _uploads(facts: Mapping[str, Any]) -> str:
    """Return a note that names the uploads of a request by the beginnings of their digests."""
    digests = list(_digests([facts.get(part) for part in ("body", "upload", "files")]))
    return f" of file {', '.join(digests[:MOST_NAMED])}" if digests else ""


def _digests(value: Any) -> Iterable[str]:
    match value:
        case {"sha256": str(digest)}:
            yield digest[:12]
        case dict():
            for inner in value.values():
                yield from _digests(inner)
        case list():
            for inner in value:
                yield from _digests(inner)
