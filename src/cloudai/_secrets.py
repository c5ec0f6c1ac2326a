"""The last line of defence: known secrets are found in every spelling, and replaced or refused."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any
from urllib.parse import quote, quote_plus

from cloudai._harmless import REDACTED, Harmless, address, names_a_credential
from cloudai.errors import CloudAIError
from cloudai.flow import Request, Response

__all__ = ["SHORTEST", "Secrets", "carried", "carried_back", "telling"]

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


def carried(request: Request, harmless: Harmless) -> Iterator[str]:
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
