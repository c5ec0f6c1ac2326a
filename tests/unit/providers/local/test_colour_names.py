"""The names of colours: the nearest by CIEDE2000, in two languages, as people would call them."""

from __future__ import annotations

import io
import warnings

import numpy as np
import PIL.Image
import pytest

from cloudai.cli.demo import sample_photos
from cloudai.providers.local.colour_difference import ciede2000
from cloudai.providers.local.colour_names import NAMES, OTHERS, name_of
from cloudai.providers.local.picture import measure
from tests.conftest import Caller

PHOTOS = dict(sample_photos())


def rgb(code: str) -> tuple[int, int, int]:
    """Return the three numbers of "#rrggbb"."""
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
        ("#0000ff", "blue", "파랑"),
        ("#0000c8", "blue", "파랑"),
        ("#000080", "navy", "남색"),
        ("#00005a", "navy", "남색"),
        ("#191970", "navy", "남색"),
        ("#2c3e50", "navy", "남색"),  # a suit
        ("#ff00ff", "magenta", "자홍"),
        ("#4b0082", "purple", "보라"),
        ("#8a2be2", "purple", "보라"),
        ("#9370db", "purple", "보라"),
        ("#e6e6fa", "lavender", "연보라"),
        ("#fbe7da", "peach", "살구색"),  # skin in the light, in the shadow, and dark
        ("#f5ded2", "peach", "살구색"),
        ("#a58d7f", "light brown", "연갈색"),
        ("#5c3836", "brown", "갈색"),
        ("#3c2020", "dark brown", "진갈색"),
        ("#483c32", "brown", "갈색"),  # taupe
        ("#5a4a42", "brown", "갈색"),
        ("#c0c0c0", "light grey", "연회색"),
        ("#808080", "grey", "회색"),
        ("#333a40", "dark grey", "진회색"),
        ("#fdfdfb", "white", "하양"),
        ("#101010", "black", "검정"),
    ],
)
def test_colours_are_called_what_people_call_them(color: str, english: str, korean: str) -> None:
    """Skin, wood, cloth, fur and sky have the names that a person gives them; no skin is grey, and no blue purple."""
    assert (name_of(rgb(color)), name_of(rgb(color), "ko")) == (english, korean)


def test_the_nearest_is_that_of_another_library() -> None:
    """Of 500 random colours and 16 greys, the differences and the name are those of scikit-image's own CIEDE2000."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    known = [(names[0], rgb2lab(np.array(rgb(code)) / 255)) for names, row in NAMES.items() for code in row.split()]
    labs = np.array([lab for _, lab in known])
    greys = [[level] * 3 for level in range(0, 256, 17)]
    for color in [*np.random.default_rng(23).integers(0, 256, (500, 3)).tolist(), *greys]:
        lab = rgb2lab(np.array(color) / 255)
        right = deltaE_ciede2000(labs, np.broadcast_to(lab, labs.shape))
        assert ciede2000(labs, lab) == pytest.approx(right, abs=1e-6)
        nearest, second = np.sort(right)[:2]
        if second - nearest > 1:  # OpenCV's numbers are off by up to 0.5, which nobody can see
            assert name_of(tuple(color)) == known[int(right.argmin())][0]


def test_the_names_are_those_of_the_survey() -> None:
    """All colours but three are of the xkcd survey, as matplotlib has it; the first of a name has that name there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old matplotlib uses old names of its own packages
        from matplotlib.colors import XKCD_COLORS

    for (english, _), row in NAMES.items():
        assert set(row.split()) <= {*XKCD_COLORS.values(), *OTHERS}
        assert row.split()[0] == XKCD_COLORS[f"xkcd:{english}"]
    assert not set(OTHERS) & set(XKCD_COLORS.values())
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
    assert set(names["Chelsea, a cat"]) == {"light brown", "brown"}
    assert "orange" in names["Eileen Collins"]
    assert names["Rocket"][0] == "navy"
    assert names["Coffee"][0] == "brown"
    for colors in measured.values():
        assert 0.5 < sum(color.fraction or 0 for color in colors) < 1.001


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_transparent_parts_have_no_colour(call: Caller, mode: str) -> None:
    """Fractions are those of what is visible, however the file says which part that is, in a large picture too."""
    picture = PIL.Image.new("RGBA", (1200, 800), (0, 0, 0, 0))
    picture.paste((128, 128, 128, 255), (0, 0, 300, 800))
    data = io.BytesIO()
    if mode == "RGB":  # one colour stands for what is transparent
        picture.convert("RGB").save(data, "PNG", transparency=(0, 0, 0))
    else:
        picture.convert(mode).save(data, "PNG")
    found = call("local", "analyze_image", data.getvalue(), features=["colors"])
    assert [(color.name, color.fraction) for color in found.colors] == [("grey", 1.0)]


def test_transparency_turns_with_the_picture(call: Caller) -> None:
    """A picture that is to be turned has its visible colours; one in which nothing is visible has none."""
    picture = PIL.Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 100, 200))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    data, empty = io.BytesIO(), io.BytesIO()
    picture.save(data, "PNG", exif=exif)
    PIL.Image.new("RGBA", (30, 20)).save(empty, "PNG")
    found = call("local", "analyze_image", data.getvalue(), features=["colors"])
    assert [(color.name, color.fraction) for color in found.colors] == [("red", 1.0)]
    assert call("local", "analyze_image", empty.getvalue(), features=["colors"]).colors == ()
