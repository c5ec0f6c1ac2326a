"""Convert requests and replies to the form that is written down, without keys, tokens and uploads."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from cloudai.core.flow import Blob, File, Request, Response
from cloudai.core.redaction import REDACTED, Allowlist, Params, Secrets, address, without_credentials
from cloudai.testing._samples import LARGEST, sample_in, sample_of, sampled

__all__ = ["asked", "content", "request_facts", "response_facts", "token_reply"]

ENDPOINT = "https://{endpoint}"
"""The text that stands in an address for the endpoint of the user's own resource."""

TOKEN_FIELDS = frozenset({"error", "expiration", "expires_in", "expires_on", "ext_expires_in", "token_type"})
"""Fields of a token reply that are no secret; without them a replay would have no usable token."""


def asked(request: Request) -> dict[str, Any]:
    """Return a request as plain JSON, to be compared with another.

    An upload is replaced by the digest of the input as given, and is never loaded. The parameters still have their
    secret values, which are withheld where requests are compared or written.
    """
    whole = request.url
    if request.endpoint and whole.startswith(request.endpoint):
        whole = ENDPOINT + whole.removeprefix(request.endpoint)
    url, query = address(whole)
    facts: dict[str, Any] = {"method": request.method.upper(), "url": url}
    params: Params = {**query, **{name: _as_text(value) for name, value in request.params.items()}}
    bodies = {
        "params": params or None,
        "body": request.json,
        "upload": request.content,
        "form": request.form,
        "files": request.files,
    }
    facts |= {part: _plain(value) for part, value in bodies.items() if value is not None}
    if not request.credentials:
        # A request for a token consists of secrets, whatever its fields are called.
        facts |= {p: _withheld(facts[p], ()) for p in ("body", "upload", "form", "files") if p in facts}
        facts["credentials"] = False
    return facts


def _as_text(value: Any) -> str | list[str]:
    """Return the value of a parameter as a text, or as several where the parameter is repeated."""
    return list(map(str, value)) if isinstance(value, list | tuple) else str(value)


def request_facts(request: Request, harmless: Allowlist) -> dict[str, Any]:
    """Return a request as it is written down: as `asked` does, with harmless headers and the sizes of uploads.

    Uploads are loaded for their sizes. Parameters and form fields that are not harmless are left without a value.
    """
    facts = asked(request)
    for part in ("params", "form"):
        if part in facts:
            facts[part] = harmless.kept_params(facts[part])
    if headers := harmless.kept_headers(request.headers):
        facts["headers"] = headers
    if request.credentials:
        sizes = dict(_sizes([request.json, request.content, request.files]))
        facts |= {p: _sized(facts[p], sizes) for p in ("body", "upload", "files") if p in facts}
    return facts


def _plain(value: Any) -> Any:
    """Return a value as the JSON that the service reads, with a digest in place of every upload.

    Keys become texts and tuples become lists.
    """
    match value:
        case Blob() | File() | bytes():
            return _digest(value)
        case str():
            return without_credentials(value)
        case Mapping():
            return {_key(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case None | bool() | int() | float():
            return value
        case _:
            return json.loads(json.dumps(value))  # a TypeError here means that the request could not be sent either


def _digest(upload: Blob | File | bytes) -> Any:
    """Return the digest of an upload, or the content of a form field that is JSON, which is no upload."""
    if isinstance(upload, File) and upload.name is None and isinstance(upload.content, bytes):
        return _plain(json.loads(upload.content))
    if isinstance(upload, bytes):
        return {"sha256": sha256(upload).hexdigest(), "size": len(upload)}
    if isinstance(upload, Blob):
        return {"sha256": upload.key, "media_type": upload.media_type}
    # The file's name is left out, because it may be a person's.
    return {**_digest(upload.content), "media_type": upload.media_type}


def _key(key: Any) -> str:
    # The JSON encoder decides how a number or None is spelt as a key.
    return key if isinstance(key, str) else next(iter(json.loads(json.dumps({key: 0}))))


def _sizes(value: Any) -> Iterator[tuple[str, int]]:
    match value:
        case Blob():
            yield value.key, len(value.data)
        case File():
            yield from _sizes(value.content)
        case Mapping():
            for inner in value.values():
                yield from _sizes(inner)
        case list() | tuple():
            for inner in value:
                yield from _sizes(inner)


def _sized(value: Any, sizes: Mapping[str, int]) -> Any:
    """Return the value with the number of bytes that were sent beside each digest, which is not compared."""
    match value:
        case {"sha256": str(key), **rest} if key in sizes and rest.keys() <= {"media_type"}:
            return {"sha256": key, "size": sizes[key], **rest}
        case dict():
            return {name: _sized(inner, sizes) for name, inner in value.items()}
        case list():
            return [_sized(inner, sizes) for inner in value]
        case _:
            return value


def response_facts(
    response: Response, harmless: Allowlist, secrets: Secrets, *, token: bool, largest: int = LARGEST
) -> dict[str, Any]:
    """Return a reply as it is written down, without any token.

    Args:
        response: The reply.
        harmless: The headers that may be written down.
        secrets: Values that are withheld before a sample is taken of what is too large.
        token: True if the reply is to a request for a token.
        largest: Bytes of the largest piece that is written down whole; of a larger one a sample is.
    """
    facts: dict[str, Any] = {"status": response.status, "headers": harmless.kept_headers(response.headers)}
    if response.content:
        body = _body(response.content, largest)
        if token:
            body = _withheld(body, TOKEN_FIELDS)
        elif _keys(body) != {"base64"}:
            # A key at the end of a sample would be cut off there, and its beginning would be known by nobody for a key.
            body = sampled(secrets.withheld(_cleaned(body)), largest)
        facts["body"] = body
    return facts


def token_reply(response: Response) -> Any:
    """Return the part of a token reply that is not written down, such as the token itself, as JSON."""
    body = _body(response.content) if response.content else None
    return {k: v for k, v in body.items() if k not in TOKEN_FIELDS} if isinstance(body, dict) else body


def content(body: Any) -> bytes:
    """Return the bytes of a written body: JSON, text or ``{"base64": …}``; raise ValueError if that is not base64."""
    match body:
        case None:
            return b""
        case str():
            return body.encode("utf-8", "surrogatepass")
        case {"base64": str(encoded), **rest} if not rest:
            return base64.b64decode(encoded, validate=True)
        case _:
            return json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _body(data: bytes, largest: int = LARGEST) -> Any:
    """Return a body as JSON if it can be read back unchanged, else as text, else as base64 or as a sample."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()} if len(data) <= largest else sample_of(data)
    try:
        value = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_unique)
        # Python reads NaN and Infinity, which JSON does not have; a body with one of them is kept as text.
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return text
    # A cassette writes no body as null, a text as a string, other bytes as {"base64": …}, and a sample as {"cut": …}.
    means_something_else = (
        value is None or isinstance(value, str) or _keys(value) == {"base64"} or sample_in(value) is not None
    )
    return text if means_something_else else value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Python would keep only the last of two fields with one name.
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a name occurs twice")
    return fields


def _keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, dict) else set()


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return without_credentials(value)
        case dict():
            return {key: _cleaned(inner) for key, inner in value.items()}
        case list():
            return [_cleaned(inner) for inner in value]
        case _:
            return value


def _withheld(value: Any, kept: frozenset[str] | tuple[()]) -> Any:
    """Return the value with "REDACTED" for every text, except in the fields that are kept."""
    match value:
        case str():
            return REDACTED
        case dict():
            return {
                key: inner if key in kept and not isinstance(inner, dict | list) else _withheld(inner, kept)
                for key, inner in value.items()
            }
        case list():
            return [_withheld(inner, kept) for inner in value]
        case _:
            return value
