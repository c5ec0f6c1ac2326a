"""Define the voices that can speak a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloudai.models.base import Many, Model
from cloudai.table import Table

__all__ = ["Voice", "Voices"]


class Voice(Model):
    """A voice of a provider, which `text_to_speech` takes by its name as ``voice=``."""

    name: str
    languages: tuple[str, ...] = ()
    """The languages that it speaks, in BCP-47; the first is the one that it was made for."""
    gender: str | None = None
    """ "female", "male" or "neutral", as the provider says; None if it does not."""
    kind: str | None = None
    """The provider's word for how the voice is made: "Neural", "Wavenet", "Chirp3-HD", "Natural" …"""
    rate: int | None = None
    """The usual sample rate, in samples a second."""


class Voices(Many[Voice]):
    """The voices of a provider. It iterates over them, and prints them as a table."""

    voices: tuple[Voice, ...] = ()

    def _items(self) -> Sequence[Voice]:
        return self.voices

    def _columns(self) -> Sequence[str]:
        return ("name", "languages", "gender", "kind", "rate")

    def _rows(self) -> list[dict[str, Any]]:
        return [{**voice.model_dump(), "languages": " ".join(voice.languages)} for voice in self.voices]

    def __str__(self) -> str:
        return str(Table(self._rows(), self._columns()).filled()) if self.voices else "no voices"
