"""What a wire model checks, and what it leaves to the result."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from cloudai import MalformedResponseError, Response
from cloudai.core.flow import checked
from cloudai.providers.wire import Corner, Number, Wire


class Part(Wire):
    """A part with what every reply has."""

    word: str | None = None
    share: Number | None = None
    corners: list[Corner] = Field(default_factory=list)


class Whole(Wire):
    """A reply."""

    parts: list[Part] = Field(default_factory=list)
    by_name: dict[str, Part] = Field(default_factory=dict)


def read(body: str) -> Whole:
    """The reply with this body."""
    return Response(200, {"content-type": "application/json"}, body.encode()).parse(Whole)


def test_null_is_missing_at_any_depth() -> None:
    """A field that is null has its default, however deep it stands, and also where it is a list."""
    whole = read('{"parts": [{"word": null, "share": 0.5, "corners": null}], "byName": {"나무": {"share": null}}}')
    assert whole.parts[0] == Part(share=0.5)
    assert whole.by_name["나무"] == Part()


def test_a_text_that_says_null_is_no_null() -> None:
    """The word null inside a text changes nothing."""
    assert read('{"parts": [{"word": "null"}]}').parts[0].word == "null"


def test_a_part_is_checked_as_a_whole_reply_is() -> None:
    """A part of a reply that is checked by itself may have nulls, too."""
    assert checked(Part, {"word": None}) == Part()


@pytest.mark.parametrize("corner", [{"x": "1"}, {"x": True}, {"y": float("nan")}, [1, 2], None])
def test_corners_are_checked_although_they_stay_dicts(corner: Any) -> None:
    """A corner is refused where a number in it is a text, a truth value or not finite, or where it is no object."""
    with pytest.raises(MalformedResponseError):
        checked(Whole, {"parts": [{"corners": [corner]}]})


def test_corners_stay_dicts() -> None:
    """A corner is a dict with what the vendor sent of x and y, and nothing else."""
    assert read('{"parts": [{"corners": [{"x": 1, "z": 3}]}]}').parts[0].corners == [{"x": 1.0}]


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ('"0.5"', 0.5), ("1", 1.0), ('"1e-2"', 0.01)])
def test_a_number_may_be_a_text_that_spells_one(text: str, value: float) -> None:
    """A `Number` is a number, or a text that spells one as JSON does."""
    assert read(f'{{"parts": [{{"share": {text}}}]}}').parts[0].share == value


@pytest.mark.parametrize("text", ['"half"', "true", '"1e999"', "[]"])
def test_a_number_is_nothing_else(text: str) -> None:
    """A word, a truth value, a list and what is too large are no `Number`."""
    with pytest.raises(MalformedResponseError, match="finite number"):
        read(f'{{"parts": [{{"share": {text}}}]}}')
