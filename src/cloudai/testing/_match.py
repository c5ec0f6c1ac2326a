"""Compare two requests. Headers, the prepared form of an upload, and withheld values are not compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cloudai.core.redaction import REDACTED, address, names_a_credential

__all__ = ["Difference", "differences"]

NOTHING = object()
LONGEST_SHOWN = 40


class Difference(NamedTuple):
    """One field in which two requests differ, for example ``body.requests[0].type``."""

    where: str
    held: Any
    asked: Any

    def __str__(self) -> str:
        if names_a_credential(self.where):
            return self.where
        return f"{self.where} (held {_shown(self.held)}, asked {_shown(self.asked)})"


def differences(held: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield the differences between a request in a cassette and one that is asked now, both as plain JSON."""
    url, query = address(held["url"])
    yield from _differences(held["method"].upper(), asked["method"], "method")
    yield from _differences(url, asked["url"], "url")
    yield from _fields({**query, **(held.get("params") or {})}, asked.get("params") or {}, "params")
    yield from _fields(held.get("form") or {}, asked.get("form") or {}, "form")
    for part in ("body", "upload", "files"):
        yield from _differences(_or_nothing(held.get(part)), _or_nothing(asked.get(part)), part)
    yield from _differences(held.get("credentials", True), asked.get("credentials", True), "credentials")


def _or_nothing(value: Any) -> Any:
    return NOTHING if value is None else value


def _fields(held: Mapping[str, Any], asked: Mapping[str, Any], where: str) -> Iterator[Difference]:
    """Yield the differences between parameters or forms, without the values of names that the cassette lacks.

    Such a value might be a key, and a difference is shown in an error. A name of a credential that the cassette lacks
    is no difference.
    """
    known = {name: value for name, value in asked.items() if name in held or not names_a_credential(name)}
    for name in sorted(held.keys() | known.keys()):
        for difference in _differences(held.get(name, NOTHING), known.get(name, NOTHING), name):
            new = REDACTED if difference.held is NOTHING else difference.asked
            yield difference._replace(where=f"{where}.{difference.where}", asked=new)


def _differences(held: Any, asked: Any, where: str) -> Iterator[Difference]:
    if held == REDACTED:
        return
    match held, asked:
        # Only the digest of the input as it was given is compared: the same picture is the same call, however it is
        # prepared.
        case {"sha256": a}, {"sha256": b} if _is_upload(held) and _is_upload(asked):
            if a not in (b, REDACTED):
                yield Difference(where, held, asked)
        case dict(), dict():
            for key in sorted(held.keys() | asked.keys()):
                yield from _differences(held.get(key, NOTHING), asked.get(key, NOTHING), f"{where}.{key}")
        case list(), list() if len(held) == len(asked):
            for i, (a, b) in enumerate(zip(held, asked, strict=True)):
                yield from _differences(a, b, f"{where}[{i}]")
        case _ if not _is_equal(held, asked):
            yield Difference(where, held, asked)


def _is_equal(held: Any, asked: Any) -> bool:
    if isinstance(held, str) and isinstance(asked, str) and REDACTED in held:
        # A text may have been withheld in part, for example a key inside an address.
        pattern = ".*".join(map(re.escape, held.split(REDACTED)))
        return re.fullmatch(pattern, asked, re.DOTALL) is not None
    # Python says that True equals 1, but no service does.
    return bool(held == asked) and isinstance(held, bool) == isinstance(asked, bool)


def _is_upload(value: dict[str, Any]) -> bool:
    return value.keys() <= {"sha256", "size", "media_type"}


def _shown(value: Any) -> str:
    match value:
        case _ if value is NOTHING:
            return "nothing"
        case {"sha256": str(digest)} if _is_upload(value):
            return f"file {digest[:12]}"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return f"an object of {len(value)}"
        case _:
            text = json.dumps(value, ensure_ascii=False)
            return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
