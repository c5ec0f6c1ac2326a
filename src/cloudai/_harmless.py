"""What may be written down: the lists of harmless names, and addresses without their credentials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

__all__ = [
    "HEADERS",
    "PARAMETERS",
    "REDACTED",
    "Harmless",
    "Params",
    "address",
    "names_a_credential",
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
class Harmless:
    """The names whose values may be written down: the usual ones, and those the user adds."""

    headers: frozenset[str] = HEADERS
    params: frozenset[str] = PARAMETERS

    @classmethod
    def with_more(cls, headers: Iterable[str] = (), params: Iterable[str] = ()) -> Harmless:
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
