"""Redaction decides what may be written down, and withholds known secrets, also in encoded spellings.

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
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

from cloudai.core.flow import Request, Response
from cloudai.errors import CloudAIError, causes_of

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
"""The text that stands where something was withheld; on replay it matches anything."""

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
"""Headers whose values are written down, in lower case. Any other header may hold a key and is left out."""

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
"""Parameters and form fields whose values are written down. Only the name of any other one is written down."""

_CREDENTIAL = re.compile(
    # A letter behind "key" or "token" makes another word: "keyPhrases" and "tokenCount" hold no credential. "sig" and
    # "code" count as whole names only, because they are parts of "design" and "languageCode".
    r"key(?![a-z])|token(?![a-z])|secret|passw|auth|cookie|credential|signature|assertion|^(sig|code)$",
    re.IGNORECASE,
)

_IN_ADDRESS = re.compile(r"([?&;#]([^=&;#\s?]+)=)([^&;#\s\"'<>]+)")


def names_a_credential(name: str) -> bool:
    """Return whether a name says that the header, parameter or field holds a key, a token or the like."""
    return _CREDENTIAL.search(name) is not None


def address(url: str) -> tuple[str, Params]:
    """Return an address without user, query and fragment, and the parameters of its query by name.

    The values of the parameters are decoded, and none is withheld. A name that occurs several times has a list.

    Raises:
        ValueError: The address has no valid host, for example "http://[x".
    """
    parts = urlsplit(url)
    query: Params = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        before = query.get(name)
        query[name] = value if before is None else [*([before] if isinstance(before, str) else before), value]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")), query


_USER = re.compile(r"(?<=://)[^/?#\s\"'<>]*@")


def without_credentials(text: str) -> str:
    """Return the text with the users, passwords, signatures and tokens in its addresses withheld.

    `names_a_credential` decides which parameters of an address are secret. A parameter is what follows "?", "&", ";" or
    "#". A text without "://" is returned as it is.
    """
    if "://" not in text:
        return text
    text = _USER.sub(f"{REDACTED}@", text)
    return _IN_ADDRESS.sub(lambda m: m[1] + (REDACTED if names_a_credential(m[2]) else m[3]), text)


@dataclass(frozen=True)
class Allowlist:
    """The names whose values may be written down: the usual ones, and those that the user adds."""

    headers: frozenset[str] = HEADERS
    params: frozenset[str] = PARAMETERS

    @classmethod
    def with_more(cls, headers: Iterable[str] = (), params: Iterable[str] = ()) -> Allowlist:
        """Return an allowlist of the usual names and of these.

        The case of a header's name does not matter; that of a parameter's name does.
        """
        return cls(HEADERS | {name.lower() for name in headers}, PARAMETERS | set(params))

    def kept_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers that may be written down, with their names in lower case.

        If a value is an address, its user, password and fragment are removed, and the values of its parameters are
        withheld as by `kept_params`. An address without a valid host, for example "http://[x", is withheld whole.
        """
        return {name.lower(): self._cleaned(value) for name, value in headers.items() if name.lower() in self.headers}

    def kept_params(self, params: Mapping[str, str | list[str]]) -> Params:
        """Return all the parameters, with the values that may not be written down withheld."""
        return {name: value if name in self.params else REDACTED for name, value in params.items()}

    def _cleaned(self, value: str) -> str:
        """Return a header's value as it may be written down; a value without "://" is returned as it is.

        An address loses its user, password and fragment, and the values of parameters that are not in ``params``. An
        address without a valid host is withheld whole: nobody can say which part of it is a secret.
        """
        if "://" not in value:
            return value
        try:
            base, query = address(value)
        except ValueError:
            return REDACTED
        kept = urlencode(self.kept_params(query), doseq=True)
        return f"{base}?{kept}" if kept else base


SCHEMES = frozenset({"basic", "bearer", "digest", "negotiate", "sharedkey"})
"""The names of authentication schemes in lower case. They stand where a secret may stand, but they are not secret:
``"token_type": "Bearer"``."""

SHORTEST = 6
"""Characters from which on a value is taken for a secret where its name says so; shorter ones occur by chance."""

SHORTEST_NAMELESS = 16
"""Characters from which on a value is taken for a secret whatever its name: ``true`` and ``Seoul`` in a reply must stay
what they are."""

SHORTEST_ENCODED = 4
"""Characters from which on the encoded spellings of a secret are withheld too."""


class Secrets:
    """Secret values, in the spellings of `_spellings`, in which a service may echo them."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values: set[str] = set()
        """The values as they are, without their other spellings."""
        self.of: object = None
        """The parts of a request that the values were taken from. They are kept here because this object has no repr
        that shows what it holds."""
        self._spellings: list[str] = []
        self.add(values)

    def add(self, values: Iterable[str]) -> bool:
        """Add values, and return whether any of them is new.

        Empty values and the text `REDACTED` are ignored. A value of any length is added.
        """
        # An empty text occurs in every reply, and would be replaced between all of its characters.
        new = {value for value in values if value and value != REDACTED} - self.values
        self.values |= new
        spellings = {spelling for value in self.values for spelling in _spellings(value)}
        # The longest come first: a shorter one that is part of a longer one would leave the rest of that.
        self._spellings = sorted(spellings, key=len, reverse=True)
        self._encoded = [spelling.encode("utf-8", "surrogatepass") for spelling in self._spellings]
        return bool(new)

    def occur_in(self, text: str) -> bool:
        """Return whether any of the values is in a text, in any of the spellings that `_spellings` yields."""
        return any(map(text.__contains__, self._spellings))  # a generator would take a step for each

    def cleared(self, response: Response) -> Response:
        """Return the reply without the values: a key that a service repeats must not get into errors, results or files.

        A reply without any of them is returned as it is.
        """
        content = self._cut_out(response.content)
        if content is response.content and not self.occur_in(
            "\n".join(map(str, [*response.headers, *response.headers.values()]))  # a user's send= may give numbers
        ):
            return response
        return replace(response, content=content, headers=self.withheld(dict(response.headers)))

    def _cut_out(self, content: bytes) -> bytes:
        for spelling in self._encoded:
            if spelling in content:
                content = content.replace(spelling, REDACTED.encode())
        return content

    def clear(self, error: CloudAIError) -> None:
        """Replace the values in an error's message, arguments, advice and raw reply, in place.

        The chain of causes is cut before the first cause that contains a value, so that the causes of that cause are
        dropped too.
        """
        error.message = self.withheld(error.message)
        error.args = tuple(self.withheld(list(error.args)))
        error.advice = self.withheld(error.advice)
        error.raw = self._cut_out(error.raw) if isinstance(error.raw, bytes) else self.withheld(error.raw)
        for each in causes_of(error):
            cause = each.__cause__ or each.__context__
            if cause is not None and self.occur_in(f"{cause} {cause!r}"):
                each.__cause__ = each.__context__ = None

    def withheld(self, value: Any) -> Any:
        """Return a copy of a JSON value with each of the secrets in it replaced by `REDACTED`, in names too.

        A dict whose only name is "base64" is left as it is, because replacing a part would break the bytes.
        """
        match value:
            case str():
                for spelling in self._spellings:
                    value = value.replace(spelling, REDACTED)
                return value
            case {"base64": str(), **rest} if not rest:
                return value  # replacing a part would break the bytes; `save` refuses a cassette with a secret in them
            case dict():
                return {self.withheld(key): self.withheld(inner) for key, inner in value.items()}
            case list():
                return [self.withheld(inner) for inner in value]
            case _:
                return value


def _spellings(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and in the spellings in which a service may repeat it.

    These are its JSON escapes and, if it has at least `SHORTEST_ENCODED` characters, percent-encoding, hexadecimal
    digits, the text by which Python shows its bytes, and base64.
    """
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
    """Yield the base64 characters that depend on these bytes only, for each offset at which they may begin."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode()
        # Six bits a character: the first may also hold bits of what is before, the last of what follows.
        yield encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def carried(request: Request, harmless: Allowlist) -> Iterator[str]:
    """Yield the texts in a request that may be secrets, as `telling` finds them.

    They are looked for in the headers, form fields and parameters, also those in the address, that ``harmless`` does
    not list, and in the JSON. If the request is sent with credentials, only those fields of its JSON are searched whose
    names name a credential. The user and password in the address, the header "user-agent", the files and the raw
    content are not searched, and in headers the names of harmless headers are passed over.
    """
    _, query = address(request.url)
    fields = {**query, **request.params, **(request.form or {})}
    headers = {k: v for k, v in request.headers.items() if k.lower() not in {*harmless.headers, "user-agent"}}
    # A signature names the headers that it covers, and those names are no secrets.
    yield from (word for word in telling(headers) if word.lower() not in harmless.headers)
    yield from telling({k: v for k, v in fields.items() if k not in harmless.params})
    yield from telling(request.json, nameless=math.inf if request.credentials else SHORTEST_NAMELESS)


def carried_back(token_reply: Any) -> Iterator[str]:
    """Return an iterator over the texts in the reply to a request for a token that may be secrets.

    They are the texts that `telling` finds: those of 16 characters or more, and those of 6 or more whose names name a
    credential.
    """
    return telling(token_reply)


def telling(value: Any, name: str = "", nameless: float = SHORTEST_NAMELESS) -> Iterator[str]:
    """Yield every text in a JSON value that is long enough to be a secret, and every such part of a text.

    The parts are those of `_words`: the last word, the values of cookies, and the password of ``Basic …``. Whatever
    contains "://" is left out. A text may be yielded twice.

    Args:
        value: The JSON value.
        name: The name under which the value stands. If it names a credential, `SHORTEST` characters are enough.
        nameless: The number of characters that are enough under any other name.
    """
    match value:
        case str():
            shortest = SHORTEST if names_a_credential(name) else nameless
            # An address (a scope, an audience) is no secret, and as one it would hide the addresses of all exchanges.
            yield from (
                word
                for word in _words(value)
                if len(word) >= shortest and "://" not in word and word.strip().lower() not in SCHEMES
            )
        case Mapping():
            for key, inner in value.items():
                yield from telling(inner, str(key), nameless)
        case list() | tuple():
            for inner in value:
                yield from telling(inner, name, nameless)


def _words(text: str) -> Iterator[str]:
    """Yield a text, its last word (``Bearer …``), the values of cookies in it, and the password of ``Basic …``."""
    yield text
    scheme, _, last = text.rpartition(" ")
    yield last
    yield from re.findall(r"=([^;,\s]+)", text)
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            yield base64.b64decode(last).decode().partition(":")[2]
