"""A `Setting` says where a setting of a provider is looked up, and a `Lookup` what its value is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Lookup", "Resource", "Setting", "lookup_in"]


@dataclass(frozen=True)
class Setting:
    """One setting of a provider, and the environment variables it is read from: the first one that is set counts."""

    name: str
    env: tuple[str, ...]
    secret: bool = False
    purpose: str = ""


@dataclass(frozen=True)
class Lookup:
    """The value of a setting and where it comes from: "VISION_KEY", "given in code", a file."""

    value: str = field(repr=False)
    where: str


@dataclass(frozen=True)
class Resource:
    """One service of a vendor: its key (at IBM the API key), and its endpoint (at IBM the URL) or its region.

    Example:
        >>> Resource("not-a-real-key", "https://my-vision.cognitiveservices.azure.com")
        Resource(key='…', endpoint='https://my-vision.cognitiveservices.azure.com')
    """

    key: str | None = None
    endpoint: str | None = None
    region: str | None = None

    def __repr__(self) -> str:
        shown = {"key": "…" if self.key else None, "endpoint": self.endpoint, "region": self.region}
        return f"Resource({', '.join(f'{name}={value!r}' for name, value in shown.items() if value)})"


def lookup_in(setting: Setting, source: tuple[str, Mapping[str, str]]) -> Lookup | None:
    """Return the value of the first variable of a setting that is set in a source, or None where none is."""
    where, values = source
    for variable in setting.env:
        if value := values.get(variable, "").strip():
            return Lookup(value, variable + where)
    return None
