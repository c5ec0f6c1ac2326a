"""The keeper's side of the journal: a message counts once, and no two sessions carry out the same call.

A statement of which only the outcome matters may run again if its message is sent again; see `wire.REPEATED`.
Everything here runs in the thread that owns the journal.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudai.batch import queries, rows
from cloudai.batch.codec import written_error
from cloudai.batch.queries import ELSEWHERE, state_of
from cloudai.batch.recorder import KILLED
from cloudai.batch.shared.wire import ILL_FORMED, REPEATED, statement_of
from cloudai.batch.statements import Statement
from cloudai.errors import CloudAIError, JournalError, NotStartedError
from cloudai.storage import Database, is_broken_statement

__all__ = ["TABLES", "Desk"]

TABLES = (
    "CREATE TABLE IF NOT EXISTS keepers (id TEXT NOT NULL)",
    # The number of the last message of each session that was written down, so that a message which is sent again is not
    # carried out again.
    "CREATE TABLE IF NOT EXISTS sessions (session TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID",
    # The billed requests and the units of lists with a limit, whose parts are carried out by several processes.
    (
        "CREATE TABLE IF NOT EXISTS limits"
        " (batches TEXT PRIMARY KEY, requests INTEGER NOT NULL, units INTEGER NOT NULL) WITHOUT ROWID"
    ),
)
"""The tables that a keeper adds to its journal; a batch that opens the file later does not look at them."""
VANISHED = written_error(NotStartedError("the worker that sent it has vanished"))
"""The error of an input whose worker has vanished, as JSON."""
UNKNOWN = ""
"""Stands for the session that has a call which was in doubt when the keeper began."""
STREAKS = 40
"""Bits of the random number from which a session numbers its streaks of failures; each has 2**20 numbers of its own."""


@dataclass
class _Claim:
    """A call that a session carries out."""

    session: str
    waiting: deque[tuple[str, int]] = field(default_factory=deque)
    """The sessions that wait for it, each with the number of its message."""
    item: tuple[int, int, int, str] | None = None
    """The batch, the run, the number and the name of the input, once the session has looked it up."""
    keys: Sequence[str] = ()
    """The keys of its calls, one for each provider that may be asked; the last one is that of the claim."""


class Desk:
    """Carries out what the sessions of workers send.

    Args:
        grant: Tells a session that it has got the call that its message of this number asked for.
    """

    def __init__(self, grant: Callable[[str, int], Any]) -> None:
        self._grant = grant
        self._claims: dict[str, _Claim] = {}
        self._cautious = False
        """True after the keeper has begun, until the workers of an earlier keeper had time to come back."""
        self._returned: set[str] = set()
        """The sessions that were away for a while, so that others may have got calls of theirs."""
        self.counts = {"intended": 0, "answered": 0}
        """How many requests were written down before they went out, and how many replies were kept."""

    def open(self, db: Database) -> str:
        """Prepare the journal, and return its id; inputs that a killed keeper has left in doubt are entered as such."""
        for table in TABLES:
            db.execute(table)
        ids = [str(name) for (name,) in db.execute("SELECT id FROM keepers")]
        if not ids:
            ids = [secrets.token_hex(8)]
            db.execute("INSERT INTO keepers (id) VALUES (?)", ids)
        for batch in queries.headings(db):
            rows.mend(batch["batch"], KILLED)(db)
        self._cautious = queries.doubts(db) > 0
        return ids[0]

    def serve(self, session: str, messages: Sequence[Sequence[Any]], db: Database) -> list[list[Any]]:
        """Carry out the messages of a session in their order, and return an answer to each that has one already.

        An answer is the number of the message and a value, or that number, None and an error as JSON.
        """
        last = _last(db, session)
        answers: list[list[Any]] = []
        for message in messages:
            number = message[0]
            try:
                value = self._one(db, session, message, last)
            except Exception as error:
                if is_broken_statement(error):
                    error = JournalError(f"the keeper cannot run this ({type(error).__name__})")
                # An error of the file itself undoes the whole transaction, and must not be answered for one message
                # alone.
                elif not isinstance(error, (CloudAIError, *ILL_FORMED)):
                    raise
                answers.append([number, None, written_error(_as_journal_error(error))])
            else:
                if value is not WAITS:
                    answers.append([number, value])
        if messages:
            # The number is written in the transaction of what the messages have written: after a crash both are there,
            # or neither.
            _note(db, session, max(last, messages[-1][0]))
        return answers

    def _one(self, db: Database, session: str, message: Sequence[Any], last: int) -> Any:
        number, kind, *rest = message
        match kind:
            case "do":
                return self._do(db, session, *rest) if number > last or rest[0] in REPEATED else None
            case "claim":
                return self._claim(db, rest[0], session, number)
            case "release":
                if number > last:  # the session may have got the call again since
                    self.release(rest[0], session)
            case "hold":
                self._hold(rest[0], session)
            case "spooled":
                self._hand_over(db, rest[0])
            case "bye":
                self.drop(session)
            case _:
                raise ValueError(f"no message {kind!r}")
        return None

    def _hand_over(self, db: Database, messages: Sequence[Sequence[Any]]) -> None:
        """Carry out what a worker that was killed had on its disk, unless the keeper has it."""
        for session, number, name, arguments, keywords in messages:
            if number > _last(db, session):
                self._do(db, session, name, arguments, keywords)
                _note(db, session, number)

    def _do(self, db: Database, session: str, name: str, arguments: Any, keywords: Any) -> Any:
        work = statement_of(name, arguments, keywords)
        # Several sessions number their streaks at the same time, so each begins at a random number of its own.
        if name == "last_streak":
            return secrets.randbits(STREAKS) << 20
        if name == "look_up_each":
            claim = self._claim_of(db, keywords["keys"][-1], session)
            if claim.session != session:
                return None  # the session asks for the call by "claim", and then looks it up again
            batch, run, item = arguments
            claim.item, claim.keys = (batch, run, item, keywords["name"]), keywords["keys"]
            return queries.of_lists(work(db), batch)(db)
        inner = arguments[-1] if name == "within" else work
        if isinstance(inner, Statement) and inner.name == "intend":
            if session in self._returned and not self._may_send(db, session, inner.arguments[0]):
                return ELSEWHERE
            self.counts["intended"] += 1
        self.counts["answered"] += name == "answer"
        return work(db)

    def _may_send(self, db: Database, session: str, call: int) -> bool:
        """Return whether a session that was away still has a call, which nobody else has carried out meanwhile."""
        for key, state in db.execute("SELECT key, state FROM calls WHERE id = ?", (call,)):
            claim = self._claims.get(key) or _Claim("")
            mine = claim.session == session or any(
                key in claim.keys for claim in self._claims.values() if claim.session == session
            )
            return mine and state == "open"
        return True

    def _claim(self, db: Database, key: str, session: str, number: int) -> Any:
        """Return None if the session may carry out the call, and `WAITS` if another one does so now."""
        claim = self._claim_of(db, key, session)
        if claim.session == session:
            return None
        # A message that is sent again over a new connection must not wait twice.
        if (session, number) not in claim.waiting:
            claim.waiting.append((session, number))
        return WAITS

    def _claim_of(self, db: Database, key: str, session: str) -> _Claim:
        """Return the claim to a call; it is the session's from now on if nobody had it."""
        if key not in self._claims:
            in_doubt = self._cautious and state_of(key)(db) == "doubt"
            self._claims[key] = _Claim(UNKNOWN if in_doubt else session)
        return self._claims[key]

    def _hold(self, keys: Sequence[str], session: str) -> None:
        """Let a session that comes back have the calls that it had before."""
        self._returned.add(session)
        for key in keys:
            claim = self._claims.setdefault(key, _Claim(session))
            if claim.session == UNKNOWN:
                claim.session = session

    def release(self, key: str, session: str) -> None:
        """Let the next session have a call that this one has carried out, or does not wait for any more."""
        claim = self._claims.get(key)
        if claim is None:
            return
        if claim.session != session:  # the session was only waiting for the call
            claim.waiting = deque(waiting for waiting in claim.waiting if waiting[0] != session)
            return
        del self._claims[key]
        if claim.waiting:
            following, number = claim.waiting.popleft()
            self._claims[key] = _Claim(following, claim.waiting)
            self._grant(following, number)

    def drop(self, session: str) -> None:
        """Let the next sessions have all calls of a session that has ended, and forget what it waits for."""
        self._returned.discard(session)
        for claim in self._claims.values():
            claim.waiting = deque(waiting for waiting in claim.waiting if waiting[0] != session)
        for key in [key for key, claim in self._claims.items() if claim.session == session]:
            self.release(key, session)

    def be_bold(self) -> None:
        """Let sessions have the calls that were in doubt when the keeper began: their workers had time to come back."""
        self._cautious = False
        self.drop(UNKNOWN)

    def vanished(self, session: str, db: Database) -> int:
        """Enter that all calls of a session that were sent and not answered are in doubt, and return their number."""
        n = 0
        for claim in [claim for claim in self._claims.values() if claim.session == session and claim.item]:
            batch, run, item, name = claim.item or (0, 0, 0, "")
            for key in claim.keys:
                rows.doubt(batch, run, item, key, name=name, error=VANISHED)(db)
                n += state_of(key)(db) == "doubt"
        return n


WAITS: Any = object()
"""The value of a message that is answered later."""


def _last(db: Database, session: str) -> int:
    return next((int(last) for (last,) in db.execute("SELECT last FROM sessions WHERE session = ?", (session,))), 0)


def _note(db: Database, session: str, last: int) -> None:
    db.execute("INSERT OR REPLACE INTO sessions (session, last) VALUES (?, ?)", (session, last))


def _as_journal_error(error: Exception) -> CloudAIError:
    return error if isinstance(error, CloudAIError) else JournalError(f"a message that no worker sends ({error})")
