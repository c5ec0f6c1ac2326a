"""The operations by name: what each takes, what it gives, and its options with their defaults.

The clients spell each operation out (``client.py``); a batch has only its name.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from cloudai.errors import InputError, SettingsError
from cloudai.flow import Flow
from cloudai.media import Audio, Image
from cloudai.models.base import Result
from cloudai.models.face import Ages, Faces
from cloudai.models.image import ImageAnalysis, Text
from cloudai.models.speech import Speech, Transcript
from cloudai.models.text import KeyPhrases, Language, Sentiment, Translation
from cloudai.provider import Provider

__all__ = [
    "RESULTS",
    "SHARED",
    "Given",
    "chosen",
    "complete",
    "digest_of",
    "flow_of",
    "given_as",
    "recalled",
    "require_operation",
    "require_seconds",
    "require_text",
]

Given = Image | Audio | str

RESULTS: Mapping[str, type[Result]] = MappingProxyType(
    {
        "analyze_image": ImageAnalysis,
        "detect_faces": Faces,
        "estimate_age": Ages,
        "read_text": Text,
        "sentiment": Sentiment,
        "detect_language": Language,
        "key_phrases": KeyPhrases,
        "translate": Translation,
        "speech_to_text": Transcript,
        "text_to_speech": Speech,
    }
)
SOURCES: Mapping[str, type[Image | Audio]] = MappingProxyType(
    dict.fromkeys(("analyze_image", "detect_faces", "estimate_age", "read_text"), Image) | {"speech_to_text": Audio}
)
"""What the input is taken for; of the other operations it is a text."""
SHARED = ("timeout", "extra", "extra_params", "extra_headers")
"""Options of every call; see `CallOptions`."""


def require_operation(operation: str) -> None:
    """SettingsError, listing those there are, for a name that is no operation."""
    if operation not in RESULTS:
        raise SettingsError(f"{operation!r} is no operation", advice=f"Known: {', '.join(RESULTS)}.")


def given_as(operation: str, given: Any) -> Given:
    """An input as the operation takes it; InputError where it is empty, or no text."""
    kind = SOURCES.get(operation)
    if kind is None:
        return require_text(given)
    return given if isinstance(given, kind) else kind(given)


def require_seconds(timeout: Any) -> None:
    """SettingsError for what is no time that a call may take; None is the usual one."""
    known = timeout is None or (isinstance(timeout, int | float) and not isinstance(timeout, bool))
    if not known or not (timeout is None or 0 < timeout < math.inf):
        raise SettingsError(f"timeout={timeout!r}", advice="Give seconds, more than 0.")


def require_text(text: Any) -> str:
    """The text, or InputError where there is none: every vendor refuses that, and some fail the whole request."""
    if not isinstance(text, str):
        raise InputError(f"a text is a str, not {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text holds half a character (at {error.start})", advice="Read the file with its right encoding."
        ) from None
    if not text.strip():
        raise InputError("the text is empty", advice="Leave blank lines out.")
    return text


def digest_of(given: Given) -> str:
    """sha256 (hex) of an input as given: what it is known by."""
    return sha256(given.encode("utf-8", "surrogatepass")).hexdigest() if isinstance(given, str) else given.key


def recalled(operation: str, name: str, key: str, memory: Mapping[str, Any]) -> Given | None:
    """The input of which only this is known; None for a text, which is not kept."""
    kind = SOURCES.get(operation)
    return kind.recalled(name, key, memory) if kind and memory else None


@cache
def _defaults(operation: str) -> Mapping[str, Any]:
    from cloudai.client import Client

    parameters = inspect.signature(getattr(Client, operation)).parameters.values()
    return MappingProxyType({p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY})


def complete(operation: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the defaults of those that are not given; SettingsError for a wrong or a missing one."""
    defaults = _defaults(operation)
    if unknown := [name for name in options if name not in (*defaults, *SHARED)]:
        known = ", ".join((*defaults, *SHARED))
        raise SettingsError(f"{operation} has no option {', '.join(unknown)}", advice=f"It has: {known}.")
    chosen = {**defaults, **{name: value for name, value in options.items() if name in defaults}}
    if lacking := [name for name, value in chosen.items() if value is inspect.Parameter.empty]:
        raise SettingsError(f"{operation} needs {', '.join(lacking)}", advice=f"Give options={{{lacking[0]!r}: …}}.")
    return chosen


def chosen(operation: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are not as by default: a default that is new must not make a paid call look unpaid."""
    defaults = _defaults(operation)
    return {
        name: value
        for name, value in sorted(options.items())
        if name != "timeout" and not (name in defaults and value == defaults[name])
    }


def flow_of(provider: Provider, operation: str, given: Given, options: Mapping[str, Any]) -> Flow[Any]:
    """The provider's flow for an input, its options complete."""
    flow: Flow[Any] = getattr(provider, operation)(given, **options)
    return flow
