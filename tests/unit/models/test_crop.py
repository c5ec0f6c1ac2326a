"""The arguments of `Face.crop`."""

from __future__ import annotations

from typing import Any

import pytest

from cloudai import InputError, SettingsError
from cloudai.models.base import Box
from cloudai.models.face import Face
from tests.support.played import PICTURE

FACE = Face(box=Box(x=10, y=10, width=8, height=8, image_size=(64, 64)))


@pytest.mark.parametrize("value", [0, 0.0, -1, 1e-9, 1e9, float("nan"), float("inf"), "3/4", True, [1]])
def test_an_aspect_that_is_none_is_told(value: Any) -> None:
    """A ratio is a number above 0: anything else is an error that says the range, not a ZeroDivisionError."""
    with pytest.raises(SettingsError, match=r"^aspect=.*Give a number from 0\.001 to 1000"):
        FACE.crop(PICTURE, aspect=value)


@pytest.mark.parametrize("value", [-0.6, 101, float("nan"), float("-inf"), None, "0.4", False])
def test_a_margin_that_is_none_is_told(value: Any) -> None:
    """A margin that would leave nothing, or is no number, is an error that says the range."""
    with pytest.raises(SettingsError, match=r"^margin=.*Give a number from -0\.5 to 100"):
        FACE.crop(PICTURE, margin=value)


def test_usual_arguments_cut() -> None:
    """A ratio, a margin of none, and one that cuts into the box give pictures of the expected sizes."""
    assert FACE.crop(PICTURE, margin=0).size == (8, 8)
    assert FACE.crop(PICTURE, margin=0, aspect=2).size == (16, 8)
    assert FACE.crop(PICTURE, margin=-0.25).size == (4, 4)
    with pytest.raises(InputError, match="not inside"):
        FACE.crop(PICTURE, margin=-0.5)


def test_a_margin_of_many_digits_is_told() -> None:
    """Python writes no number of so many digits, and the error has none either."""
    with pytest.raises(SettingsError, match=r"^margin=…\. Give a number from -0\.5 to 100"):
        FACE.crop(PICTURE, margin=10**5000)


def test_a_cut_has_a_pixel() -> None:
    """Both edges of a box of one pixel are rounded to the same one where they lie between two pixels."""
    narrow = Face(box=Box(x=1.5, y=1.5, width=1.0, height=8.0, image_size=(64, 64)))
    with pytest.raises(InputError, match="not inside"):
        narrow.crop(PICTURE, margin=0)


def test_boxes_too_small_for_an_area_do_not_overlap() -> None:
    """The product of two sides that are not 0 may be, and nothing is divided by it."""
    tiny = Box(x=0.0, y=0.0, width=1e-200, height=1e-200)
    assert tiny.overlap(tiny) == 0


def test_an_address_has_no_bytes_before_it_is_fetched() -> None:
    """The bytes of an address that was not fetched are asked for: the error says so, and names no file."""
    from cloudai.media import Audio, Image

    for source in (Image("https://pictures.example/a.jpg?sig=secret"), Audio("gs://bucket/말.flac")):
        with pytest.raises(InputError, match="are not here: it is an address") as caught:
            _ = source.data
        assert "no file" not in str(caught.value)
        assert "secret" not in str(caught.value)
