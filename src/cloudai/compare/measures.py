"""A `Measure` says how two answers to one input agree, and how one answer agrees with a reference.

There is one for each kind of result: boxes of faces, sets of words, texts, and labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cloudai.compare import statistics as numbers
from cloudai.compare.matching import distance, head_word, matches, normal, shared_years
from cloudai.errors import InputError
from cloudai.models.base import Box, Result

__all__ = ["Boxed", "Faces", "Labels", "Measure", "Row", "Texts", "Words", "found_rates", "total"]

T = TypeVar("T")

Row = dict[str, Any]


class Measure(Generic[T]):
    """How answers of one kind are compared. ``T`` is what is taken out of a result."""

    method: str
    """How it is done, in a sentence."""

    has_boxes = False
    """Whether the things have boxes, to be drawn on the picture."""

    def of(self, result: Result) -> T | None:
        """Return what is compared of a result; None if the result says nothing of it."""
        raise NotImplementedError

    def given(self, rows: Sequence[Mapping[str, Any]]) -> T:
        """Return what the rows of a reference say of one input."""
        raise NotImplementedError

    def true(self, by_item: Mapping[int, Sequence[Mapping[str, Any]]]) -> dict[int, T]:
        """Return what a reference says of each input, by the number of the input.

        Raises:
            InputError: The reference lacks a column, or a cell of it cannot be read.
        """
        try:
            return {item: self.given(rows) for item, rows in by_item.items()}
        # People write the reference, so it may be wrong. It is read before anything is sent, because otherwise the
        # mistake would be seen only after every provider has been paid.
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(
                f"the reference cannot be read ({type(error).__name__}: {error})",
                advice="Faces have x, y, width, height and age, objects these and name, tags name, texts text, moods "
                "label, languages language.",
            ) from None

    def row(self, one: T, other: T) -> Row:
        """Return how two answers to one input agree; ``agreement`` is 0 to 1."""
        raise NotImplementedError

    def matched(self, one: T, other: T) -> list[Row]:
        """Return a row for each thing of either answer, with what the other one says of it."""
        raise NotImplementedError

    def pair(self, rows: Sequence[Row]) -> Row:
        """Return how two providers agree over all inputs, from what `row` has returned of each."""
        raise NotImplementedError

    def against(self, answers: Sequence[tuple[T, T]]) -> Row:
        """Return how a provider does against a reference, from its answer and the true one to each input.

        Rates have the bounds of a 95 % interval beside them (``…_low``, ``…_high``), by the bootstrap over the inputs.
        """
        raise NotImplementedError

    def things(self, answer: T) -> list[Boxed]:
        """Return what an answer has, for what several providers agree on."""
        raise NotImplementedError

    def alike(self, one: Boxed, other: Boxed) -> float:
        """Return how alike two things of different providers are, 0 to 1; ``least`` and more is the same."""
        return float(one.name == other.name)

    def shown(self, answer: T) -> str:
        """Return an answer as a text of one or several lines."""
        return "\n".join(thing.name for thing in self.things(answer))

    least = 1.0
    """The least of `alike` for things that are the same."""


@dataclass(frozen=True)
class Boxed:
    """One thing of an answer: a name, or a box, or both."""

    name: str = ""
    box: Box | None = None
    years: tuple[float, float] | None = None
    """The range of a face's age."""


def total(rows: Sequence[Row], name: str) -> float:
    """Return the sum of a column."""
    return float(sum(row[name] for row in rows))


def _rates(answers: Sequence[Any], **statistics: Any) -> Row:
    """Return each statistic of all answers, with the bounds of its interval."""
    row: Row = {"n": len(answers)}
    bounds = numbers.intervals(answers, list(statistics.values()))
    for (name, statistic), interval in zip(statistics.items(), bounds, strict=True):
        # A single input has no interval, and neither has a statistic that most resamples do not have.
        low, high = interval or (None, None)
        row |= {name: statistic(answers), f"{name}_low": low, f"{name}_high": high}
    return row


def found_rates(counts: Sequence[tuple[int, int, int]]) -> Row:
    """Return precision, recall and F1 of how many things were hit, said and true for each input."""
    return _rates(
        counts,
        # The counts of all inputs are added first: a picture with one face must not count as much as one with thirty.
        precision=lambda some: numbers.ratio(sum(hit for hit, _, _ in some), sum(said for _, said, _ in some)),
        recall=lambda some: numbers.ratio(sum(hit for hit, _, _ in some), sum(true for _, _, true in some)),
        f1=lambda some: numbers.ratio(2 * sum(hit for hit, _, _ in some), sum(said + true for _, said, true in some)),
    )


class Faces(Measure[list[Boxed]]):
    """Faces, which are matched by the overlap of their boxes; ages are compared where both have one."""

    has_boxes = True

    def __init__(self, least: float) -> None:
        self.least = least
        self.method = (
            f"Two faces are the same where the intersection of their boxes over the union is {least:g} or more, the "
            "largest first. Agreement is twice the faces in common over the faces of both."
        )

    def of(self, result: Result) -> list[Boxed]:
        """Return the faces with their ages."""
        return [Boxed(box=face.box, years=_years(face)) for face in result]  # type: ignore[attr-defined]

    def given(self, rows: Sequence[Mapping[str, Any]]) -> list[Boxed]:
        """Return the faces of ``x``, ``y``, ``width``, ``height``, and of ``age`` or ``age_low`` and ``age_high``.

        The two ends of an age may be exchanged, as people write them.

        Raises:
            ValueError: An age is not a finite number.
        """
        names = ("x", "y", "width", "height")
        faces = []
        for row in rows:
            if row["x"] in (None, ""):
                continue  # a picture without a face
            box = Box.model_validate({name: float(row[name]) for name in names})
            ages = [row.get(name) for name in ("age_low", "age_high")]
            ages = [row.get("age") if age in (None, "") else age for age in ages]
            low, high = (None, None) if None in ages or "" in ages else sorted(map(_finite, ages))
            faces.append(Boxed(box=box, years=None if low is None or high is None else (low, high)))
        return faces

    def _matches(self, one: list[Boxed], other: list[Boxed]) -> list[tuple[int, int, float]]:
        boxes = [[face.box for face in faces if face.box] for faces in (one, other)]
        return matches(boxes[0], boxes[1], self.least)

    def row(self, one: list[Boxed], other: list[Boxed]) -> Row:
        """Return how many faces both have, and how far their boxes and their ages overlap."""
        both = self._matches(one, other)
        ages = [years for i, j, _ in both if (years := _common_years(one[i], other[j])) is not None]
        return {
            "n_one": len(one),
            "n_other": len(other),
            "matched": len(both),
            "only_one": len(one) - len(both),
            "only_other": len(other) - len(both),
            # Two that find no face in a picture agree about it.
            "agreement": 2 * len(both) / (len(one) + len(other)) if one or other else 1.0,
            "overlap": numbers.mean([share for _, _, share in both]),
            "ages": len(ages),
            "age_overlap": numbers.mean(ages),
        }

    def matched(self, one: list[Boxed], other: list[Boxed]) -> list[Row]:
        """Return a row for each face, with both boxes where both have it."""
        both = self._matches(one, other)
        only_one = [(i, None, None) for i in range(len(one)) if i not in {i for i, _, _ in both}]
        only_other = [(None, j, None) for j in range(len(other)) if j not in {j for _, j, _ in both}]
        return [_face_row(one, other, i, j, share) for i, j, share in [*both, *only_one, *only_other]]

    def pair(self, rows: Sequence[Row]) -> Row:
        """Return the faces in common over all pictures, and the mean overlap of their boxes and ages."""
        matched, said = total(rows, "matched"), total(rows, "n_one") + total(rows, "n_other")
        ages = sum(row["ages"] for row in rows)
        return {
            **{name: int(total(rows, name)) for name in ("n_one", "n_other", "matched", "only_one", "only_other")},
            "agreement": 2 * matched / said if said else 1.0,
            # A picture counts as often as it has faces, because its row has the mean of them.
            "overlap": numbers.ratio(sum((row["overlap"] or 0) * row["matched"] for row in rows), matched),
            "ages": ages,
            "age_overlap": numbers.ratio(sum((row["age_overlap"] or 0) * row["ages"] for row in rows), ages),
        }

    def against(self, answers: Sequence[tuple[list[Boxed], list[Boxed]]]) -> Row:
        """Return precision and recall, and the mean error of the ages, absolute and signed."""
        counts, errors = [], []
        for said, true in answers:
            both = self._matches(said, true)
            counts.append((len(both), len(said), len(true)))
            years = [(said[i].years, true[j].years) for i, j, _ in both]
            # The sign is kept, because a provider that always guesses too old differs from one that errs in both
            # directions.
            errors.append([_middle(a) - _middle(b) for a, b in years if a and b])
        row = found_rates(counts)
        # A reference without ages has no columns of ages.
        if any(errors):
            ages = _rates(
                errors,
                age_error=lambda some: numbers.mean([abs(error) for each in some for error in each]),
                age_bias=lambda some: numbers.mean([error for each in some for error in each]),
            )
            row |= {**{name: value for name, value in ages.items() if name != "n"}, "ages": sum(map(len, errors))}
        return row

    def things(self, answer: list[Boxed]) -> list[Boxed]:
        """Return the faces."""
        return answer

    def alike(self, one: Boxed, other: Boxed) -> float:
        """Return the overlap of two faces."""
        return one.box.overlap(other.box) if one.box and other.box else 0.0


def _years(face: Any) -> tuple[float, float] | None:
    """Return the range of an age; a single number is a range of no width."""
    age = getattr(face, "age", face)
    low, high, years = (getattr(age, name, None) for name in ("low", "high", "years"))
    # Azure gives a number, and the local engine and chat models give a range.
    low, high = years if low is None else low, years if high is None else high
    return None if low is None or high is None else (low, high)


def _middle(years: tuple[float, float]) -> float:
    return (years[0] + years[1]) / 2


def _common_years(one: Boxed, other: Boxed) -> float | None:
    return shared_years(one.years, other.years) if one.years and other.years else None


def _face_row(one: Sequence[Boxed], other: Sequence[Boxed], i: int | None, j: int | None, share: Any) -> Row:
    row: Row = {"overlap": share}
    for end, faces, number in (("one", one, i), ("other", other, j)):
        face = faces[number] if number is not None else Boxed()
        row[f"face_{end}"] = number
        row |= {f"{name}_{end}": getattr(face.box, name, None) for name in ("x", "y", "width", "height")}
        low, high = face.years or (None, None)
        row |= {f"age_low_{end}": low, f"age_high_{end}": high}
    return row


class Words(Measure[list[str]]):
    """Sets of names, such as tags: compared as they are, and by the word that says what kind of thing each is."""

    method = (
        "Two tags are the same where their letters are, whatever their case; by head word also “sports car” and “car”. "
        "Agreement is twice the tags in common over the tags of both."
    )

    def of(self, result: Result) -> list[str] | None:
        """Return the names, each once; None if a picture was not asked for tags, or the provider has none to offer."""
        # None says that tags were not asked for or are not offered. An empty list is an answer, which may be right or
        # wrong.
        if getattr(result, "tags", ()) is None:
            return None
        # Key phrases are compared in the same way, and have a text and no name.
        names = (normal(getattr(tag, "name", None) or tag.text) for tag in result)  # type: ignore[attr-defined]
        return list(dict.fromkeys(filter(None, names)))

    def given(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the names of the column ``name``."""
        return list(dict.fromkeys(normal(str(row["name"])) for row in rows if row["name"] not in (None, "")))

    def row(self, one: list[str], other: list[str]) -> Row:
        """Return how many names, and how many head words, both have."""
        heads = [set(map(head_word, names)) for names in (one, other)]
        same, same_heads = len(set(one) & set(other)), len(heads[0] & heads[1])
        n_heads = len(heads[0]) + len(heads[1])
        return {
            "n_one": len(one),
            "n_other": len(other),
            "matched": same,
            "agreement": 2 * same / (len(one) + len(other)) if one or other else 1.0,
            "heads": n_heads,
            "matched_heads": same_heads,
            "agreement_heads": 2 * same_heads / n_heads if n_heads else 1.0,
        }

    def matched(self, one: list[str], other: list[str]) -> list[Row]:
        """Return a row for each name, with who has it."""
        heads = [set(map(head_word, names)) for names in (one, other)]
        return [
            {
                "name": name,
                "one": name in one,
                "other": name in other,
                "head_word": head_word(name),
                "head_in_both": head_word(name) in heads[0] & heads[1],
            }
            for name in dict.fromkeys([*one, *other])
        ]

    def pair(self, rows: Sequence[Row]) -> Row:
        """Return the names and the head words in common over all inputs."""
        said, heads = total(rows, "n_one") + total(rows, "n_other"), total(rows, "heads")
        return {
            **{name: int(total(rows, name)) for name in ("n_one", "n_other", "matched", "matched_heads")},
            "agreement": 2 * total(rows, "matched") / said if said else 1.0,
            "agreement_heads": 2 * total(rows, "matched_heads") / heads if heads else 1.0,
        }

    def against(self, answers: Sequence[tuple[list[str], list[str]]]) -> Row:
        """Return precision and recall of the names."""
        return found_rates([(len(set(said) & set(true)), len(said), len(true)) for said, true in answers])

    def things(self, answer: list[str]) -> list[Boxed]:
        """Return the names."""
        return [Boxed(name) for name in answer]


class Texts(Measure[str]):
    """Texts, such as what stands in a picture or is said in a recording: compared by words and by characters."""

    method = (
        "Words are compared without case and punctuation, characters without blanks. Agreement is 1 less the "
        "characters that would have to be changed, inserted or deleted, over those of the longer text."
    )

    def of(self, result: Result) -> str | None:
        """Return the text, or the first translation."""
        texts = getattr(result, "translations", None)
        return str(texts[0].text if texts else result.text)  # type: ignore[attr-defined]

    def given(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """Return the text of the column ``text``; several rows are its lines."""
        return "\n".join(str(row["text"]) for row in rows if row["text"] is not None)

    def row(self, one: str, other: str) -> Row:
        """Return how many characters and words differ."""
        row: Row = {}
        for by, end in (("characters", ""), ("words", "_words")):
            differ, n_one, n_other = distance(one, other, by=by)
            longer = max(n_one, n_other)
            row |= {f"{by}_one": n_one, f"{by}_other": n_other, f"{by}_differ": differ, f"{by}_longer": longer}
            row[f"agreement{end}"] = 1 - differ / longer if longer else 1.0
        return row

    def matched(self, one: str, other: str) -> list[Row]:
        """Return one row with both texts."""
        return [{"text_one": one, "text_other": other}]

    def pair(self, rows: Sequence[Row]) -> Row:
        """Return the characters and words that differ over all inputs."""
        row: Row = {}
        for by, end in (("characters", ""), ("words", "_words")):
            differ, longer = total(rows, f"{by}_differ"), total(rows, f"{by}_longer")
            row |= {f"{by}_differ": int(differ), f"{by}_longer": int(longer)}
            row[f"agreement{end}"] = 1 - differ / longer if longer else 1.0
        return row

    def against(self, answers: Sequence[tuple[str, str]]) -> Row:
        """Return the rates of characters and words that are wrong, missing or too many, by those of the reference."""

        def rate(some: Sequence[tuple[int, int]]) -> float | None:
            return numbers.ratio(sum(differ for differ, _ in some), sum(true for _, true in some))

        row: Row = {}
        for name, by in (("character_error_rate", "characters"), ("word_error_rate", "words")):
            counts = [distance(said, true, by=by) for said, true in answers]
            row |= _rates([(differ, true) for differ, _, true in counts], **{name: rate})
        return row

    def things(self, answer: str) -> list[Boxed]:
        """Return the lines."""
        return [Boxed(line) for line in dict.fromkeys(map(normal, answer.splitlines())) if line]


class Labels(Measure[str]):
    """Single words, such as the sign of a sentiment or a language: compared by Cohen's kappa.

    Args:
        column: The column of a reference that has the label.
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self.method = (
            "The sign of the score is compared: positive, negative, or neutral where it is 0. "
            if column == "label"
            else "The codes are compared without region and script. "
        ) + "Kappa says how much more often two agree than by chance."

    def of(self, result: Result) -> str:
        """Return the sign of the score, or the label where there is no score; or the code of the language."""
        if self.column == "label":
            return _sign(result.score, result.label)  # type: ignore[attr-defined]
        # Providers differ in whether they tell a region or a script: "zh-Hans" and "zh" are not a disagreement.
        return str(result.code).split("-")[0].casefold()  # type: ignore[attr-defined]

    def given(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """Return the label, or the sign of the column ``score``; of a language the code without region.

        Raises:
            ValueError: There are two rows, the label is not known or missing, or the score is not a finite number.
        """
        # One text has one mood: to take either of two rows would make the numbers depend on their order.
        if len(rows) > 1:
            raise ValueError(f"two rows say something of one input, as {rows[1].get(self.column)!r}")
        row = rows[0]
        if self.column != "label":
            return _stated(row[self.column]).split("-")[0].casefold()
        # A score says more than a label, and goes first, as it does for answers.
        if (score := row.get("score")) not in (None, ""):
            return _sign(_finite(score), None)
        label = _stated(row["label"]).casefold()
        if label not in LABELS:
            raise ValueError(f"the label {label!r} is none of {', '.join(LABELS)}")
        return LABELS[label]

    def row(self, one: str, other: str) -> Row:
        """Return both labels."""
        return {"label_one": one, "label_other": other, "agreement": float(one == other)}

    def matched(self, one: str, other: str) -> list[Row]:
        """Return one row with both labels."""
        return [{"label_one": one, "label_other": other}]

    def pair(self, rows: Sequence[Row]) -> Row:
        """Return how often both say the same, and kappa."""
        pairs = [(row["label_one"], row["label_other"]) for row in rows]
        return {"agreement": numbers.mean([row["agreement"] for row in rows]), "kappa": numbers.kappa(pairs)}

    def against(self, answers: Sequence[tuple[str, str]]) -> Row:
        """Return how often the provider is right, and kappa."""
        return _rates(
            answers, accuracy=lambda some: numbers.mean([float(a == b) for a, b in some]), kappa=numbers.kappa
        )

    def things(self, answer: str) -> list[Boxed]:
        """Return the label."""
        return [Boxed(answer)]


LABELS = {
    "positive": "positive",
    "negative": "negative",
    "neutral": "neutral",
    # "mixed" counts as neutral, because not every vendor has it, and a score of mixed feelings is near 0.
    "mixed": "neutral",
    "긍정": "positive",
    "부정": "negative",
    "중립": "neutral",
    "혼합": "neutral",
}
"""The labels that a reference may have, and the sign that each counts as."""


def _finite(cell: Any) -> float:
    """Return the number of a cell, or raise ValueError if it is not finite: every mean would come out as NaN."""
    if not math.isfinite(number := float(cell)):
        raise ValueError(f"{number} is not a finite number")
    return number


def _stated(value: Any) -> str:
    """Return the text of a cell, or raise ValueError if it is empty."""
    if value is None or not str(value).strip():
        raise ValueError("a cell is empty")
    return str(value).strip()


def _sign(score: float | None, label: str | None) -> str:
    # Vendors draw the limits between their labels differently, so the sign of the score is what all of them have in
    # common.
    if score is None:
        return label if label in ("positive", "negative") else "neutral"
    return "positive" if score > 0 else "negative" if score < 0 else "neutral"
