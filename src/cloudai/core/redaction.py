"""What may be written down, and how known secrets are found in every spelling and withheld.

The lists of harmless names come first: only the values of these headers and parameters are kept in cassettes and logs.
`Secrets` is the last line of defence: it replaces a known key wherever a service repeats it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

from cloudai.core.flow import Request, Response
from cloudai.errors import CloudAIError

__all__ = [
    "HEADERS",
    "PARAMETERS",
    "REDACTED",
    "SHORTEST",
    "Allowlist",
    "Params",
    "Secrets",
    "address",
    "carried",
    "carried_back",
    "names_a_credential",
    "telling",
    "without_credentials",
]

Params: TypeAlias = dict[str, str | list[str]]

REDACTED = "REDACTED"
"""Stands where something was withheld, and matches anything on replay."""

HEADERS = frozenset(
    {
        "accept",
        "apim-request-id",
        "content-type",
        "date",
        "location",
        "operation-location",
        "retry-after",
        "x-amzn-requestid",
        "x-cloud-trace-context",
        "x-dp-watson-tran-id",
        "x-global-transaction-id",
        "x-goog-request-id",
        "x-ms-region",
        "x-ms-request-id",
        "x-request-id",
        "x-requestid",
    }
)
"""Headers whose values are written down, in lower case. Any other may hold a key and is left out."""

PARAMETERS = frozenset(
    {
        "$fields",
        "alt",
        "api-version",
        "detectionModel",
        "details",
        "encoding",
        "features",
        "fields",
        "format",
        "from",
        "gender-neutral-caption",
        "language",
        "languageCode",
        "maxCandidates",
        "model",
        "model-version",
        "overload",
        "pages",
        "prettyPrint",
        "profanity",
        "profanityAction",
        "profanity_filter",
        "q",
        "readingOrder",
        "recognitionModel",
        "returnFaceAttributes",
        "returnFaceId",
        "returnFaceLandmarks",
        "returnRecognitionModel",
        "showStats",
        "smart_formatting",
        "smartcrops-aspect-ratios",
        "source",
        "speaker_labels",
        "target",
        "text",
        "textType",
        "timestamps",
        "to",
        "version",
        "visualFeatures",
        "voice",
        "word_confidence",
    }
)
"""Parameters and form fields whose values are written down. Of any other only the name is."""

_CREDENTIAL = re.compile(
    r"key(?![a-z])|token(?![a-z])|secret|passw|auth|cookie|credential|signature|assertion|^(sig|code)$",
    re.IGNORECASE,
)

_IN_ADDRESS = re.compile(r"([?&;]([^=&;#\s?]+)=)([^&;#\s\"'<>]+)")


def names_a_credential(name: str) -> bool:
    """Whether a header, parameter or field of this name holds a key, a token or the like."""
    return _CREDENTIAL.search(name) is not None


def address(url: str) -> tuple[str, Params]:
    """An address without user, query and fragment; and its query."""
    parts = urlsplit(url)
    query: Params = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        before = query.get(name)
        query[name] = value if before is None else [*([before] if isinstance(before, str) else before), value]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")), query


def without_credentials(text: str) -> str:
    """A text, the signatures and tokens of the addresses in it withheld: those open a door by themselves."""
    if "://" not in text:
        return text
    return _IN_ADDRESS.sub(lambda m: m[1] + (REDACTED if names_a_credential(m[2]) else m[3]), text)


@dataclass(frozen=True)
class Allowlist:
    """The names whose values may be written down: the usual ones, and those the user adds."""

    headers: frozenset[str] = HEADERS
    params: frozenset[str] = PARAMETERS

    @classmethod
    def with_more(cls, headers: Iterable[str] = (), params: Iterable[str] = ()) -> Allowlist:
        """The usual lists and these names."""
        return cls(HEADERS | {name.lower() for name in headers}, PARAMETERS | set(params))

    def kept_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers that may be written down, addresses among them without credentials."""
        return {name.lower(): self._cleaned(value) for name, value in headers.items() if name.lower() in self.headers}

    def kept_params(self, params: Mapping[str, str | list[str]]) -> Params:
        """All names; the values of those that may be written down."""
        return {name: value if name in self.params else REDACTED for name, value in params.items()}

    def _cleaned(self, value: str) -> str:
        if "://" not in value:
            return value
        base, query = address(value)
        kept = urlencode(self.kept_params(query), doseq=True)
        return f"{base}?{kept}" if kept else base


SHORTEST = 6
"""A value under a telling name is taken for a secret from this length on; shorter ones occur by chance."""

SHORTEST_NAMELESS = 16
"""The same where the name tells nothing: ``true`` and ``Seoul`` in a reply must stay what they are."""

SHORTEST_ENCODED = 4


class Secrets:
    """Secret values, in every spelling they may be echoed in."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values: set[str] = set()
        """As they are, without their spellings."""
        self.of: object = None
        """The request they were found in, as its finder knows it; here, since no text shows what this holds."""
        self._spellings: list[str] = []
        self.add(values)

    def add(self, values: Iterable[str]) -> bool:
        """Take more in; whether any of them is new."""
        new = {value for value in values if value and value != REDACTED} - self.values
        self.values |= new
        spellings = {spelling for value in self.values for spelling in _spellings(value)}
        self._spellings = sorted(spellings, key=len, reverse=True)
        return bool(new)

    def occur_in(self, text: str) -> bool:
        """Whether any of them is in a text, in any spelling."""
        return any(spelling in text for spelling in self._spellings)

    def cleared(self, response: Response) -> Response:
        """The reply without them: a service that repeats a key must not bring it into errors, results and files."""
        content = self._cut_out(response.content)
        if content is response.content and not self.occur_in("\n".join(map(str, chain(*response.headers.items())))):
            return response
        return replace(response, content=content, headers=self.withheld(dict(response.headers)))

    def _cut_out(self, content: bytes) -> bytes:
        for spelling in self._spellings:
            content = content.replace(spelling.encode("utf-8", "surrogatepass"), REDACTED.encode())
        return content

    def clear(self, error: CloudAIError) -> None:
        """Take them out of an error, and leave out the causes that have them."""
        error.message = self.withheld(error.message)
        error.args = tuple(self.withheld(list(error.args)))
        error.advice = self.withheld(error.advice)
        error.raw = self._cut_out(error.raw) if isinstance(error.raw, bytes) else self.withheld(error.raw)
        each: BaseException = error
        while (cause := each.__cause__ or each.__context__) is not None:
            if self.occur_in(f"{cause} {cause!r}"):
                each.__cause__ = each.__context__ = None
                return
            each = cause

    def withheld(self, value: Any) -> Any:
        """The same JSON with each of them replaced, in names too."""
        match value:
            case str():
                for spelling in self._spellings:
                    value = value.replace(spelling, REDACTED)
                return value
            case {"base64": str(), **rest} if not rest:
                return value  # a reply that is not text would no longer be one: `occur_in` has it refused
            case dict():
                return {self.withheld(key): self.withheld(inner) for key, inner in value.items()}
            case list():
                return [self.withheld(inner) for inner in value]
            case _:
                return value


def _spellings(secret: str) -> Iterator[str]:
    yield secret
    for ascii_only in (False, True):
        yield json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
    if len(secret) >= SHORTEST_ENCODED:
        data = secret.encode("utf-8", "surrogatepass")
        for safe in ("", "/"):
            yield quote(data, safe=safe)
        yield quote_plus(data)
        yield data.hex()
        yield repr(data)[2:-1]  # as an error quotes bytes
        for core in _base64_cores(data):
            yield core
            yield core.replace("+", "-").replace("/", "_")


def _base64_cores(data: bytes) -> Iterator[str]:
    """The characters that stand for these bytes alone, wherever in a longer text they begin."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode()
        # Six bits a character: the first may also hold bits of what is before, the last of what follows.
        yield encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def carried(request: Request, harmless: Allowlist) -> Iterator[str]:
    """The secrets a request carries: what is not written down, and too long to be chance."""
    _, query = address(request.url)
    fields = {**query, **request.params, **(request.form or {})}
    headers = {k: v for k, v in request.headers.items() if k.lower() not in {*harmless.headers, "user-agent"}}
    # A signature names the headers it covers.
    yield from (word for word in telling(headers) if word.lower() not in harmless.headers)
    yield from telling({k: v for k, v in fields.items() if k not in harmless.params})
    yield from telling(request.json, nameless=math.inf if request.credentials else SHORTEST_NAMELESS)


def carried_back(token_reply: Any) -> Iterator[str]:
    """The secrets in a reply to a request for a token."""
    return telling(token_reply)


def telling(value: Any, name: str = "", nameless: float = SHORTEST_NAMELESS) -> Iterator[str]:
    """Every text inside a JSON value that is long enough for its name to be a secret."""
    match value:
        case str():
            shortest = SHORTEST if names_a_credential(name) else nameless
            # An address is no secret: a scope, an audience; and it would hide the addresses of all exchanges.
            yield from (word for word in _words(value) if len(word) >= shortest and "://" not in word)
        case Mapping():
            for key, inner in value.items():
                yield from telling(inner, str(key), nameless)
        case list() | tuple():
            for inner in value:
                yield from telling(inner, name, nameless)


def _words(text: str) -> Iterator[str]:
    """A text, its last word (``Bearer …``), the password of ``Basic …`` and what cookies hold."""
    yield text
    scheme, _, last = text.rpartition(" ")
    yield last
    yield from re.findall(r"=([^;,\s]+)", text)
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            yield base64.b64decode(last).decode().partition(":")[2]
