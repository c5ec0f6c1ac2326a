"""The checks of a wire model, and those that it leaves to the result."""

from __future__ import annotations

from typing import Any, NotRequired

import pytest
from pydantic import Field, with_config
from typing_extensions import TypedDict

from cloudai import MalformedResponseError, Response
from cloudai.core.flow import checked
from cloudai.models.base import Point
from cloudai.providers.wire import NUMBERS, Corners, KnownDicts, Number, Wire


class Part(Wire):
    """A part with a word, a number and corners."""

    word: str | None = None
    share: Number | None = None
    corners: Corners = Field(default_factory=list)


@with_config(NUMBERS)
class Mark(TypedDict):
    """A part that stays a dict."""

    name: NotRequired[str]


class Marked(Wire):
    """A reply whose parts must not be lost."""

    marks: KnownDicts[Mark]


class Whole(Wire):
    """A reply."""

    parts: list[Part] = Field(default_factory=list)
    by_name: dict[str, Part] = Field(default_factory=dict)


def read(body: str) -> Whole:
    """Return the reply with this body."""
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


@pytest.mark.parametrize("corner", [{"x": "1"}, {"x": True}, {"y": float("nan")}, {"x": 1, "y": "2"}, [1, 2], None])
def test_corners_are_checked_as_all_else(corner: Any) -> None:
    """A corner is refused where a number in it is a text, a truth value or not finite, or where it is no object."""
    with pytest.raises(MalformedResponseError):
        checked(Whole, {"parts": [{"corners": [corner]}]})


@pytest.mark.parametrize("corner", ['{"x": 1, "y": 0}', '{"x": 1}', '{"x": 1, "z": "3"}', '{"x": 1, "y": null}'])
def test_corners_are_points(corner: str) -> None:
    """A corner is a point: what the vendor leaves out is 0, and what else it has than x and y is not read."""
    assert read(f'{{"parts": [{{"corners": [{corner}]}}]}}').parts[0].corners == [Point(x=1, y=0)]


def test_a_dict_that_holds_nothing_known_is_refused() -> None:
    """Of parts that must not be lost, an empty one is one, and one with unknown fields alone is an error."""
    assert checked(Marked, {"marks": [{"name": "나무", "more": 1}, {}]}).marks == [{"name": "나무"}, {}]
    with pytest.raises(MalformedResponseError, match="holds nothing that is known"):
        checked(Marked, {"marks": [{"name": "나무"}, {"title": "나무"}]})


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ('"0.5"', 0.5), ("1", 1.0), ('"1e-2"', 0.01)])
def test_a_number_may_be_a_text_that_spells_one(text: str, value: float) -> None:
    """A `Number` is a number, or a text that spells one as JSON does."""
    assert read(f'{{"parts": [{{"share": {text}}}]}}').parts[0].share == value


@pytest.mark.parametrize("text", ['"half"', "true", '"1e999"', "[]"])
def test_a_number_is_nothing_else(text: str) -> None:
    """A word, a truth value, a list and what is too large are no `Number`."""
    with pytest.raises(MalformedResponseError, match="finite number"):
        read(f'{{"parts": [{{"share": {text}}}]}}')
