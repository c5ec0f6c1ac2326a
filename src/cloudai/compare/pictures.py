"""A `Captions` and an `Objects` say how two answers agree on what is in a picture: by a sentence, or by things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudai.compare import statistics as numbers
from cloudai.compare.matching import head_word, matches, normal, words_of
from cloudai.compare.measures import Boxed, Measure, Row, Texts, found_rates, total
from cloudai.models.base import Box, Result

__all__ = ["Captions", "Objects"]

# Without this list two captions would agree by "a" and "of" alone.
FUNCTION_WORDS = frozenset(
    word
    for line in (
        "a an the this that these those and or but of in on at by with without from to into onto over under near next",
        "beside behind between up down out off for as is are was were be being been it its his her their there has",
        "have while who which some 그리고 및 또는 그 이 저 한 있는 있다 있습니다 하는 하고 위에 옆에 앞에 뒤에 안에",
    )
    for word in line.split(" ")
)
"""Words of English and Korean that say nothing of what is in a picture."""


def content_words(text: str) -> list[str]:
    """Return the words of a caption that say what is in the picture, each once."""
    return list(dict.fromkeys(word for word in words_of(text) if word not in FUNCTION_WORDS))


class Captions(Texts):
    """Captions, which are compared as texts are, and by the words that both have, in whatever order."""

    method = (
        "Captions are compared by characters and by words as other texts are, and by their content words: all but "
        "articles, prepositions and the like, each once, in any order. Agreement by content is twice the words in "
        "common over the words of both. Two captions may say the same in other words."
    )

    def of(self, result: Result) -> str | None:
        """Return the caption; None if there is none, because the provider did not write one."""
        caption = result.caption  # type: ignore[attr-defined]
        return None if caption is None else str(caption.text)

    def row(self, one: str, other: str) -> Row:
        """Return how many characters and words differ, and how many content words both have."""
        words = [set(content_words(text)) for text in (one, other)]
        same, said = len(words[0] & words[1]), len(words[0]) + len(words[1])
        # Two captions without a content word differ in nothing that is counted here.
        row = {"content": said, "matched_content": same, "agreement_content": 2 * same / said if said else 1.0}
        return super().row(one, other) | row

    def matched(self, one: str, other: str) -> list[Row]:
        """Return one row with both captions, the words in common, and those of one alone."""
        words = [content_words(text) for text in (one, other)]
        row = {
            "in_common": " ".join(word for word in words[0] if word in words[1]),
            "only_one": " ".join(word for word in words[0] if word not in words[1]),
            "only_other": " ".join(word for word in words[1] if word not in words[0]),
        }
        return [{"text_one": one, "text_other": other, **row}]

    def pair(self, rows: Sequence[Row]) -> Row:
        """Return the characters and words that differ, and the content words in common, over all pictures."""
        said, same = total(rows, "content"), total(rows, "matched_content")
        return super().pair(rows) | {
            "matched_content": int(same),
            "agreement_content": 2 * same / said if said else 1.0,
        }

    def against(self, answers: Sequence[tuple[str, str]]) -> Row:
        """Return the error rates of texts, and precision and recall of the content words."""
        words = [(set(content_words(said)), set(content_words(true))) for said, true in answers]
        rates = found_rates([(len(said & true), len(said), len(true)) for said, true in words])
        return super().against(answers) | rates

    def shown(self, answer: str) -> str:
        """Return the caption as it is."""
        return answer

    def things(self, answer: str) -> list[Boxed]:
        """Return the content words."""
        return [Boxed(word) for word in content_words(answer)]


class Objects(Measure[list[Boxed]]):
    """Things in a picture with their boxes, which are matched by name and by overlap.

    Args:
        least: The least intersection over union of two boxes of the same thing.
    """

    has_boxes = True

    def __init__(self, least: float) -> None:
        self.least = least
        self.method = (
            f"Two objects are the same where the intersection of their boxes over the union is {least:g} or more, the "
            "largest first, and their names are the same, whatever their case; by head word also “sports car” and "
            "“car”; by boxes whatever the names. Agreement is twice the objects in common over those of both."
        )

    def of(self, result: Result) -> list[Boxed] | None:
        """Return the objects that have a box; None if the provider was not asked for objects, or has none to offer."""
        objects = result.objects  # type: ignore[attr-defined]
        return None if objects is None else [Boxed(normal(thing.name), thing.box) for thing in objects if thing.box]

    def given(self, rows: Sequence[Mapping[str, Any]]) -> list[Boxed]:
        """Return the objects of ``name``, ``x``, ``y``, ``width`` and ``height``; a row with an empty x is none."""
        names = ("x", "y", "width", "height")
        return [
            Boxed(normal(str(row["name"])), Box.model_validate({name: float(row[name]) for name in names}))
            for row in rows
            if row["x"] not in (None, "")
        ]

    def _matches(self, one: list[Boxed], other: list[Boxed], spelled: Any = str) -> list[tuple[int, int, float]]:
        """Return the objects in common as their numbers and their overlap; ``spelled`` makes names alike."""
        same_things = []
        # Boxes are matched within one name, because a cup on a table overlaps with the table.
        for name in dict.fromkeys(spelled(thing.name) for thing in one):
            numbered = [[n for n, thing in enumerate(each) if spelled(thing.name) == name] for each in (one, other)]
            boxes = [[each[n].box for n in some] for each, some in zip((one, other), numbered, strict=True)]
            same = matches(boxes[0], boxes[1], self.least)  # type: ignore[arg-type]
            same_things += [(numbered[0][i], numbered[1][j], share) for i, j, share in same]
        return sorted(same_things)

    def row(self, one: list[Boxed], other: list[Boxed]) -> Row:
        """Return how many objects both have, by name, by head word, and by their boxes alone."""
        both, n = self._matches(one, other), len(one) + len(other)
        row: Row = {"n_one": len(one), "n_other": len(other), "matched": len(both)}
        row |= {"only_one": len(one) - len(both), "only_other": len(other) - len(both)}
        row |= {"agreement": 2 * len(both) / n if n else 1.0, "overlap": numbers.mean([share for *_, share in both])}
        for kind, spelled in (("heads", head_word), ("boxes", _any_name)):
            same = len(self._matches(one, other, spelled))
            row |= {f"matched_{kind}": same, f"agreement_{kind}": 2 * same / n if n else 1.0}
        return row

    def matched(self, one: list[Boxed], other: list[Boxed]) -> list[Row]:
        """Return a row for each object, with both names and boxes where there are two boxes of the same thing."""
        # The table shows what two providers call the same box, so the names are left out of the match.
        both = self._matches(one, other, _any_name)
        firsts, seconds = {i for i, _, _ in both}, {j for _, j, _ in both}
        rows: list[tuple[int | None, int | None, float | None]] = [*both]
        rows += [(i, None, None) for i in range(len(one)) if i not in firsts]
        rows += [(None, j, None) for j in range(len(other)) if j not in seconds]
        return [_object_row(one, other, i, j, share) for i, j, share in rows]

    def pair(self, rows: Sequence[Row]) -> Row:
        """Return the objects in common over all pictures."""
        counts = ("n_one", "n_other", "matched", "only_one", "only_other", "matched_heads", "matched_boxes")
        row: Row = {name: int(total(rows, name)) for name in counts}
        said = row["n_one"] + row["n_other"]
        for end in ("", "_heads", "_boxes"):
            row[f"agreement{end}"] = 2 * row[f"matched{end}"] / said if said else 1.0
        # The mean overlap of a picture counts once for each of its matches, so that one with a single match weighs
        # less.
        shared = sum((each["overlap"] or 0) * each["matched"] for each in rows)
        return row | {"overlap": numbers.ratio(shared, row["matched"])}

    def against(self, answers: Sequence[tuple[list[Boxed], list[Boxed]]]) -> Row:
        """Return precision and recall of the objects, by name and overlap."""
        return found_rates([(len(self._matches(said, true)), len(said), len(true)) for said, true in answers])

    def things(self, answer: list[Boxed]) -> list[Boxed]:
        """Return the objects."""
        return answer

    def alike(self, one: Boxed, other: Boxed) -> float:
        """Return the overlap of two objects of one name; 0 for other names."""
        return one.box.overlap(other.box) if one.box and other.box and one.name == other.name else 0.0


def _any_name(_: str) -> str:
    """Return the same for all names, so that only boxes count."""
    return ""


def _object_row(one: Sequence[Boxed], other: Sequence[Boxed], i: int | None, j: int | None, share: Any) -> Row:
    row: Row = {"overlap": share}
    for end, things, number in (("one", one, i), ("other", other, j)):
        thing = things[number] if number is not None else Boxed()
        row |= {f"object_{end}": number, f"name_{end}": thing.name or None}
        row |= {f"{name}_{end}": getattr(thing.box, name, None) for name in ("x", "y", "width", "height")}
    return row
