"""Hold an input as the user gave it, with its name and the digest by which it is recognised."""

from __future__ import annotations

import io
import os
import re
import threading
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from cloudai.core.flow import Blob, Fetch, Flow, reading
from cloudai.core.lazy import lazy
from cloudai.core.urls import shown
from cloudai.errors import InputError
from cloudai.media.given import short, understood
from cloudai.media.stored import STORED, read_stored

__all__ = ["FileInput", "Source", "spelled_otherwise"]

F = TypeVar("F")

FileInput = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]

ADDRESS = re.compile(r"^(https?|gs)://", re.IGNORECASE)
FETCH = "Give the file, or let the client fetch it: Client(…, fetch_urls=True)."
MOST_BYTES = 200_000_000
"""The most bytes of an input; a larger file is no photo and no speech that any service accepts."""
BYTES = (bytes, bytearray, memoryview)
"""The types of an input that is in memory."""
LITTLE = 65_536
"""The most bytes of an input whose digest is computed in the event loop."""


class Source:
    """An input as the user gives it: a path, bytes, an open file, or an address. Nothing is read before it is needed.

    Args:
        given: A path; bytes; a file open for reading bytes; or an ``https://`` or ``gs://`` address, which is
            passed on to the vendor, unless the client fetches it (``fetch_urls=``); or an address that is read through
            fsspec, such as ``s3://``, ``gcs://`` or ``abfs://``. An object of any other type raises
            InputError only when its bytes are read.
        name: The input's name; by default the file's name, or the address without what follows "?".
    """

    kind = "file"
    """The expected kind of input, for error messages: "an image", "audio"."""

    def __init__(self, given: Any, *, name: str | None = None) -> None:
        self._name = name
        self.uri: str | None = given if isinstance(given, str) and ADDRESS.match(given) else None
        """The address that the vendor is to fetch; None if the bytes are here."""
        self._given: Any = given if self.uri or not isinstance(given, str) else _understood(given)
        self._address = self.uri
        self._bytes: bytes | None = None
        """The bytes as given, once they are read."""
        self._reading = threading.Lock()
        """Held while the input is read; each input has its own, so that one whose reading hangs stops no other."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_reading"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A copy has a lock of its own, and an input that was pickled has one again.
        vars(self).update(state, _reading=threading.Lock())

    @property
    def name(self) -> str:
        """The file's name, or the address as it may be shown; bytes are named by kind and the start of their digest.

        Nothing is read for the name: an open file without one is named by its kind alone until it is read.
        """
        if (own := self._own_name) is not None:
            return own
        kind = self.kind.split()[-1]
        try:
            return f"{kind}-{self.key[:8]}" if self.is_at_hand else kind
        except InputError:  # there are no bytes to hash, and the call itself will say so
            return kind

    @property
    def path(self) -> str | None:
        """The absolute path that was given; None for an address, bytes, an open file and the like."""
        if isinstance(self._given, bytes):  # most inputs of a program are, and this is asked of each
            return None
        is_path = isinstance(self._given, str | os.PathLike) and not self.uri and not self.is_stored
        return str(Path(self._given).absolute()) if is_path else None

    @lazy
    def _own_name(self) -> str | None:
        """The name that the input has of itself; None for bytes, and for an open file without a name."""
        if self._name:
            return self._name
        if isinstance(self._given, bytes) and not self._address:
            return None
        if self._address or self.is_stored:
            return shown(self._address or self._given)
        path = getattr(self._given, "name", None) if hasattr(self._given, "read") else self._given
        return short(unicodedata.normalize("NFC", Path(path).name)) if isinstance(path, str | os.PathLike) else None

    @property
    def is_at_hand(self) -> bool:
        """True if no file has to be read and no address to be fetched for the bytes."""
        is_here = self._bytes is not None or isinstance(self._given, BYTES) or bool(self._memory)
        return self.uri is None and is_here

    @property
    def is_little(self) -> bool:
        """True if the input is in memory, and so small that its digest takes less time than handing it to a thread."""
        return isinstance(self._given, bytes) and len(self._given) <= LITTLE

    @lazy
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
        with suppress(InputError):
            return self.key if self.is_at_hand else None
        return None

    @property
    def data(self) -> bytes:
        """The bytes as given; they are read when they are first asked for.

        Raises:
            InputError: There are none, they cannot be read, or there are too many; or the input is an address that was
                not fetched (see `fetched`).
        """
        if self._bytes is None:
            with self._reading:
                if self._bytes is None:  # another thread may have read them meanwhile
                    self._bytes = self._checked(self._read())
        return self._bytes

    @data.setter
    def data(self, data: bytes) -> None:
        self._bytes = data

    def _checked(self, data: bytes) -> bytes:
        if not data:
            raise InputError(f"{self._own_name or 'the data'} is empty (0 bytes)")
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
        """Make the bytes ready within the time of the call: read the file, or fetch it from its address.

        A web address is fetched if the client does so (``fetch_urls=``); else the vendor will fetch it.

        Raises:
            InputError: There are no bytes, they cannot be read, or there are too many.
        """
        if self.is_web:
            data = yield Fetch(str(self.uri))
            if data is not None:
                self.data, self.uri = data, None
        elif self.uri is None and not self.is_at_hand:
            yield from reading(self.load)

    def load(self) -> None:
        """Read the file, if that is not done yet.

        Raises:
            InputError: There are no bytes, they cannot be read, or there are too many.
        """
        _ = self.data

    @property
    def is_web(self) -> bool:
        """True if the input is an address that a browser could open too."""
        return self.uri is not None and not self.uri.lower().startswith("gs:")

    @property
    def is_stored(self) -> bool:
        """True if the input is an address that is read through fsspec, such as ``s3://bucket/photo.jpg``."""
        return isinstance(self._given, str) and STORED.match(self._given) is not None

    def facts(self) -> dict[str, Any]:
        """Return the facts about this input that go into `Meta`; each subclass says which."""
        raise NotImplementedError

    _memory: Mapping[str, Any] | None = None
    """The saved facts about an input whose bytes are not here any more."""

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Prepare the input in the way in which an earlier run has, so that its replies fit; see `Audio.remember`.

        Args:
            memory: The facts that `Image.memory` or `Audio.memory` returned in that run.
        """

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
        known = {name: getattr(fitted, name) for name in fitted.__dataclass_fields__ if name != "blob"}
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

    def _read(self) -> bytes:
        given = self._given
        if self.uri is not None:
            raise InputError(f"the bytes of {self.name} are not here: it is an address", advice=FETCH)
        if isinstance(given, InputError):
            # Each call raises an error of its own, because the engine writes the facts of the call into it.
            raise InputError(given.message, advice=given.advice)
        if isinstance(given, bytes):
            return given
        if isinstance(given, bytearray | memoryview):
            return bytes(given)
        if hasattr(given, "read"):
            return _read_open(given)
        if given == "":
            raise InputError("the path is empty", advice="Give a path, an address, bytes, or an open file.")
        if self.is_stored:
            return read_stored(given, self.name, MOST_BYTES)
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
            # Reading a pipe or a device may never come to an end.
            if path.exists() and not path.is_file():
                raise InputError(f"{path} is not a regular file")
            if path.stat().st_size > MOST_BYTES:
                raise self._too_large(path.stat().st_size)
            return path.read_bytes()
        except InputError:
            raise
        except FileNotFoundError:
            if (other := spelled_otherwise(path)) is not None:
                return self._read_file(other)
            raise InputError(f"there is no file {short(str(path))}", advice="Check the path.") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            raise InputError(f"cannot read {short(str(path))} ({getattr(error, 'strerror', None) or error})") from error

    def _too_large(self, size: int) -> InputError:
        what = self._own_name or "the data"  # the name of bytes is their digest, which these do not get
        return InputError(
            f"{what} has {size / 1e6:.1f} MB; the most is {MOST_BYTES / 1e6:.0f} MB", advice="Make it smaller first."
        )


def _understood(text: str) -> str | Path | bytes | InputError:
    """Return the path or the bytes that a text is, or the error that is raised once they are read."""
    try:
        return understood(text)
    except InputError as error:
        return error


def spelled_otherwise(path: Path) -> Path | None:
    """Return the path of the file that is there under the same name in the other form of Unicode; None if none is.

    macOS writes the Hangul of a name in pieces (NFD), and tables have it whole (NFC); other systems tell the two apart.
    Each folder of the path may be spelled in either form.
    """
    if str(path).isascii():
        return None
    there = Path(path.anchor)
    with suppress(OSError, ValueError):  # a form is too long for the disk, or the name holds a NUL
        for part in path.relative_to(path.anchor).parts:
            forms = (there / form for form in (part, *(unicodedata.normalize(form, part) for form in ("NFC", "NFD"))))
            known = next((form for form in forms if form.exists()), None)
            if known is None:
                return None
            there = known
        return there if there != path and there.is_file() else None
    return None


def _read_open(file: Any) -> bytes:
    """Return what an open file has from its position on, or all of it if it was read to its end before."""
    try:
        data = _up_to_the_most(file)
        if data == b"" and file.seekable() and file.tell():
            # The file was just written, or is given a second time, and is read from its beginning.
            file.seek(0)
            data = _up_to_the_most(file)
    except (OSError, ValueError, AttributeError) as error:  # closed, for example
        raise InputError(f"the open file cannot be read ({error})", advice="Give its path, or its bytes.") from error
    if not isinstance(data, bytes):
        raise InputError("the file is open as text", advice='Open it with mode "rb".')
    return data


def _up_to_the_most(file: Any) -> Any:
    # A file that has no end must not fill the memory. Only buffered files return all that they have been asked for.
    return file.read(MOST_BYTES + 1) if isinstance(file, io.BufferedIOBase) else file.read()


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
