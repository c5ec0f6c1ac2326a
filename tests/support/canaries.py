"""Values that must be nowhere, and a search for them in every form a text or a file may take."""

from __future__ import annotations

import base64
import binascii
import copy
import json
import logging
import pickle
import re
import traceback
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import cloudai

OURS = str(Path(cloudai.__file__).parent)
GIVEN = {"text", "image", "audio", "given", "options"}
"""Arguments of the client's own methods: their frames hold what the caller's frame holds."""
DEEPEST = 3


def spellings(canary: str | bytes) -> set[bytes]:
    """Return a value as it may be written: plain, JSON, URL, hex, and the inner part of base64 at any alignment."""
    data = canary.encode() if isinstance(canary, str) else canary
    found = {data, data.hex().encode(), data.hex().upper().encode(), quote(data, safe="").encode()}
    found |= {quote(data).encode(), quote_plus(data).encode(), repr(data)[2:-1].encode()}
    if isinstance(canary, str):
        found |= {json.dumps(canary)[1:-1].encode(), ascii(canary)[1:-1].encode()}
    for before in range(3):
        core = base64.b64encode(b"\0" * before + data)[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        found |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def forms(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """Yield the bytes, and whatever is packed or encoded inside them."""
    yield data
    if depth == DEEPEST:
        return
    for start in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", data):
        with suppress(zlib.error):
            unpacked = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data[start.start() :], 10_000_000)
            yield from forms(unpacked, depth + 1)
    for run in re.findall(rb"[A-Za-z0-9+/_-]{24,}={0,2}", data):
        with suppress(binascii.Error):
            plain = run.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
            decoded = base64.b64decode(plain + b"=" * (-len(plain) % 4))
            if decoded[:2] in (b"\x1f\x8b", b"\x78\x9c", b"\x78\xda"):
                yield from forms(decoded, depth + 1)


def hits(where: Any, canaries: Iterable[str | bytes]) -> list[str]:
    """Return each canary found, with what stands around it."""
    data = where if isinstance(where, bytes) else str(where).encode("utf-8", "surrogatepass")
    wanted = {s for canary in canaries for s in spellings(canary)}
    return [
        f"{spelling!r} in …{form[max(0, at - 60) : at + 100]!r}…"
        for form in forms(data)
        for spelling in wanted
        if (at := form.find(spelling)) >= 0
    ]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that it hangs on to."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def shown_by(error: BaseException) -> str:
    """Return all that an error shows, holds, and takes with it: to a log, another process, a report of a crash."""
    texts: list[str] = []
    for each in chain(error):
        texts += [str(each), repr(each), repr(each.args), repr(vars(each)), *getattr(each, "__notes__", [])]
        texts += traceback.TracebackException.from_exception(each).format()
        texts += [f"{frame.f_code.co_name}: {name} = {text}" for frame, name, text in locals_of(each)]
    if isinstance(error, cloudai.CloudAIError):
        twin = copy.copy(error)
        texts += [repr(pickle.dumps(error)), repr(vars(pickle.loads(pickle.dumps(error)))), repr(vars(twin)), str(twin)]
    return "\n".join(texts)


def locals_of(error: BaseException) -> Iterator[tuple[Any, str, str]]:
    """Yield the variables of our frames in the traceback of an error, as cgitb and others show them."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        path = frame.f_code.co_filename
        if path.startswith(OURS):
            public = path.endswith(("client.py", "client_methods.py"))
            yield from ((frame, n, repr(v)) for n, v in frame.f_locals.items() if not (public and n in GIVEN))


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(0)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record as text, and as all that a structured log would take from it."""
        self.texts += [f"{record.name}: {self.format(record)}", repr(vars(record))]


@contextmanager
def logged() -> Iterator[list[str]]:
    """Yield a list of everything that any logger says at DEBUG, as text and with all that its records hold."""
    root, kept = logging.getLogger(), _Kept()
    names = ["", *logging.root.manager.loggerDict, "cloudai", "httpx2", "httpcore2", "httpcore2.http11", "tenacity"]
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).disabled) for name in names}
    root.addHandler(kept)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).disabled = False
    try:
        yield kept.texts
    finally:
        root.removeHandler(kept)
        for name, (level, disabled) in before.items():
            logging.getLogger(name).setLevel(level)
            logging.getLogger(name).disabled = disabled


def echoes(secret: str) -> set[str]:
    """Return the ways a secret is likely to be written, in base64 beginning at any place."""
    data = secret.encode()
    encoded = {base64.b64encode(b"x" * n + data).decode() for n in range(3)}
    urlsafe = {text.replace("+", "-").replace("/", "_") for text in encoded}
    plain = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), data.hex()}
    return plain | encoded | urlsafe
