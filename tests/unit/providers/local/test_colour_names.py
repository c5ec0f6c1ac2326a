"""The names of colours: the nearest in CIELAB, in two languages, as people would call them."""

from __future__ import annotations

import warnings

import numpy as np
import PIL.Image
import pytest

from cloudai.cli.demo import sample_photos
from cloudai.providers.local.colour_names import NAMES, name_of
from cloudai.providers.local.picture import measure
from tests.conftest import Caller

PHOTOS = dict(sample_photos())


def rgb(code: str) -> tuple[int, int, int]:
    """The three numbers of "#rrggbb"."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


@pytest.mark.parametrize(
    ("color", "english", "korean"),
    [
        ("#f1c9a9", "peach", "살구색"),  # light skin
        ("#a86e48", "light brown", "연갈색"),  # tanned skin
        ("#6b4226", "brown", "갈색"),  # dark skin
        ("#3b2219", "dark brown", "진갈색"),
        ("#deb887", "tan", "황갈색"),  # pine
        ("#5c4033", "brown", "갈색"),  # walnut
        ("#d68a4a", "orange", "주황"),  # a ginger cat
        ("#b5651d", "brown", "갈색"),
        ("#87ceeb", "sky blue", "하늘색"),
        ("#b0d8f0", "sky blue", "하늘색"),  # a hazy sky
        ("#0b1a3a", "navy", "남색"),  # the sky at night
        ("#4f8a2b", "green", "초록"),  # grass
        ("#fa0505", "red", "빨강"),
        ("#9a9a96", "grey", "회색"),
        ("#c8102e", "red", "빨강"),
        ("#0047a0", "blue", "파랑"),
        ("#f3c6cc", "light pink", "연분홍"),
    ],
)
def test_colours_are_called_what_people_call_them(color: str, english: str, korean: str) -> None:
    """Skin, wood, fur, sky and grass have the names that a person gives them, and none is silver."""
    assert (name_of(rgb(color)), name_of(rgb(color), "ko")) == (english, korean)


def test_the_nearest_is_that_of_another_library() -> None:
    """Of 500 random colours, the name is that of the nearest by scikit-image's own CIELAB."""
    from skimage.color import rgb2lab

    known = [(names, rgb2lab(np.array(rgb(code)) / 255)) for names, row in NAMES.items() for code in row.split()]
    for color in np.random.default_rng(23).integers(0, 256, (500, 3)).tolist():
        lab = rgb2lab(np.array(color) / 255)
        distances = sorted((float(np.linalg.norm(lab - other)), names) for names, other in known)
        (nearest, (english, _)), (second, _) = distances[:2]
        if second - nearest > 1:  # OpenCV's numbers are off by up to 0.5, which nobody can see
            assert name_of(tuple(color)) == english


def test_the_names_are_those_of_the_survey() -> None:
    """Each colour is one of the xkcd survey's, as matplotlib has it, and the first of a name has that name there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old matplotlib uses old names of its own packages
        from matplotlib.colors import XKCD_COLORS

    for (english, _), row in NAMES.items():
        assert set(row.split()) <= set(XKCD_COLORS.values())
        assert row.split()[0] == XKCD_COLORS[f"xkcd:{english}"]
    assert len(NAMES) > 30
    assert len({korean for _, korean in NAMES}) == len(NAMES)


@pytest.mark.parametrize(
    ("language", "sent", "name"),
    [(None, "en", "red"), ("ko", "ko", "빨강"), ("ko-KR", "ko", "빨강"), ("en-GB", "en", "red"), ("fr", "en", "red")],
)
def test_the_reader_has_their_words(call: Caller, language: str | None, sent: str, name: str) -> None:
    """Korean names where Korean is asked for, else English ones; the result says which."""
    found = call(
        "local", "analyze_image", PIL.Image.new("RGB", (80, 60), "#fa0505"), features=["colors"], language=language
    )
    assert [(color.name, color.fraction) for color in found.colors] == [(name, 1.0)]
    assert found.meta.language_sent == sent


def test_colours_of_photos() -> None:
    """The cat is brown, the suit of the astronaut orange, the night sky navy, and shares add up to one at most."""
    measured = {title: measure(PIL.Image.open(path).convert("RGB")).colors for title, path in PHOTOS.items()}
    names = {title: [color.name for color in colors] for title, colors in measured.items()}
    assert set(names["Chelsea, a cat"]) == {"light brown", "brown", "dark brown"}
    assert "orange" in names["Eileen Collins"]
    assert names["Rocket"][0] == "navy"
    assert names["Coffee"][0] == "light brown"
    for colors in measured.values():
        assert 0.5 < sum(color.fraction or 0 for color in colors) < 1.001
