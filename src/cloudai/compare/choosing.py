"""Choose the `Measure` by which the results of an operation are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from cloudai.compare.measures import Faces, Labels, Measure, Texts, Words
from cloudai.compare.pictures import Captions, Objects
from cloudai.errors import SettingsError, UnsupportedOperationError

__all__ = ["OF_PICTURES", "Compared", "measure_for"]

Compared: TypeAlias = Literal["tags", "caption", "objects"]
"""The parts of the analysis of a picture of which one is compared."""

OF_PICTURES: tuple[Compared, ...] = ("tags", "caption", "objects")


def measure_for(
    operation: str, least: float, *, feature: Compared | None = None, features: Sequence[str] | None = None
) -> Measure[Any]:
    """Return how the results of an operation are compared.

    Args:
        operation: The name of the operation.
        least: The least overlap of two boxes of the same face or object.
        feature: What of the analysis of a picture is compared; None takes the first of those that are asked for.
        features: The features that are asked for; None if all are.

    Raises:
        SettingsError: The feature cannot be compared, or is not asked for.
        UnsupportedOperationError: There is nothing to compare in its results.
    """
    if operation == "analyze_image":
        return _of_picture(least, feature, features)
    # An option that has no effect is an error, because it may be the one that mattered.
    if feature is not None:
        raise SettingsError("feature= is of analyze_image alone", advice="Leave it out.")
    if operation in ("detect_faces", "estimate_age"):
        return Faces(least)
    if operation == "key_phrases":
        return Words()
    if operation in ("read_text", "speech_to_text", "translate"):
        return Texts()
    if operation in ("sentiment", "detect_language"):
        return Labels({"sentiment": "label", "detect_language": "language"}[operation])
    raise UnsupportedOperationError(
        f"results of {operation} cannot be compared", advice="Listen to them, or read them."
    )


def _of_picture(least: float, feature: Compared | None, features: Sequence[str] | None) -> Measure[Any]:
    asked = OF_PICTURES if features is None else [name for name in OF_PICTURES if name in features]
    chosen = feature or next(iter(asked), None)
    if chosen not in asked:
        raise SettingsError(
            "nothing that is asked for can be compared" if chosen is None else f"{chosen} is not asked for",
            advice="Ask for tags, caption or objects; faces and text have operations of their own.",
        )
    if chosen == "objects":
        return Objects(least)
    return Captions() if chosen == "caption" else Words()
