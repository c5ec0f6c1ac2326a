"""The plan of a batch tells what a run would do: requests, units, minutes, hosts, what is cached or cannot be sent."""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

from cloudai.batch import cache, queries
from cloudai.batch.inputs import Entry
from cloudai.batch.progress import duration
from cloudai.batch.state import BatchState
from cloudai.batch.task import Task
from cloudai.core.drivers.shared import in_time, not_read
from cloudai.core.drivers.threads import readers
from cloudai.core.flow import Call, Flow, Parallel, Request
from cloudai.core.rate_limit import MARGIN, Rate
from cloudai.errors import CloudAIError, InputError, JournalError
from cloudai.media import Audio, Image
from cloudai.media.document import Document
from cloudai.media.sound import seconds_billed
from cloudai.media.source import Source
from cloudai.operations import Given, digest_of, given_as
from cloudai.table import Table
from cloudai.table_layout import text_width
from cloudai.text import inert
from cloudai.wording import say, translated

__all__ = ["Plan", "plan", "unanswered"]

UNPACED = 1.0
"""Seconds that a request is assumed to take if no pace is given."""


@dataclass(frozen=True)
class _Counts:
    """A plan says which requests a run of a batch would send, and for which inputs it would send none."""

    inputs: int
    requests: int
    """Number of billed requests that would be sent, without retries; a request that has many inputs counts once."""
    units: int
    """Number of units that the provider would count; see `unit`."""
    minutes: float
    """Minutes that the run would take at the pace given; without a pace, an estimate."""
    cached: int
    """Number of inputs that are answered from the journal, or from the cache of earlier batches."""
    duplicates: int
    """Number of inputs that have the same bytes as an earlier input."""
    in_doubt: int
    """Number of inputs for which a request was sent before and never answered."""


@dataclass(frozen=True, repr=False)
class Plan(_Counts):
    """The plan of a batch: what a run would do. Printing it shows it in a few lines."""

    prepared: Mapping[str, int] = field(default_factory=dict)
    """Number of pictures that are changed before they are sent, by the change: turned, shrunk, converted."""
    refused: tuple[tuple[str, str], ...] = ()
    """Inputs that cannot be sent, each as its name and the reason."""
    by_reference: int = 0
    """Number of addresses that the provider fetches itself: boxes are in its frame, and no crops can be made."""
    fetched: int = 0
    """Number of addresses that cloudai fetches during the run; only then can duplicates and unusable files be told."""
    stored: int = 0
    """Number of inputs that are read through fsspec, such as ``s3://``, on the computer where they are carried out."""
    hosts: tuple[str, ...] = ()
    """Hosts that data goes to; none for an engine on this computer."""
    cost: float | None = None
    """Cost in USD at the price given; None without a price."""
    paced: bool = False
    """True if a pace is given, so that ``minutes`` is more than an estimate."""
    from_cache: int = 0
    """Number of the ``cached`` inputs that earlier batches with other journals have paid for."""
    skipped: int = 0
    """Number of the ``in_doubt`` inputs that the run leaves out, because the batch has ``in_doubt="skip"``."""
    providers: tuple[str, ...] = ()
    """The names of the providers in the order in which they are asked, if there are several; empty for a single one.

    The numbers of the plan are for the first.
    """
    pieces: int = 0
    """Number of pieces in which recordings are sent that are too long for one request."""
    spoken: float = 0.0
    """Minutes of all recordings together, without those whose length is not known here."""
    facts: tuple[tuple[str, str], ...] = ()
    """The units, the free amounts and the limits of the provider in words, each with the date when it was checked."""

    @property
    def left(self) -> int:
        """The number of inputs that are neither answered, nor refused, nor left out, nor copies of others."""
        return max(0, self.inputs - self.cached - self.skipped - self.duplicates - len(self.refused))

    def table(self) -> Table:
        """Return the plan as a table of two columns."""
        return Table([{"plan": what, "": value} for what, value in self._lines()])

    def _lines(self) -> list[tuple[str, str]]:
        return [*self._lines_of_inputs(), *self._lines_of_requests()]

    def _lines_of_inputs(self) -> list[tuple[str, str]]:
        lines = [(say("inputs"), str(self.inputs))]
        for whose, n in (
            (say("from the journal"), self.cached - self.from_cache),
            (say("from the cache"), self.from_cache),
        ):
            if n:
                lines.append((whose, say("{n}, for nothing", n=n)))
        if self.duplicates:
            lines.append((say("duplicates"), say("{n}, for nothing", n=self.duplicates)))
        for text, n in ((IN_DOUBT, self.in_doubt - self.skipped), (SKIPPED, self.skipped)):
            if n:
                lines.append((say("in doubt"), say(text, n=n)))
        if self.providers:
            first, others = self.providers[0], ", ".join(self.providers[1:]) or "–"
            asks = say("{first}, and only for what it does not answer {others}", first=first, others=others)
            lines.append((say("asks"), asks))
        return lines

    def _lines_of_requests(self) -> list[tuple[str, str]]:
        lines = [(say("requests"), say("{n} ({units} units)", n=self.requests, units=self.units))]
        if self.spoken:
            told = duration(self.spoken * 60)
            long = say("{time}, long ones in {n} pieces", time=told, n=self.pieces)
            lines.append((say("recordings"), long if self.pieces else told))
        lines += [(say(name), _spoken_fact(value)) for name, value in self.facts]
        time = duration(self.minutes * 60)
        lines.append((say("time"), time if self.paced else say("{time}, guessed: no pace is given", time=time)))
        if self.cost is not None:
            lines.append((say("cost"), say("{cost} USD at the price given", cost=f"{self.cost:.2f}")))
        nowhere = say("nothing is sent") if self.cached or self.skipped else say("nowhere: this computer")
        lines.append((say("goes to"), ", ".join(map(translated, self.hosts)) or nowhere))
        lines += [(say(what), str(n)) for what, n in self.prepared.items()]
        if self.by_reference:
            lines.append((say("addresses"), say("{n}: fetched by the provider, no crops", n=self.by_reference)))
        if self.fetched:
            lines.append((say("addresses"), say("{n}: fetched here when it runs, unseen until then", n=self.fetched)))
        if self.stored:
            lines.append((say("addresses"), say("{n}: read through fsspec where the batch runs", n=self.stored)))
        lines += [(say("cannot be sent"), f"{name}: {translated(why)}") for name, why in self.refused[:FEW]]
        if len(self.refused) > FEW:
            lines.append(("", say("… and {n} more", n=len(self.refused) - FEW)))
        return lines

    def __str__(self) -> str:
        lines = self._lines()
        widest = max(text_width(what) for what, _ in lines)
        return "\n".join(f"{' ' * (widest - text_width(what))}{what}  {inert(value)}" for what, value in lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{html.escape(a)}</th><td>{html.escape(inert(b))}</td></tr>" for a, b in self._lines())
        return f"<table>{rows}</table>"


def _spoken_fact(fact: str) -> str:
    """Return one of the facts of a plan in the language that is spoken; its parts are translated one by one."""
    what, bracket, date = fact.rpartition(" (")
    text, _, n = what.removesuffix(FREE).rpartition("; ")
    said = f"{translated(text)}; {say('{n} a month are free', n=n)}" if what.endswith(FREE) else translated(what)
    return f"{said}{bracket}{date}"


FREE = " a month are free"
"""The end of a fact that says how many units cost nothing, by which `_spoken_fact` recognizes it."""
FEW = 5
"""Maximum number of inputs that are listed with the reason why they cannot be sent."""
IN_DOUBT = "{n}: sent before, no answer known; sending it again may be billed twice"
SKIPPED = "{n}: sent before, no answer known; left out"


class _Draft(Image):
    """An image of which only the header is read, to tell what preparing it would change."""

    is_draft = True

    @classmethod
    def of(cls, image: Image) -> _Draft:
        """Return a draft of an image, which knows all that is known of it."""
        draft = cls.__new__(cls)
        draft.__setstate__(image.__getstate__())
        return draft

    def _encoded_anew(self, header: Any, scale: float, limits: Any) -> Any:  # noqa: ARG002
        """Return the picture with the size that it would have, without decoding a pixel."""
        from cloudai.media import image as fitting

        size = fitting._scaled(header, scale)  # noqa: SLF001  # helpers of Image, which a draft shares
        said = fitting._said(header, size, None)  # noqa: SLF001
        return self._picture(header, size, b"", header.format, said if said != "as given" else "encoded anew")


def plan(state: BatchState, *, began: bool = False) -> Plan:
    """Return the plan of a batch: read each input and check it against the provider's limits, but send nothing.

    An input that cannot be sent is listed in ``refused``. The inputs of a generator are kept in memory for the run.

    Args:
        state: The state of the batch.
        began: Whether the batch has begun to run.

    Raises:
        InputError: The batch has begun, and its inputs can be read only once, or they are too large to be kept.
        JournalError: The journal cannot be read.
    """
    if began and state.inputs.come_once:
        raise InputError("the inputs of a generator are gone over once", advice="Plan before the run, or give a list.")
    state.inputs.hold()
    tally = _tally_of(state)
    for entry in state.inputs:
        tally.inputs += 1
        with _put_back(entry):
            try:
                tally.add(entry)
            except JournalError:
                raise
            except CloudAIError as error:
                tally.refused.append((entry.shown, str(error)))
    return tally.plan()


def unanswered(state: BatchState, wanted: Callable[[int, str], bool]) -> list[int]:
    """Return the numbers of those inputs for which a run would ask the provider, among those that are wanted.

    An input that cannot be read is not among them. Nothing is sent.

    Args:
        state: The state of the batch.
        wanted: Says by the number of an input and its name whether it is looked at: each of these is read.

    Raises:
        InputError: The inputs are too large to be kept.
        JournalError: The journal cannot be read.
    """
    state.inputs.hold()
    tally, items = _tally_of(state), list[int]()
    for entry in state.inputs:
        if wanted(entry.item, entry.shown):
            with suppress(InputError), _put_back(entry):
                if tally.missing(digest_of(given_as(state.tasks[0].operation, entry.given))):
                    items.append(entry.item)
    return items


@contextmanager
def _put_back(entry: Entry) -> Iterator[None]:
    """Seek an open file back to its position after the block, because the run reads the file too.

    Raises:
        InputError: The file cannot be read twice.
    """
    file = entry.given
    if not hasattr(file, "read"):
        yield
        return
    try:
        position = file.tell()
        # A pipe fails here, before anything is read that the run would miss.
        file.seek(position)
    except (OSError, ValueError, AttributeError) as error:  # it is a pipe, or it is closed
        raise InputError(
            f"input {entry.item} is an open file that cannot be read twice",
            advice="Give its path, or its bytes: file.read().",
        ) from error
    try:
        yield
    finally:
        file.seek(position)


def _tally_of(state: BatchState) -> _Tally:
    """Return the counters for the provider that is asked first, as if the others did not have to be asked."""
    names = [task.operation for task in state.tasks]
    able = [each for each in state.in_turn if all(map(each.session.provider.supports, names))]
    return _Tally(state, able or list(state.in_turn))


class _Tally:
    """Counts what a batch would do, input by input.

    Args:
        state: The state of the batch.
        able: The states for the providers that can carry it out, in the order in which they are asked.
    """

    def __init__(self, state: BatchState, able: Sequence[BatchState]) -> None:
        self._state, self._all, self._able = able[0], state.in_turn, able
        self._seen: set[str] = set()
        self.inputs = self.units = 0
        # Shares of requests, such as a tenth, are added up exactly: twenty tenths are more than 2 as floats, and the
        # plan would count one request too many.
        self.requests = Fraction()
        self._filled: dict[Any, list[int]] = {}
        """The number and the size of the texts in the last request of each kind that takes several."""
        self.count: Counter[str] = Counter()
        self.prepared: Counter[str] = Counter()
        self.hosts: dict[str, None] = {}
        self.refused: list[tuple[str, str]] = []
        self.pieces = 0
        self.spoken = 0.0

    def add(self, entry: Entry) -> None:
        """Count one input.

        Raises:
            CloudAIError: The input cannot be sent, for the reason that the error gives.
        """
        state = self._state
        given = _drafted(state, entry)
        if state.session.engine.fetching and isinstance(given, Source) and given.is_web:
            # A plan fetches nothing, so all that it can say of this address is that it will be fetched and sent.
            self._unseen()
            return
        if isinstance(given, Source) and given.uri is None and not given.is_at_hand:
            context = state.session.context(state.tasks[0].operation, given, state.tasks[0].call_options)
            # A file on a network drive may never be read to its end: the plan waits no longer than a call would.
            in_time(readers().submit(given.load), context.left(state.session.options.clock()), not_read)
        self.count["stored"] += isinstance(given, Source) and given.is_stored
        missing = self.missing(digest_of(given))
        if not missing:
            return
        if state.session.provider.hosts:
            self._sent([(task, self._first(task, given, entry)) for task in missing], given)
        elif isinstance(given, Image):
            given.look()  # an engine on this computer sends nothing, but it refuses what is no picture
        if isinstance(given, Image):
            self.count["by_reference"] += given.uri is not None
            if done := _done_to(given):
                self.prepared[done] += 1

    def missing(self, digest: str) -> list[Task]:
        """Return the tasks for which the provider would be asked about the input of this digest; count the others."""
        return [task for part, task in enumerate(self._state.tasks) if self._is_missing(part, digest)]

    def _unseen(self) -> None:
        """Count an address that is fetched during the run, as if each of its requests had to be sent."""
        self.count["fetched"] += 1
        self.hosts |= dict.fromkeys(self._state.session.provider.destinations())
        for task in self._state.tasks:
            n = task.requests()
            self.requests += Fraction(n, task.max_per_request)
            self.units += n

    def _first(self, task: Task, given: Given, entry: Entry) -> Request | None:
        """Return the first request that a task would send; None if it sends nothing, or cannot, which is noted."""
        try:
            return first_request(task.flow(given))
        except CloudAIError as error:
            self.refused.append((entry.shown, str(error)))
            return None

    def _is_missing(self, part: int, digest: str) -> bool:
        """Return whether a provider would be asked for a call; if not, count the reason."""
        tasks = [state.tasks[part] for state in self._all]
        keys = [task.key_of(digest) for task in tasks]
        # An answer of any of the providers ends an input, so the calls to all of them are looked up.
        known = {self._state.journal.read(queries.state_of(key)) for key in keys}
        if keys[0] in self._seen:
            self.count["duplicates"] += 1
            return False
        self._seen.add(keys[0])
        # The journal is asked before the cache, as in the run: an input that it knows to be refused stays refused.
        if known & {"done", "failed"}:
            self.count["cached"] += 1
            return False
        is_skipped = "doubt" in known and self._state.settings.in_doubt == "skip"
        task = self._state.tasks[part]
        if not is_skipped and cache.holds(self._state, task, task.key_of(digest)):
            self.count["from_cache"] += 1
            return False
        self.count["in_doubt"] += "doubt" in known
        self.count["skipped"] += is_skipped
        return not is_skipped

    def _sent(self, first_requests: Sequence[tuple[Task, Request | None]], given: Given) -> None:
        """Count what the tasks of one input would send.

        Requests that can be merged count as fractions: one that takes 1 of 16 slots is a sixteenth of a request. The
        further requests of an input are taken to merge as its first one does.
        """
        alike: dict[Any, list[Request]] = {}
        for task, request in first_requests:
            if request is None:
                continue
            host = urlsplit(request.url).hostname or ""
            # Without a setting for it, the flow has a name in place of the host.
            hosts = [host]
            if task.method == "generative":
                hosts += self._state.session.provider.generative_hosts(task.operation, task.options)
            self.hosts |= dict.fromkeys("the endpoint you set" if "{" in each else each for each in hosts)
            n, units = self._counted(task, request, given)
            self.units += units
            if request.merge is None or task.max_per_request == 1:
                self.requests += n
            elif (size := getattr(request.merge, "size", None)) is not None:
                self._packed(request, n, size(request))
            else:
                alike.setdefault((request.merge, n, request.merge.key(request)), []).append(request)
        for (merge, n, _), requests in alike.items():
            self.requests += n * Fraction(merge.slots(requests), merge.limit)

    def _counted(self, task: Task, request: Request, given: Given) -> tuple[int, int]:
        """Return how many requests an input takes, and how many units.

        A text of several parts takes more than its first request, and so does a document of many pages.
        """
        provider, n = self._state.session.provider, task.requests()
        if isinstance(given, Audio) and given.sound:
            self.spoken += (given.sound.duration or 0.0) / 60
            self.pieces += len(given.sound.pieces)
            if (pieces := given.sound.pieces) and task.capability.bills_seconds:
                # `request` is that of the first piece: its units are scaled to those of all pieces.
                seconds = [seconds_billed(end - begin) for begin, end in pieces]
                return n * len(pieces), n * request.billed * sum(seconds) // seconds[0]
            n *= len(pieces) or 1
            return n, n * request.billed
        pages, at_once = _pages_of(given), task.pages_per_request()
        if pages and at_once:
            return math.ceil(pages / at_once), pages
        parts = task.parts(given) if isinstance(given, str) else ()
        if len(parts) < 2:  # noqa: PLR2004
            return n, n * request.billed
        if task.method == "generative":
            return n * len(parts), n * len(parts) * request.billed
        # `request` is that of the first part: its units are scaled to those of all parts.
        each = [provider.units(task.operation, part.strip()) for part in parts]
        return n * len(parts), n * request.billed * sum(each) // each[0]

    def _packed(self, request: Request, n: int, size: int) -> None:
        """Count a request that is merged with those before it as long as all fit into one by number and by size."""
        merge: Any = request.merge
        filled = self._filled.setdefault((merge, n, merge.key(request)), [0, 0])
        if not filled[0] or filled[0] >= merge.limit or filled[1] + size > merge.most:
            self.requests += n
            filled[:] = [0, 0]
        filled[0] += 1
        filled[1] += size

    def _facts(self) -> Iterator[tuple[str, str]]:
        """Yield what each provider counts for each operation, what it gives for nothing, and what it takes at most."""
        for state in self._able:
            whose = f"{state.session.provider.name}: " if len(self._able) > 1 else ""
            for able in (task.capability for task in state.tasks):
                free = "" if able.free_units is None else f"; {able.free_units:,}{FREE}"
                if able.unit:
                    yield "unit", f"{whose}{able.unit}{free} ({able.checked})"
                if able.limits:
                    yield "limits", f"{whose}{able.limits} ({able.checked})"
                if whose and able.free:
                    yield "free tier", f"{whose}{able.free} ({able.checked})"

    def plan(self) -> Plan:
        """Return the plan with all that was counted."""
        state, price = self._state, self._state.settings.price
        requests = math.ceil(self.requests)
        return Plan(
            inputs=self.inputs,
            requests=requests,
            units=self.units,
            minutes=_minutes(requests, state.rates, state.concurrency),
            cached=self.count["cached"] + self.count["from_cache"],
            from_cache=self.count["from_cache"],
            duplicates=self.count["duplicates"],
            in_doubt=self.count["in_doubt"],
            skipped=self.count["skipped"],
            by_reference=self.count["by_reference"],
            stored=self.count["stored"],
            fetched=self.count["fetched"],
            prepared=dict(self.prepared),
            refused=tuple(self.refused),
            hosts=tuple(self.hosts),
            cost=None if price is None else self.units * price / 1000,
            paced=bool(state.rates),
            providers=tuple(each.session.provider.name for each in self._able) if len(self._all) > 1 else (),
            pieces=self.pieces,
            spoken=self.spoken,
            facts=tuple(dict.fromkeys(self._facts())),
        )


def _done_to(image: Image) -> str | None:
    """Return the change that a picture needs, in a few words; None if it is sent as it is."""
    said = image.frame.prepared if image.frame else None
    if said in (None, "as given", "metadata removed"):
        return None
    return "shrunk" if "→" in said else "converted" if " to " in said else "turned or recoded"


def _pages_of(given: Given) -> int | None:
    """Return how many pages a document states to have; None for anything else, and where it states none."""
    frame = given.frame if isinstance(given, Image) else None
    return frame.pages if isinstance(frame, Document) else None


def _drafted(state: BatchState, entry: Entry) -> Given:
    """Return an input whose preparation is only computed: of a picture the header is read, and no pixel is decoded."""
    given = given_as(state.tasks[0].operation, entry.given)
    if isinstance(given, Audio):
        return given.draft()
    return _Draft.of(given) if isinstance(given, Image) else given


def first_request(flow: Flow[Any]) -> Request | None:
    """Run a flow up to its first request, and return that; None if it sends nothing.

    Blocking functions on the way are run here. Nothing is sent or fetched, and the flow is closed. If there are several
    flows at the same time, it is the first request of the first flow.

    Raises:
        CloudAIError: The flow has refused the input.
    """
    try:
        step = next(flow)
        while not isinstance(step, Request | Parallel):
            try:
                outcome = step.function() if isinstance(step, Call) else None
            except CloudAIError as error:
                # The flow may go on after this error, as it does in the run, and send its request in another way.
                step = flow.throw(error)
            else:
                step = flow.send(outcome)
    except StopIteration:
        return None
    else:
        return first_request(step.flows[0]) if isinstance(step, Parallel) else step
    finally:
        flow.close()


def _minutes(requests: int, paces: tuple[Rate, ...], concurrency: int) -> float:
    """Return the minutes that requests take at the slowest pace, or by a guess if no pace is given."""
    # The requests of the first window need not wait.
    waits = [(max(0, requests - 1) // rate.n) * (rate.seconds + MARGIN) for rate in paces]
    return max([requests * UNPACED / concurrency, *waits] if not paces else waits) / 60
