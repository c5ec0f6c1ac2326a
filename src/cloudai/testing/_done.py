"""What a provider does: its flows, requests, results and errors, with the replies of the examples and with bad ones."""

from __future__ import annotations

import copy
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cloudai.errors import (
    AuthError,
    CloudAIError,
    ConnectionLostError,
    InputError,
    RateLimitedError,
    ReplayError,
    ServiceError,
    SettingsError,
    UnsupportedOperationError,
)
from cloudai.flow import Blob, File, Flow, Request, Response
from cloudai.media import Audio, Image, ImageLimits, Picture
from cloudai.media.audio import AudioLimits, Sound
from cloudai.models.base import Result
from cloudai.models.image import FEATURES
from cloudai.operations import RESULTS, SOURCES, complete
from cloudai.provider import Provider
from cloudai.testing._cassette import Exchange
from cloudai.testing._clients import recording
from cloudai.testing._declared import SECRET
from cloudai.testing._harmless import names_a_credential
from cloudai.testing._script import Script
from cloudai.testing._secrets import Secrets
from cloudai.testing._subject import (
    GOOD,
    Driver,
    Example,
    Outcome,
    Subject,
    Told,
    flow_of,
    is_flow,
    outcome,
    without_settings,
)
from cloudai.testing._written import asked

__all__ = [
    "clients",
    "errors",
    "flows",
    "interrupted",
    "languages",
    "limits",
    "malformed",
    "missing",
    "options",
    "requests",
    "results",
    "secrets",
]

TYPED = "Raise one of cloudai.errors, with advice= what to do."
WIRE = (
    "Read replies by response.parse(Model), Model a cloudai.wire.Wire: what does not fit is a MalformedResponseError."
)


def _bare(what: str, error: BaseException, advice: str = TYPED) -> Told:
    return f"{what}: {type(error).__name__} ({' '.join(str(error).split())[:100]}), which is no CloudAIError", advice


def _driven(subject: Subject, example: Example, given: Any = None) -> tuple[Driver, Any]:
    """An example's flow carried out by hand, and what it came to."""
    provider = subject.provider(example)
    driver = Driver(provider, example.replies())
    try:
        return driver, driver.run(flow_of(provider, example, given))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is looked at
        return driver, error


# -- flows and results -------------------------------------------------------------------------------------


def flows(subject: Subject) -> Iterator[Told]:
    """An operation returns a generator of steps, which performs no input and output of its own."""
    for example in subject.examples:
        try:
            flow = flow_of(subject.provider(example), example)
        except Exception as error:  # noqa: BLE001
            yield _bare(f"{example.operation} raises when it is called", error, "Raise within the flow: write `yield`.")
            continue
        if not is_flow(flow):
            what = f"{example.operation} returns a {type(flow).__name__}, where a flow is expected"
            yield what, "Write it as a generator: `response = yield Request(…)`, without async."
            continue
        flow.close()
        driver, _ = _driven(subject, example)
        for strange in driver.strange:
            yield (
                f"{example.operation} yields a {strange}",
                "A flow yields a Request, or `yield from` call(…) or together(…).",
            )
        for did in driver.did:
            what = (
                f"{example.operation} does {did} itself: that would stop an event loop, and no cassette can replay it"
            )
            yield what, "Yield a Request, or put blocking work into `yield from call(function, …)`."


def results(subject: Subject) -> Iterator[Told]:
    """A good reply gives the operation's result, whole and told whence; a bad one a `ServiceError`."""
    for example in subject.examples:
        send = example.replies()
        found = outcome(subject.provider(example), example, send, offline=True)
        refused = any(exchange.response.status not in GOOD for exchange in example.held().exchanges)
        if isinstance(found, CloudAIError) and (refused or not isinstance(found, ReplayError)):
            if refused and not isinstance(found, ServiceError):
                yield f"{example} is refused, and the error is {type(found).__name__}", "Leave error() to Provider."
        elif isinstance(found, Exception):
            yield _bare(str(example), found, TYPED) if not isinstance(found, ReplayError) else _not_held(example, found)
        elif not isinstance(found, RESULTS[example.operation]):
            what = f"{example.operation} gives a {type(found).__name__}"
            yield what, f"Return a {RESULTS[example.operation].__name__}."
        elif send.left:
            yield (
                f"{example}: {len(send.left)} exchanges of the cassette are not asked for",
                "Ask for them, or take them out.",
            )
        else:
            yield from _whole(subject, example, found)


def _not_held(example: Example, error: Exception) -> Told:
    return f"{example}: {error}", "Its cassette must hold what the flow asks, and the flow ask the same every time."


def _whole(subject: Subject, example: Example, found: Result) -> Iterator[Told]:
    if found.meta.provider != subject.kind.name:
        yield f"{example.operation}: meta.provider is {found.meta.provider!r}", "Leave it to the engine."
    if subject.kind.hosts and not found.meta.service:
        yield f"{example.operation}: meta.service is not known", 'Give Request(service="…", api="…").'
    again = type(found).model_validate_json(found.model_dump_json())
    if again != found:
        yield f"{example.operation}: its result does not survive JSON", "Use the models of cloudai.models as they are."
    found.to_rows()


def clients(subject: Subject) -> Iterator[Told]:
    """Both clients come to the same."""
    for example in subject.examples:
        blocking, awaiting = (
            outcome(subject.provider(example), example, example.replies(), awaiting=colour, offline=True)
            for colour in (False, True)
        )
        if _comparable(blocking) != _comparable(awaiting):
            what = f"{example}: the blocking client gives {_short(blocking)}, the awaiting one {_short(awaiting)}"
            yield what, "A flow must not know its caller: no event loop, no thread, no state between calls."


def _comparable(found: Outcome) -> Any:
    if isinstance(found, Result):
        meta = found.meta.model_dump(exclude={"called_at", "elapsed"})
        return type(found), found.model_dump(), found.raw, meta
    return type(found), str(found)


def _short(found: Outcome) -> str:
    text = " ".join(repr(found).split())
    return text if len(text) < 100 else f"{text[:99]}…"  # noqa: PLR2004


# -- requests and inputs -----------------------------------------------------------------------------------


def requests(subject: Subject) -> Iterator[Told]:
    """Plain data, the same every time, over https, to a host that is named, without credentials."""
    for example in subject.examples:
        driver, _ = _driven(subject, example)
        again, _ = _driven(subject, example)
        for request in driver.requests:
            yield from _plain(example, request)
            yield from _addressed(subject, example, request)
        if not any(_plain_problem(request) for request in driver.requests) and [*map(asked, driver.requests)] != [
            *map(asked, again.requests)
        ]:
            yield (
                f"{example.operation} asks otherwise the second time",
                "Leave times and random numbers out of requests; sign() may add them. Else nothing can be replayed.",
            )
        if subject.kind.hosts and example.cassette is None:
            yield f"{example} has no cassette", "Give it one: hosts says that data goes elsewhere."


def _plain_problem(request: Request) -> str | None:
    bodies = [part for part in ("json", "content", "files") if getattr(request, part) is not None]
    if len(bodies) > 1:
        return f"has {' and '.join(bodies)}"
    if not isinstance(request.content, Blob | bytes | None):
        return f"has a {type(request.content).__name__} as content"
    if not all(isinstance(text, str) for text in (*request.headers.values(), *request.params.values())):
        return "has a header or a parameter that is no text"
    try:
        json.dumps(asked(request))
    except (TypeError, ValueError) as error:
        return f"is no plain data ({error})"
    return None


def _plain(example: Example, request: Request) -> Iterator[Told]:
    if problem := _plain_problem(request):
        yield f"{example.operation}: a request {problem}", "Give texts and numbers, and uploads as Blob or File."
        return
    if example.operation in SOURCES and (loose := _loose(request)):
        what = f"{example.operation}: the upload is not known by the input it was made of ({loose})"
        yield what, "Send the blob that image.fit or audio.probe gives: cassettes and journals find a call by it."
    for header in request.headers:
        if names_a_credential(header):
            yield f"{example.operation}: the flow sets {header}", "Set it in sign(): what a flow asks is written down."


def _loose(request: Request) -> str | None:
    """Bytes that are no `Blob`; but for a field of a form, which is written here."""
    if isinstance(request.content, bytes):
        return "bytes as content"
    for name, file in (request.files or {}).items():
        if isinstance(file, File) and file.name is not None and isinstance(file.content, bytes):
            return f"bytes as file {name}"
    return None


def _addressed(subject: Subject, example: Example, request: Request) -> Iterator[Told]:
    parts = urlsplit(request.url)
    if parts.scheme != "https":
        yield f"{example.operation} asks {parts.scheme}://", "Use https."
    if request.endpoint or not request.credentials:
        return
    if not subject.kind.hosts:
        yield f"{example.operation} asks {parts.hostname}, and hosts is empty", "Give hosts: users ask where data goes."
    elif not any(_is_host(pattern, parts.hostname or "") for pattern in subject.kind.hosts):
        yield f"{example.operation} asks {parts.hostname}, which is not in hosts", "Add it: users ask where data goes."


def _is_host(pattern: str, host: str) -> bool:
    """Of "{region}.example.com" any region."""
    return re.fullmatch("[a-z0-9.-]*".join(map(re.escape, re.split(r"\{[^}]*\}", pattern))), host) is not None


class _WatchedImage(Image):
    """Remembers the limits it was to fit."""

    asked: ImageLimits | None = None
    used = False

    def fit(self, limits: ImageLimits) -> Flow[Picture]:
        self.asked, self.used = limits, True
        return super().fit(limits)

    def pixels(self, max_side: int) -> Flow[Any]:
        self.used = True
        return super().pixels(max_side)


class _WatchedAudio(Audio):
    """Remembers whether it was looked at."""

    used = False

    def probe(self, limits: AudioLimits) -> Flow[Sound]:
        self.used = True
        return super().probe(limits)


FORMATS = frozenset({"AVIF", "BMP", "GIF", "HEIC", "HEIF", "ICO", "JPEG", "MPO", "PDF", "PNG", "TIFF", "WEBP"})


def limits(subject: Subject) -> Iterator[Told]:
    """A picture or recording is made to fit before it is sent; what is none is refused, and nothing sent."""
    for example in subject.examples:
        source = SOURCES.get(example.operation)
        if source is None:
            continue
        given = (_WatchedImage if source is Image else _WatchedAudio)(example.given)
        driver, _ = _driven(subject, example, given)
        if driver.requests and not given.used:
            yield (
                f"{example.operation} sends its input as it is",
                "Begin with `yield from image.fit(LIMITS)` (audio.probe): it looks, turns, shrinks and strips.",
            )
        if isinstance(given, _WatchedImage) and given.asked is not None:
            yield from _sensible(given.asked)
        script = Script()
        found = outcome(subject.provider(example), replace(example, given=b"no such thing"), script, offline=True)
        if not isinstance(found, InputError) or script.requests:
            what = f"{example.operation} of bytes that are no {'picture' if source is Image else 'recording'}"
            yield (
                f"{what} gives {_short(found)}",
                "Let the InputError of image.fit or audio.probe through, before the first request.",
            )


def _sensible(asked: ImageLimits) -> Iterator[Told]:
    if unknown := sorted(asked.formats - FORMATS):
        yield f"its limits name the format {', '.join(unknown)}", f"Use Pillow's names: {', '.join(sorted(FORMATS))}."
    if not asked.formats & {"JPEG", "PNG"}:
        yield "its limits have neither JPEG nor PNG", "Name one: other formats are made into it."
    if not 0 < asked.min_side <= asked.max_side or asked.max_bytes <= 0:
        yield "its limits let no picture through", "See max_bytes, min_side and max_side: bytes and pixels."


def options(subject: Subject) -> Iterator[Told]:
    """A word outside the vocabulary, and a feature it lacks, are refused before anything is sent."""
    for example in _first_of_each(subject):
        if example.operation == "analyze_image":
            known = subject.provider(example).features()
            if not known or set(known) - set(FEATURES):
                yield f"features() is {known!r}", f"Give those that analyze_image has, of {', '.join(FEATURES)}."
            lacking = [feature for feature in FEATURES if feature not in known]
            yield from _refuses(subject, example, {"features": ["no-such-thing"], "missing": "error"})
            if lacking:
                yield from _refuses(subject, example, {"features": lacking[:1], "missing": "error"})
        if example.operation == "detect_faces":
            yield from _refuses(subject, example, {"attributes": ["no-such-thing"]})


def _refuses(subject: Subject, example: Example, wrong: Mapping[str, Any]) -> Iterator[Told]:
    script = Script()
    asking = replace(example, options={**example.options, **wrong})
    found = outcome(subject.provider(example), asking, script, offline=True)
    if script.requests or not isinstance(found, SettingsError | UnsupportedOperationError):
        words = ", ".join(word for value in wrong.values() if isinstance(value, list) for word in value)
        yield (
            f"{example.operation} with {words} gives {_short(found)}",
            "Begin with require_known(…), and raise UnsupportedOperationError for what the vendor lacks.",
        )


def _first_of_each(subject: Subject) -> Iterator[Example]:
    seen: set[str] = set()
    for example in subject.examples:
        if example.operation not in seen:
            seen.add(example.operation)
            yield example


def languages(subject: Subject) -> Iterator[Told]:
    """A language with its region is the same language; of one that it has not it says so."""
    for example in _first_of_each(subject):
        if "language" not in complete(example.operation, example.options):
            continue
        came_to = {code: _asked_in(subject, example, code) for code in ("ko", "ko-KR", "en", "tlh")}
        for code, found in came_to.items():
            if isinstance(found, Exception) and not isinstance(found, CloudAIError):
                advice = "Map codes by a table with cloudai.languages; one it lacks is an UnsupportedOperationError."
                yield _bare(f'{example.operation} in "{code}"', found, advice)
        short, long = (type(came_to[code]) for code in ("ko", "ko-KR"))
        if short is not long:
            what = f'{example.operation} takes "ko" and "ko-KR" differently ({short.__name__}, {long.__name__})'
            yield what, "Use cloudai.languages.base or with_region: users write either."


def _asked_in(subject: Subject, example: Example, code: str) -> Any:
    """The first request in a language, or what is raised before it."""
    script = Script()
    asking = replace(example, options={**example.options, "language": code})
    found = outcome(subject.provider(example), asking, script, offline=True)
    return script.requests[0] if script.requests else found


# -- errors ------------------------------------------------------------------------------------------------

BODIES = (
    b"",
    b"<html><body>Bad gateway</body></html>",
    b"null",
    b"[]",
    b"{}",
    b'"no"',
    b'{"error": 5}',
    b'{"error": []}',
    b'{"error": {"message": 5, "code": {}, "details": 1, "errors": [3]}}',
    '{"message": "안 돼요\\n두 줄"}'.encode(),
    b"[" * 500,
)
STATUSES = (301, 400, 401, 403, 404, 408, 413, 415, 429, 500, 503)
MEANINGS: Mapping[int, type[ServiceError]] = {401: AuthError, 429: RateLimitedError}


def errors(subject: Subject) -> Iterator[Told]:
    """Any reply outside 2xx, from a proxy too, is a `ServiceError` with its status, one line, and the hint to wait."""
    provider = subject.kind()
    for status in STATUSES:
        for body in BODIES:
            reply, what = Response(status, {"retry-after": "7"}, body), f"a {status} with {body[:40].decode()!r}"
            try:
                error = provider.error(reply)
            except Exception as bare:  # noqa: BLE001
                yield _bare(
                    what, bare, "In fault(), take error_body(response) for what it is: a proxy may have answered."
                )
                continue
            if not isinstance(error, ServiceError):
                yield (
                    f"{what} is a {type(error).__name__}",
                    "Leave error() to Provider; fault() says what it stands for.",
                )
                continue
            if error.status != status or error.retry_after is None:
                yield f"{what} loses the status or the hint to wait", "Leave error() to Provider: it has both."
            if not isinstance(error, MEANINGS.get(status, ServiceError)):
                yield (
                    f"{what} is a {type(error).__name__}",
                    f"A {status} without a word is a {MEANINGS[status].__name__}.",
                )
            if not str(error).strip() or "\n" in str(error):
                yield (
                    f"{what} has a text that is not one line",
                    "In fault(), use readable(response), or one line of the reply.",
                )


WHOLE = (b"", b"not json", b"{", b"null", b"[]", b"{}", b'"x"', b"3", b'{"a": NaN}', b"<html></html>", b"[" * 500)
WRONG: tuple[Any, ...] = (None, "x", -1, [], {}, True, [None])
MOST = 250
"""Replies made of one."""


def malformed(subject: Subject) -> Iterator[Told]:
    """A reply that is damaged in any one place gives a result or one of our errors."""
    for example in subject.examples:
        exchanges = example.held().exchanges
        if any(exchange.response.status not in GOOD for exchange in exchanges):
            continue
        provider = subject.provider(example)
        for number, exchange in enumerate(exchanges):
            for body, where in _damaged(exchange):
                found = outcome(provider, example, _answering(exchanges, number, body), offline=True)
                if isinstance(found, Exception) and not isinstance(found, CloudAIError):
                    yield _bare(f"{example} with {where}", found, WIRE)
                    return  # one is enough: there would be hundreds


def _answering(exchanges: list[Exchange], number: int, body: bytes) -> Script:
    replies = [exchange.reply() for exchange in exchanges]
    replies[number] = replace(replies[number], content=body)
    return Script(*replies)


def _damaged(exchange: Exchange) -> Iterator[tuple[bytes, str]]:
    for whole in WHOLE:
        yield whole, f"the reply {whole[:20].decode()!r}"
    content = exchange.reply().content
    try:
        body = json.loads(content)
    except ValueError:
        return
    places = list(_places(body, ()))
    step = max(1, len(places) * len(WRONG) // MOST)
    for place, wrong in islice(((p, w) for p in places for w in WRONG), None, None, step):
        yield json.dumps(_with(body, place, wrong)).encode(), f"{wrong!r} at {'.'.join(map(str, place))}"


def _places(value: Any, place: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*place, name)
        yield from _places(each, (*place, name))


def _with(body: Any, place: tuple[Any, ...], wrong: Any) -> Any:
    changed = copy.deepcopy(body)
    inner = changed
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = wrong
    return changed


def interrupted(subject: Subject) -> Iterator[Told]:
    """Cancelled at any step a flow ends; a lost connection comes out of it as one of our errors."""
    advice = "Do not catch BaseException or GeneratorExit in a flow; use `finally` to clean up."
    for example in subject.examples:
        for at in range(_steps(subject, example)):
            for thrown in (KeyboardInterrupt(), ConnectionLostError("the connection broke")):
                came = _thrown(subject, example, at, thrown)
                if isinstance(thrown, KeyboardInterrupt) and came is not thrown:
                    yield f"{example.operation} goes on when it is cancelled at step {at + 1}", advice
                elif isinstance(came, BaseException) and not isinstance(came, CloudAIError | KeyboardInterrupt):
                    yield _bare(f"{example.operation}, its connection lost at step {at + 1}", came)
            if not _closes(subject, example, at):
                yield f"{example.operation} cannot be closed at step {at + 1}", advice


def _steps(subject: Subject, example: Example) -> int:
    return _driven(subject, example)[0].steps


def _thrown(subject: Subject, example: Example, at: int, thrown: BaseException) -> Any:
    provider = subject.provider(example)
    try:
        return Driver(provider, example.replies()).run(flow_of(provider, example), at=at, throw=thrown)
    except BaseException as error:  # noqa: BLE001
        return error


class _StopHere(BaseException):
    """Raised in place of a step, so that the flow is left where it is."""


def _closes(subject: Subject, example: Example, at: int) -> bool:
    provider = subject.provider(example)
    flow, driver = flow_of(provider, example), Driver(provider, example.replies())
    try:
        driver.run(flow, at=at, throw=_StopHere(), leave=True)
    except _StopHere:
        pass
    except Exception:  # noqa: BLE001
        return True
    try:
        flow.close()
    except RuntimeError:
        return False
    return True


# -- keys --------------------------------------------------------------------------------------------------


def missing(subject: Subject) -> Iterator[Told]:
    """Without a key nothing is sent, and the error names the variable to set."""
    if not any(setting.secret for setting in subject.kind.settings):
        return
    advice = "Raise SettingsError in sign(), with what to set, and tell the same by missing()."
    with without_settings(subject):
        for example in _first_of_each(subject):
            script = Script()
            found = outcome(subject.kind(), example, script)
            if script.requests:
                yield f"{example.operation} is sent without a key", advice
            elif isinstance(found, UnsupportedOperationError):
                continue  # it needs a setting of its own before it comes to a key
            elif not isinstance(found, SettingsError) or not _names_one(subject, str(found)):
                yield f"{example.operation} without a key gives {_short(found)}", advice
            told = subject.kind().missing(example.operation)
            if not told or not _names_one(subject, told):
                yield (
                    f"missing({example.operation!r}) is {told!r} without a key",
                    "Say what to set, by the variable's name.",
                )


def _names_one(subject: Subject, text: str) -> bool:
    return any(variable in text for variable in subject.variables())


def secrets(subject: Subject) -> Iterator[Told]:
    """A key is in no text, no address, no error and no cassette."""
    secret = [setting.name for setting in subject.kind.settings if setting.secret or SECRET.search(setting.name)]
    if not secret:
        return
    try:
        keyed = subject.configured or subject.kind(**{name: f"CaNaRy-{name}-4f9c2e7b" for name in secret})
    except (TypeError, CloudAIError) as error:
        how = f"Give check_provider(…, configured={subject.kind.__name__}(…)) with made-up keys."
        yield f"it takes no key by the names of its settings ({error})", how
        return
    listed = [setting.name for setting in subject.kind.settings]
    # What is given and is no setting may be a key as well: nobody has said that it is none.
    unlisted = [v for name, v in keyed._given.items() if name not in listed and isinstance(v, str)]  # noqa: SLF001
    canaries = Secrets([*unlisted, *(value for name in secret if (value := keyed.setting(name)))])
    if canaries.occur_in(repr(keyed)):
        yield "a key shows in its repr", "Set self._given = {…} in the constructor, and leave __repr__ to Provider."
    for example in _first_of_each(subject):
        if example.cassette is not None:
            yield from _leaks(keyed, example, canaries)


def _leaks(keyed: Provider, example: Example, canaries: Secrets) -> Iterator[Told]:
    sent: list[Request] = []
    refused = Response(401, {"content-type": "application/json"}, b"{}")
    found = outcome(keyed, example, _noting(sent, lambda _: refused))
    if canaries.occur_in(f"{found} {found!r} {vars(found)}"):
        yield f"{example.operation}: a key shows in the error of a refusal", "Put nothing of the request into errors."
    for request in sent:
        if canaries.occur_in(f"{request.url} {dict(request.params)}"):
            yield f"{example.operation}: a key is in the address", "Send it in a header: addresses end up in logs."
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cassette.json"
        first = example.held().exchanges[:1]
        replies = Script(*(exchange.reply() for exchange in first))
        try:
            with recording(keyed, path, send=replies, max_attempts=1) as client:
                getattr(client, example.operation)(example.given, **example.options)
        except CloudAIError:
            pass  # there was one reply only; what it is written down as is the matter
        if path.is_file() and canaries.occur_in(path.read_text("utf-8")):
            yield f"{example.operation}: a key is written into a cassette", "Declare it as a Setting with secret=True."


def _noting(sent: list[Request], send: Callable[[Request], Response]) -> Callable[[Request], Response]:
    def noting(request: Request) -> Response:
        sent.append(request)
        return send(request)

    return noting
