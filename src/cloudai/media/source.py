"""Hold an input as the user gave it, with its name and the digest by which it is recognised."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from cloudai.core.flow import Blob, Fetch, Flow
from cloudai.core.urls import shown
from cloudai.errors import InputError

__all__ = ["FileInput", "Source"]

F = TypeVar("F")

FileInput = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]

ADDRESS = re.compile(r"^(https?|gs)://", re.IGNORECASE)
FETCH = "Give the file, or let the client fetch it: Client(…, fetch_urls=True)."
MOST_BYTES = 200_000_000
"""The most bytes of an input; a larger file is no photo and no speech that any service accepts."""


class Source:
    """An input as the user gives it: a path, bytes, an open file, or an address. Nothing is read before it is needed.

    Args:
        given: A path; bytes; a file open for reading bytes; or an ``https://`` or ``gs://`` address, which is
            passed on to the vendor, unless the client fetches it (``fetch_urls=``). An object of any other type raises
            InputError only when its bytes are read.
        name: The input's name; by default the file's name, or the address without what follows "?".
    """

    kind = "file"
    """The expected kind of input, for error messages: "an image", "audio"."""

    def __init__(self, given: Any, *, name: str | None = None) -> None:
        self._given = given
        self._name = name
        self.uri: str | None = given if isinstance(given, str) and ADDRESS.match(given) else None
        """The address that the vendor is to fetch; None if the bytes are here."""
        self._address = self.uri

    @property
    def name(self) -> str:
        """The name that was given, else the file's name, else the address without what follows "?".

        Bytes without a name are named by their kind and the beginning of their digest ("image-1f2e3d4c"), for which an
        open file is read. If they cannot be read, the name is the kind alone.
        """
        if self._name:
            return self._name
        path = getattr(self._given, "name", None) if hasattr(self._given, "read") else self._given
        if self._address:
            return shown(self._address)
        if isinstance(path, str | os.PathLike):
            return unicodedata.normalize("NFC", Path(path).name)
        try:
            return f"{self.kind.split()[-1]}-{self.key[:8]}"
        except InputError:
            return self.kind.split()[-1]  # there are no bytes to hash, and the call itself will say so

    @cached_property
    def key(self) -> str:
        """The sha256 (hex) of the bytes as given, or of an address that was not fetched; raises what `data` raises."""
        return sha256(self.uri.encode("utf-8", "surrogatepass") if self.uri else self.data).hexdigest()

    def key_at_hand(self, *, fetching: bool) -> str | None:
        """Return the key if it can be told without reading a file and without fetching an address; otherwise None.

        Args:
            fetching: Whether the client fetches web addresses, so that their bytes decide the key.
        """
        if self.uri is not None:
            return None if fetching and self.is_web else self.key
        at_hand = "data" in vars(self) or isinstance(self._given, bytes | bytearray | memoryview)
        with suppress(InputError):
            return self.key if at_hand else None
        return None

    @cached_property
    def data(self) -> bytes:
        """The bytes as given, read once and kept.

        Raises:
            InputError: There are none, they cannot be read, or there are too many; or the input is an address that was
                not fetched (see `fetched`).
        """
        data = self._read()
        if not data:
            raise InputError(f"{self.name} is empty (0 bytes)" if self._has_name else "the data is empty (0 bytes)")
        if len(data) > MOST_BYTES:
            raise self._too_large(len(data))
        return data

    def address(self) -> str:
        """Return the address that the vendor is to fetch; call this only if ``uri`` is not None.

        Raises:
            InputError: The address has characters that no request can hold.
        """
        address = str(self.uri)
        try:
            address.encode()
        except UnicodeEncodeError:
            raise InputError(f"{self.name!r} is no address", advice="Write it percent-encoded.") from None
        return address

    def fetched(self) -> Flow[None]:
        """Fetch the file at a web address, if the client fetches addresses (``fetch_urls=``).

        The file becomes `data`, and ``uri`` becomes None. Otherwise nothing changes, and the vendor may fetch it.
        """
        if self.is_web:
            data = yield Fetch(str(self.uri))
            if data is not None:
                self.data, self.uri = data, None

    @property
    def is_web(self) -> bool:
        """True if the input is an address that a browser could open too."""
        return self.uri is not None and not self.uri.lower().startswith("gs:")

    def facts(self) -> dict[str, Any]:
        """Return the facts about this input that go into `Meta`; each subclass says which."""
        raise NotImplementedError

    _memory: Mapping[str, Any] | None = None
    """The saved facts about an input whose bytes are not here any more."""

    @classmethod
    def recalled(cls, name: str, key: str, memory: Mapping[str, Any]) -> Self:
        """Return an input without its bytes: saved replies about it can be read again, but it cannot be sent.

        Args:
            name: The input's name.
            key: The digest of the bytes as they were given.
            memory: The facts that `Image.memory` or `Audio.memory` returned.
        """
        source = cls(b"", name=name)
        source.key, source._memory, source.uri = key, memory, memory["fitted"]["uri"]
        return source

    def _kept(self, fitted: Any) -> dict[str, Any]:
        """Return the facts about the input and its prepared form, without any bytes."""
        known = {each.name: getattr(fitted, each.name) for each in fields(fitted) if each.name != "blob"}
        known["uri"] = fitted.uri and shown(fitted.uri)
        return {
            "fitted": known,
            "media_type": fitted.blob.media_type if fitted.blob else None,
            "facts": self.facts(),
        }

    def _recall(self, kind: Callable[..., F]) -> F:
        """Return the prepared form that the saved facts describe; its bytes cannot be loaded."""
        assert self._memory is not None  # noqa: S101  # for the type checker

        def load() -> bytes:
            raise InputError(f"{self.name} itself is not kept", advice="Give the file again.")

        media_type = self._memory["media_type"]
        return kind(**self._memory["fitted"], blob=media_type and Blob(self.key, load, media_type))

    @property
    def _has_name(self) -> bool:
        return self._name is not None or isinstance(self._given, str | os.PathLike) or hasattr(self._given, "name")

    def _read(self) -> bytes:
        given = self._given
        if isinstance(given, bytes):
            return given
        if isinstance(given, bytearray | memoryview):
            return bytes(given)
        if hasattr(given, "read"):
            try:
                data = given.read()
            except (OSError, ValueError) as error:  # closed, for example
                raise InputError(
                    f"the open file cannot be read ({error})", advice="Give its path, or its bytes."
                ) from error
            if not isinstance(data, bytes):
                raise InputError("the file is open as text", advice='Open it with mode "rb".')
            return data
        if isinstance(given, str | os.PathLike):
            return self._read_file(Path(given))
        raise InputError(
            f"{self.kind} cannot be a {type(given).__name__}",
            advice="Give a path, an address, bytes, or an open file.",
        )

    def _read_file(self, path: Path) -> bytes:
        try:
            if path.is_dir():
                raise InputError(f"{path} is a folder", advice="Give the files in it one by one.")
            if path.exists() and not path.is_file():
                raise InputError(f"{path} is not a regular file")
            if path.stat().st_size > MOST_BYTES:
                raise self._too_large(path.stat().st_size)
            return path.read_bytes()
        except InputError:
            raise
        except FileNotFoundError:
            raise InputError(f"there is no file {path}", advice="Check the path.") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            raise InputError(f"cannot read {path} ({getattr(error, 'strerror', None) or error})") from error

    def _too_large(self, size: int) -> InputError:
        return InputError(f"{self.name} has {size / 1e6:.0f} MB; the most is {MOST_BYTES / 1e6:.0f} MB")


def not_a(kind: str, name: str, data: bytes) -> InputError:
    """Return the error about bytes that are not of the expected kind; it says how they begin or what they may be."""
    begin = data[:BEGINNING].removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.match(rb"<(!doctype\s+html|html|head|body)", begin, re.IGNORECASE):
        first = begin[:9].decode("ascii", "replace")
        return InputError(f"{name} is not {kind}; it begins with {first!r}: a web page saved under that name?")
    what = next((text for mark, text in OTHER_KINDS if mark.match(begin)), None)
    if what:
        return InputError(f"{name} is not {kind} but {what}", advice="Convert it, or give another file.")
    beginning = data[:12].decode("latin-1")
    return InputError(f"{name} is not {kind} that is known here; it begins with {beginning!r}")


BEGINNING = 2_000
"""How many bytes are looked at to recognise the kind of a file."""
OTHER_KINDS = tuple(
    (re.compile(mark, re.DOTALL | re.IGNORECASE), what)
    for mark, what in (
        (rb"%PDF-", "a PDF"),
        (rb"<[?!s].*?<svg\b|<svg\b", "an SVG drawing"),
        (rb"PK\x03\x04", "a ZIP archive or an Office document"),
        (rb"\x1f\x8b", "a gzip archive"),
        (rb"....ftyp", "a video or an MP4 recording"),
        (rb"\x1a\x45\xdf\xa3", "a Matroska or WebM recording"),
        (rb"RIFF....WAVE|fLaC|OggS|ID3", "a recording"),
        (rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP", "a picture"),
        (rb"[{\[]\s*[\"\]}]", "JSON"),
    )
)
