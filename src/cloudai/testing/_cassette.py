"""Define cassettes: the file, and the exchanges in it."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from cloudai.core.flow import Response
from cloudai.core.redaction import Secrets
from cloudai.errors import ReplayError
from cloudai.testing._samples import sample_in
from cloudai.testing._written import content

__all__ = ["Asked", "Cassette", "Exchange", "Kind", "PathLike", "Reply"]

PathLike: TypeAlias = str | os.PathLike[str]
Kind: TypeAlias = Literal["recorded", "constructed", "official-example", "documented"]

VERSION = 2
"""The newest version of the file. Version 2 may hold samples in place of what was too large; a cassette without any is
written as version 1, which earlier releases read."""


class _Part(BaseModel):
    # A misspelt field in a cassette that was written by hand must not be ignored.
    model_config = ConfigDict(frozen=True, extra="forbid")


class Asked(_Part):
    """The request of an exchange. "REDACTED" in it matches any value, and also a missing one."""

    method: str
    url: str
    params: dict[str, str | list[str]] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers that a reader may want to know: requests are not compared by them."""
    body: Any = None
    """The body as JSON, with ``{"sha256", "size", "media_type"}`` in place of every upload."""
    upload: Any = None
    """The digest of a body that is not JSON."""
    form: dict[str, str | list[str]] | None = None
    files: dict[str, Any] | str | None = None
    credentials: bool = True
    """False for a request for a token, which may be asked any number of times on replay, or never."""


class Reply(_Part):
    """The reply of an exchange."""

    status: int = Field(ge=100, le=999)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    """The body: JSON or text as it is, anything else as ``{"base64": …}``.

    In place of bytes, or of a text inside of JSON, that were too large there is ``{"cut": {"sha256", "size",
    "sample"}}``: the digest and the number of the bytes, and the first of them.
    """

    @field_validator("body")
    @classmethod
    def _has_content(cls, body: Any) -> Any:
        content(body)
        return body


class Exchange(_Part):
    """One request and its reply, and their origin."""

    kind: Kind
    source: str | None = None
    name: str | None = None
    note: str | None = None
    request: Asked
    response: Reply

    def reply(self) -> Response:
        """Return the reply as if it came from the network.

        Raises:
            ReplayError: Only a sample of it was kept.
        """
        kept = self.response
        if (cut := sample_in(kept.body)) is not None:
            # A reply that is made up of a sample would be another one than was recorded, and tests would believe it.
            raise ReplayError(
                f"of the reply to {self.request.method} {self.request.url} only a sample was kept, of {cut['size']:,} "
                "bytes",
                advice=f"Record it anew with largest={cut['size']}, which keeps it whole.",
            )
        return Response(kept.status, kept.headers, content(kept.body), replayed=True)

    def plain(self) -> dict[str, Any]:
        """Return the exchange as JSON, without the fields that were not given."""
        return self.model_dump(exclude_unset=True)


@dataclass
class Cassette:
    """The exchanges of one file, in order.

    Args:
        exchanges: The requests with their replies.
        path: The file that they come from.
        match: False gives the replies in order, whatever the requests are, for replies whose requests were not
            kept. It is False for a file of a single exchange, and for one that is a list of exchanges.

    Example:
        >>> reply = {"status": 200, "body": {"score": 0.9}}
        >>> request = {"method": "POST", "url": "https://mood.example/v1", "body": {"text": "좋아요"}}
        >>> exchange = Exchange(kind="constructed", request=request, response=reply)
        >>> Cassette([exchange]).exchanges[0].reply().json()
        {'score': 0.9}
    """

    exchanges: list[Exchange] = field(default_factory=list)
    path: Path | None = None
    match: bool = True

    @classmethod
    def load(cls, path: PathLike) -> Cassette:
        """Read a cassette, a file of one exchange, or a file that is a list of exchanges.

        Raises:
            ReplayError: There is no such file, it is none of these, or a later version of cloudai wrote it.
        """
        data = _read(path)
        match data:
            # A later version is recognised before the shape is looked at, because that may be another.
            case {"version": int(version)} if version > VERSION:
                raise ReplayError(
                    f"{path} is a cassette of version {version}; this cloudai reads {VERSION}",
                    advice="Upgrade cloudai.",
                )
            case {"version": 1 | 2, "exchanges": list(exchanges), **rest} if rest.keys() <= {"match"}:
                matching = rest.get("match", True)
            case {"request": _, "response": _}:
                exchanges, matching = [data], False
            case list():
                exchanges, matching = data, False
            case _:
                _refuse(path, 'it does not have the shape {"version": 1, "exchanges": […]}')
        if not isinstance(matching, bool):
            _refuse(path, "match is true or false")
        return cls([_exchange(path, i, each) for i, each in enumerate(exchanges, 1)], Path(path), match=matching)

    def save(self, path: PathLike, *, secrets: Iterable[str] = ()) -> None:
        """Write the cassette to a file that only its owner can read, because it holds replies.

        The file is written as a whole or not at all.

        Args:
            path: The file; one that exists is replaced.
            secrets: Values that must not be in the file.

        Raises:
            ReplayError: One of the secrets is in the cassette, in plain, base64 or URL spelling, or the file cannot
                be written. An older file is still as it was.
        """
        self.write(path, Secrets(secrets))

    def write(self, path: PathLike, secrets: Secrets) -> None:
        """Write the cassette as `save` does, with secrets that are prepared for searching."""
        text = self._text(path)
        # The secrets were withheld one by one before; here the text is searched as a whole, as it would stand in the
        # file.
        if secrets.occur_in(text):
            raise ReplayError(
                f"a secret would have been written to {path}",
                advice="See where the service repeats the key; nothing was written.",
            )
        try:
            # A lone surrogate has no bytes in UTF-8, but JSON has an escape for it.
            _replace(Path(path), text.encode("utf-8", "backslashreplace"))
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            raise ReplayError(
                f"cannot write {path} ({getattr(error, 'strerror', None) or error})", advice="Choose another place."
            ) from error

    def _text(self, path: PathLike) -> str:
        has_samples = any(sample_in(exchange.response.body) is not None for exchange in self.exchanges)
        data: dict[str, Any] = {"version": VERSION if has_samples else 1}
        if not self.match:
            data["match"] = False
        data["exchanges"] = [exchange.plain() for exchange in self.exchanges]
        try:
            return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        except (ValueError, TypeError, RecursionError) as error:
            raise ReplayError(f"cannot write {path}: an exchange is not JSON ({error})") from error


def _replace(target: Path, data: bytes) -> None:
    # The file takes its name when it is complete: a crash leaves no half-written cassette.
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _read(path: PathLike) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ReplayError(
            f"there is no cassette {path}", advice="Record it first: cloudai.testing.recording."
        ) from None
    except OSError as error:
        _refuse(path, error.strerror or str(error), error)
    except (ValueError, RecursionError) as error:
        _refuse(path, f"it is not JSON: {error}", error)


def _exchange(path: PathLike, number: int, data: Any) -> Exchange:
    try:
        return Exchange.model_validate(data)
    except ValidationError as error:
        # The input is left out of the error, because it may hold what a service replied.
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        _refuse(path, f"exchange {number}, {where}: {first['msg']}", error)


def _refuse(path: PathLike, why: str, cause: Exception | None = None) -> NoReturn:
    why = " ".join(why.split())
    raise ReplayError(f"{path} is no cassette: {why}", advice="Record it anew, or mend it by hand.") from cause
