"""Flows, and the steps, requests and replies they are made of, are plain data; no I/O but the loading of a `Blob`.

An operation is a *flow*: a generator that yields steps, is sent their outcomes, and returns the result.

    def detect_faces(self, image, ...) -> Flow[Faces]:
        picture = yield from image.fit(LIMITS)                   # a Call: blocking work, off the event loop
        response = yield Request("POST", url, json=...)          # one exchange with the service
        return Faces(...)

A flow does not know whether its caller is blocking or awaiting, how often a request is tried, or
whether the reply came from the network or from a cassette: see ``engine.py`` and ``drivers/``.
"""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from types import NoneType
from typing import Any, ParamSpec, Protocol, Self, TypeAlias, TypeVar

import pybase64
from pydantic import BaseModel, ValidationError

from cloudai.core.json_reading import AT_ONCE, parsed
from cloudai.core.json_writing import written
from cloudai.core.lazy import lazy
from cloudai.errors import MalformedResponseError, ServiceError

__all__ = [
    "MOST_REPLY",
    "USUAL_REPLY",
    "Blob",
    "Call",
    "DataUrl",
    "Fetch",
    "File",
    "Flow",
    "Follow",
    "Merge",
    "Parallel",
    "Request",
    "Response",
    "Step",
    "call",
    "parallel",
    "reading",
    "waiting",
]

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=BaseModel)


USUAL_REPLY, MOST_REPLY = 4_000_000, 32_000_000
"""The most bytes of an unpacked reply: in most operations, whose replies rarely have one megabyte, and in those with
long replies, such as speech."""


@dataclass(frozen=True)
class Blob:
    """Bytes that are loaded only when they are sent.

    Args:
        key: sha256 (hex) of the input *as given* by the user. Cassettes and journals match by it, so that
            a new way of preparing a picture never makes a paid call look unpaid.
        load: A function that returns the bytes to send. The bytes are kept, so it is called only once, but for threads
            that need them first at the same time: each of these may call it.
        media_type: For example ``image/jpeg``.
    """

    key: str
    load: Callable[[], bytes] = field(repr=False)
    media_type: str = "application/octet-stream"

    @lazy
    def data(self) -> bytes:
        """The bytes as they are sent."""
        return self.load()

    @lazy
    def sha256(self) -> str:
        """The sha256 (hex) of the bytes as they are sent."""
        return sha256(self.data).hexdigest()


@dataclass(frozen=True)
class DataUrl(Blob):
    """Bytes that stand in JSON as a ``data:`` URL: as base64, after their media type."""


@dataclass(frozen=True)
class File:
    """One part of a ``multipart/form-data`` body; without a name it is a field, not a file."""

    name: str | None
    content: Blob | bytes = field(repr=False)
    media_type: str


class Merge(Protocol):
    """The way in which a vendor takes the requests of several items as one request."""

    @property
    def limit(self) -> int:
        """The most items in one request."""

    def key(self, request: Request) -> object:
        """Return a key of the request: requests with equal keys may be joined."""

    def slots(self, requests: Sequence[Request]) -> int:
        """Return how many of the `limit` slots the requests take; several may be about the same picture."""

    def fits(self, requests: Sequence[Request]) -> bool:
        """Return whether the requests go into one request, by their number and by their size."""

    def join(self, requests: Sequence[Request]) -> Request:
        """Return one request that stands for all of them."""

    def split(self, response: Response, requests: Sequence[Request]) -> list[Response]:
        """Return one reply for each request, in order, as if each had been sent by itself."""


@dataclass(frozen=True)
class Follow:
    """A file that a reply names by an address with which anybody may read it, such as a SAS address of Azure Storage.

    The address is a secret, and is of use for a short time. So it is neither kept nor shown; the file is.

    Args:
        address: A function that returns the address that a reply names.
        cleaned: A function that returns the reply with the file, without the secrets that the vendor has written in it.
    """

    address: Callable[[Response], str]
    cleaned: Callable[[Response], Response]


@dataclass(frozen=True)
class Request:
    """One HTTP request, as data. At most one of ``json``, ``content``, ``form`` and ``files`` is the body.

    ``form`` may go with ``files``, as the fields beside them. A Blob may be the ``content``, or stand anywhere
    inside ``json``, where it becomes base64. ``service`` and ``api`` say which API the request is for ("vision",
    "v1"); they decide its credentials and its pace, and ``result.meta`` shows them. A parameter that is a tuple is sent
    once for each of its values. ``delay`` is how many seconds to wait before the request is sent (a poll). ``billed``
    is the number of units that the vendor counts: 0 for polls and tokens. ``timeout`` is the time left in seconds; the
    driver sets it, and any ``send`` can honour it.
    ``credentials=False`` sends the request without key or token (because it asks for a token), and keeps its reply
    out of ``result.raw``. ``endpoint`` is the beginning of ``url`` where that names the user's own resource: a
    cassette has "{endpoint}" instead, so that it replays for every user, whatever their resource is called.
    ``max_reply`` is the most bytes that its reply may have, unpacked; the engine sets it to that of the operation.
    ``error_in`` returns the error that is inside a reply of a good status, or None. Where that error is the service's
    fault, the exchange has failed as with the HTTP status of such an error, and is tried again in the same way.
    ``takes_extras=False`` keeps what the user gives as ``extra=``, ``extra_params=`` and ``extra_headers=`` out of a
    request that only prepares the one they are meant for.
    ``follow`` says that the reply leads to a file: the engine fetches it without credentials, and it stands in the
    place of the reply.
    """

    method: str
    url: str
    service: str = ""
    api: str = ""
    endpoint: str = ""
    params: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    content: Blob | bytes | None = None
    form: Mapping[str, str] | None = None
    files: Mapping[str, File] | None = None
    delay: float = 0.0
    billed: int = 1
    merge: Merge | None = None
    error_in: Callable[[Response], ServiceError | None] | None = field(default=None, compare=False)
    timeout: float | None = None
    credentials: bool = True
    takes_extras: bool = True
    max_reply: int = field(default=USUAL_REPLY, compare=False)
    follow: Follow | None = field(default=None, compare=False, repr=False)

    def __repr__(self) -> str:
        # The text says where a request goes and nothing of what it carries: crash reports show the variables of
        # every frame.
        scheme, _, rest = self.url.partition("?")[0].partition("#")[0].partition("://")
        host, slash, path = rest.partition("/")
        return f"<Request {self.method} {scheme}://{host.rpartition('@')[2]}{slash}{path}>"

    def altered(self, **changes: Any) -> Self:
        """Return the same request with other headers or another timeout.

        `dataclasses.replace` would set all fields anew, and forget how the body was divided.
        """
        request = object.__new__(type(self))
        request.__dict__.update(self.__dict__, **changes)
        return request

    @property
    def is_kept(self) -> bool:
        """True if the reply is a part of the answer: a token is not, and that to a job being deleted is not."""
        return self.credentials and self.method != "DELETE"

    @property
    def addressed(self) -> tuple[object, ...]:
        """The address with its parameters and headers, which are alike in requests that are merged into one."""
        return self.url, tuple(sorted(self.params.items())), tuple(sorted(self.headers.items()))

    @lazy
    def upload_size(self) -> int:
        """The approximate bytes of the JSON body: the uploads in it as base64, and a little for the rest."""
        return 4 * sum([len(blob.data) for blob in _blobs(self.json)]) // 3 + SMALL

    def json_bytes(self) -> bytes:
        """Return the JSON body, with every Blob in it as base64."""
        return b"".join(self.json_pieces())

    def json_size(self) -> int:
        """Return how many bytes the JSON body has."""
        return sum([len(part) if isinstance(part, bytes) else _encoded_size(part) for part in self._spliced])

    def json_pieces(self) -> Iterator[bytes]:
        """Yield the JSON body in pieces, each encoded when it is sent: no attempt holds a body of 10 MB as a whole."""
        gathered, size = [], 0
        for part in self._spliced:
            for piece in [part] if isinstance(part, bytes) else _encoded(part):
                gathered.append(piece)
                size += len(piece)
                if size >= PIECE:
                    yield b"".join(gathered)  # a single piece is not copied
                    gathered, size = [], 0
        if gathered:
            yield b"".join(gathered)

    @lazy
    def _spliced(self) -> list[bytes | Blob]:
        """The JSON text, cut where a Blob is: base64 needs no escaping, so it is not dumped with the rest.

        This is 2.5 times faster for a picture of 1 MB.
        """
        blobs: list[Blob] = []

        def placeholder(value: object) -> str:
            if not isinstance(value, Blob):
                raise TypeError(f"cannot send {type(value).__name__} as JSON")
            blobs.append(value)
            before = f"data:{value.media_type};base64," if isinstance(value, DataUrl) else ""
            return f"{before}{MARK}{len(blobs) - 1}{MARK}"

        text = json.JSONEncoder(ensure_ascii=False, default=placeholder, allow_nan=False).encode(self.json)
        return [blobs[int(part)] if i % 2 else part.encode() for i, part in enumerate(text.split(MARK))]


MARK = secrets.token_hex(16)
"""A random text that stands for a Blob in JSON text; no input can contain it, because it cannot be guessed."""
PIECE = 262_143
"""Bytes of an upload that are encoded at once: few enough to stay in the processor's cache until they are sent, and a
multiple of 3, which gives base64 without padding between the pieces. Each piece wakes the server, so that many small
ones take longer."""
SMALL = 1_000
"""A generous estimate of the bytes that the JSON body of a request has beside its uploads."""


def _encoded(blob: Blob) -> Iterator[bytes]:
    view = memoryview(blob.data)
    return (pybase64.b64encode(view[n : n + PIECE]) for n in range(0, len(view), PIECE))


def _encoded_size(blob: Blob) -> int:
    return 4 * -(-len(blob.data) // 3)


LISTS, SCALARS = (list, tuple), (str, int, float, NoneType)
"""The types of values in a JSON body. A union that is written in a function is made anew each time."""


def _blobs(body: Any) -> list[Blob]:
    """Return the blobs in a JSON body, in any order."""
    blobs, left = [], [body]
    while left:
        value = left.pop()
        if isinstance(value, Blob):
            blobs.append(value)
        elif isinstance(value, LISTS):
            left += value
        # Most values are texts and numbers; asking whether each is a Mapping takes longer.
        elif not isinstance(value, SCALARS) and isinstance(value, Mapping):
            left += value.values()
    return blobs


@dataclass(frozen=True)
class Response:
    """One HTTP reply, as data. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    replayed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", {name.lower(): value for name, value in self.headers.items()})

    @classmethod
    def received(cls, status: int, headers: dict[str, str], content: bytes) -> Self:
        """Return a reply whose headers have their names in lower case already."""
        reply = object.__new__(cls)
        reply.__dict__.update(status=status, headers=headers, content=content, replayed=False)
        return reply

    def __repr__(self) -> str:
        # The text leaves out headers and body: services repeat keys in them, and they are about people.
        return f"<Response {self.status}, {len(self.content)} bytes>"

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            MalformedResponseError: The body is not JSON, or holds a number that is not finite, or too large.
            ResponseTooLargeError: The body is nested too deep, or holds too many values.
        """
        value, error = self._parsed
        if error is not None:
            # Each caller raises an error of its own, because the engine writes the facts of the call into it.
            raise copy.copy(error)
        return value

    @property
    def is_large(self) -> bool:
        """True where reading the reply would hold an event loop for too long."""
        return len(self.content) > AT_ONCE

    def with_json(self, body: Any) -> Response:
        """Return the same reply with another JSON body, which is a part of this one's."""
        part = object.__new__(type(self))  # without __post_init__: the names of the headers are in lower case already
        # The parsed JSON is set beside the bytes, so that nothing has to parse them again.
        part.__dict__.update(self.__dict__, content=written(body), _parsed=(body, None))
        return part

    @lazy
    def _parsed(self) -> tuple[Any, MalformedResponseError | None]:
        """The body as JSON, or the error: a body that cannot be read is not looked through twice."""
        try:
            return parsed(self.content), None
        except MalformedResponseError as error:
            return None, error.with_traceback(None)

    def parse(self, model: type[M]) -> M:
        """Return the body as a wire model.

        Raises:
            MalformedResponseError: The body does not fit the model, is not JSON, or is declared as something else.
        ResponseTooLargeError: The body is nested too deep, or holds too many values.
        """
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        # A reply that names no content type is read all the same: its body decides.
        if kind and not kind.endswith(JSON_KINDS):
            raise MalformedResponseError(f"the reply is {kind}, where JSON was expected")
        data = self.json()
        # Most replies hold no null, and then nothing has to be looked through.
        return checked(model, data) if b"null" in self.content else _validated(model, data)


def checked(model: type[M], data: object) -> M:
    """Return ``data`` as a wire model.

    Raises:
        MalformedResponseError: The data do not fit the model; the text names the first field that does not.
    """
    return _validated(model, _without_nulls(data) if getattr(model, "null_is_missing", False) else data)


def _without_nulls(data: Any) -> Any:
    """Return JSON data without the fields that are null, at any depth; a null in a list stays there."""
    if isinstance(data, dict):
        return {name: _without_nulls(value) for name, value in data.items() if value is not None}
    return [_without_nulls(value) for value in data] if isinstance(data, list) else data


def _validated(model: type[M], data: object) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the whole"
    # The error is raised without its cause, which holds the reply.
    raise MalformedResponseError(f"the reply is not what the vendor documents: {where}: {first['msg']}")


JSON_KINDS = ("/json", "+json", "-json-1.0", "-json-1.1")
"""Endings of content types that are JSON; the last two are AWS's."""


@dataclass(frozen=True)
class Call:
    """A step that runs a blocking function: in the calling thread, or in another one where the client awaits.

    ``waits`` says that the function waits for another service (a vendor's login) rather than computes, ``runs`` that it
    runs a program or a model of this machine, and ``reads`` that it reads a file, which may be on a disk or a network
    that hangs. Such a function never runs in the calling thread, and is given up after ``timeout`` seconds, the time
    left, which the engine sets. ``memory`` is how many bytes of memory the function takes: unless one of the other
    three is set, it waits for its share of the budget that all pictures of the process have.
    """

    function: Callable[[], Any]
    waits: bool = False
    runs: bool = False
    timeout: float | None = None
    reads: bool = False
    memory: int = 0


@dataclass(frozen=True)
class Fetch:
    """A step that fetches the file at an address that was given as input.

    Its outcome is the bytes of the file, or None where the client fetches no addresses (``fetch_urls=``).
    """

    address: str


@dataclass(frozen=True)
class Parallel:
    """A step that runs several flows of one call at the same time; its outcome is their results, in order."""

    flows: Sequence[Flow[Any]]


Step: TypeAlias = Request | Call | Fetch | Parallel
Flow: TypeAlias = Generator[Step, Any, R]


def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Flow[R]:
    """Make a blocking function a step of a flow: ``value = yield from …``."""
    result: R = yield Call(lambda: function(*args, **kwargs))  # not partial(): a crash report would show its arguments
    return result


def reading(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Flow[R]:
    """Make a function that reads a file a step of a flow; it takes no longer than the call has."""
    result: R = yield Call(lambda: function(*args, **kwargs), reads=True)
    return result


def waiting(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Flow[R]:
    """Make a function that waits for another service a step of a flow; it takes no longer than the call has."""
    result: R = yield Call(lambda: function(*args, **kwargs), waits=True)
    return result


def running(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Flow[R]:
    """Make a function that runs a program or a model of this machine a step; it takes no longer than the call has."""
    result: R = yield Call(lambda: function(*args, **kwargs), runs=True)
    return result


def parallel(flows: Sequence[Flow[R]]) -> Flow[list[R]]:
    """Make several flows one step, run at the same time: ``parts = yield from …``.

    When all have ended, the failure of the first flow in the sequence that failed is raised. Its ``partial`` has the
    results in order, None for each flow that failed.
    """
    results: list[R] = yield Parallel(tuple(flows))
    return results
