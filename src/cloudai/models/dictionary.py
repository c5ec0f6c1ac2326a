"""Define the result of `dictionary`: what a dictionary of two languages says of a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from cloudai.models.base import Many, Model, UnitFloat

__all__ = ["Dictionary", "Meaning", "Reverse", "Usage"]


class Reverse(Model):
    """A word of the source language that has the same meaning; ``frequency`` counts how often the two go together."""

    text: str
    frequency: int | None = Field(default=None, ge=0)


class Usage(Model):
    """A sentence with the word, and the same sentence in the other language.

    ``source_word`` and ``target_word`` are the word and its translation in the form that they have in the sentences.
    """

    source: str
    target: str
    source_word: str
    target_word: str


class Meaning(Model):
    """One translation of a word.

    ``part_of_speech`` is the vendor's word for it ("NOUN", "VERB" …), ``prefix`` what stands before the translation in
    the other language, for example an article.
    """

    text: str
    part_of_speech: str | None = None
    confidence: UnitFloat | None = None
    prefix: str | None = None
    back_translations: tuple[Reverse, ...] = ()
    examples: tuple[Usage, ...] | None = None
    """Sentences that use the word with this meaning; None where they were not asked for."""


class Dictionary(Many[Meaning]):
    """The entry of a word in a dictionary. Iterating over it yields the meanings; an unknown word has none."""

    word: str
    source: str
    to: str
    meanings: tuple[Meaning, ...] = ()

    def _items(self) -> Sequence[Meaning]:
        return self.meanings

    def _columns(self) -> Sequence[str]:
        return (
            *("word", "rank", "text", "part_of_speech", "confidence", "back_translations"),
            *("example", "example_translated", "source", "to"),
        )

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "rank": rank,
                "text": meaning.text,
                "part_of_speech": meaning.part_of_speech,
                "confidence": meaning.confidence,
                "back_translations": ", ".join(each.text for each in meaning.back_translations) or None,
                # A table has room for one sentence; the others stand in the result.
                "example": meaning.examples[0].source if meaning.examples else None,
                "example_translated": meaning.examples[0].target if meaning.examples else None,
                **self._nothing(),
            }
            for rank, meaning in enumerate(self.meanings)
        ]

    def _nothing(self) -> dict[str, Any]:
        return {"word": self.word, "source": self.source, "to": self.to}
