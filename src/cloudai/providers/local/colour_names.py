"""Name colours in the reader's words: the nearest of 34 names by CIEDE2000, in English or in Korean.

The English names and their colours are those of the xkcd colour survey of 2010, in which many people named colours on
their screens (CC0): https://xkcd.com/color/rgb/. A name here takes in a few of the survey's own, as "light brown" does
"leather". `OTHERS` has three colours that the survey lacks. The Korean names are the basic ones of the Korean standard
KS A 0011, with 진 for dark and 연 for light ones, and common names such as 하늘색, 살구색 and 베이지.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cloudai.providers.local.colour_difference import ciede2000
from cloudai.providers.local.networks import libraries

__all__ = ["LANGUAGES", "NAMES", "OTHERS", "in_lab", "name_of"]

RGB = tuple[int, int, int]
LANGUAGES = ("en", "ko")
"""The languages of the names, in the order in which `NAMES` has them."""

NAMES: dict[tuple[str, str], str] = {
    ("black", "검정"): "#000000",
    ("dark grey", "진회색"): "#363737 #536267",
    ("grey", "회색"): "#929591 #7d7f7c #738595",
    ("light grey", "연회색"): "#d8dcd6 #c5c9c7",
    ("white", "하양"): "#ffffff #ffffe4 #fdfdfe",
    ("beige", "베이지"): "#e6daa6 #ffffc2 #fffeb6 #feffca",
    ("peach", "살구색"): "#ffb07c #ffd8b1 #ffb19a #d99b82 #ffe4c4",
    ("tan", "황갈색"): "#d1b26f #af884a #c69f59 #f1da7a #ccad60",
    (
        "light brown",
        "연갈색",
    ): "#ad8150 #ac7434 #b2713d #9c6d57 #a57e52 #af6f09 #ba9e88 #997570 #c8aca9 #8d8468 #b1916e #cb7723",
    (
        "brown",
        "갈색",
    ): "#653700 #7f5112 #964e02 #836539 #875f42 #a9561e #735c12 #7f684e #673a3f #6b4247 #7a6a4f #b25f03 #483c32",
    ("dark brown", "진갈색"): "#341c02 #411900 #1d0200",
    ("rust", "적갈색"): "#a83c09 #a03623 #7f2b0a #b66a50",
    ("maroon", "밤색"): "#650021 #610023 #4a0100",
    ("red", "빨강"): "#e50000 #be0119 #ef4026 #cf0234 #8c000f #b9484e",
    ("salmon", "연어색"): "#ff796c #fc5a50 #c85a53 #d58a94",
    ("pink", "분홍"): "#ff81c0 #fe86a4 #f7879a #cb416b",
    ("light pink", "연분홍"): "#ffd1df #ffcfdc #ffb7ce",
    ("magenta", "자홍"): "#c20078 #ff028d #de0c62 #f504c9 #ff08e8 #ed0dd9 #960056",
    ("orange", "주황"): "#f97306 #ff9408 #d8863b #c04e01 #c65102 #ca6641",
    ("mustard", "겨자색"): "#ceb301 #dbb40c #bf9005",
    ("yellow", "노랑"): "#ffff14 #ffda03 #f4d054 #fffe7a #fce166 #eedc5b",
    ("khaki", "카키색"): "#aaa662 #ada587 #9b8f55",
    ("olive", "올리브색"): "#6e750e #4b5d16",
    ("lime", "연두"): "#aaff32 #c0fb2d #8eab12 #9cef43",
    ("light green", "연초록"): "#96f97b #c7fdb5 #87ae73 #9ffeb0",
    ("green", "초록"): "#15b01a #3f9b0b #5c8b15 #2a7e19 #39ad48 #50a747 #5ca904 #419c03 #5cac2d #388004",
    ("dark green", "진초록"): "#033500 #06470c #0b5509 #002d04",
    ("teal", "청록"): "#029386 #014d4e #017b92",
    ("turquoise", "밝은 청록"): "#06c2ac #13eac9 #78d1b6",
    ("sky blue", "하늘색"): "#75bbfd #95d0fc #d0fefe #b1d1fc #82cafc",
    ("blue", "파랑"): "#0343df #0504aa #1e488f #276ab3 #3b638c #5170d7 #3a2efe #6b8ba4 #5b7c99 #0203e2 #5684ae",
    ("navy", "남색"): "#01153e #001146 #020035 #000435 #00035b #040273 #02066f #030764 #29465b #1f3b4d",
    ("purple", "보라"): "#7e1e9c #9a0eea #580f41 #35063e #380282 #703be7 #8756e4 #8d5eb7 #9e43a2",
    ("lavender", "연보라"): "#c79fef #cea2fd #b790d4 #ae7181 #8e82fe #dfc5fe #e4cbff #e6e6fa",
}
"""The English and the Korean name, and the colours that they stand for."""
OTHERS = {"#e6e6fa": "lavender", "#ffe4c4": "bisque", "#483c32": "taupe"}
"""The colours above that are none of the survey's. The first two are CSS's (https://www.w3.org/TR/css-color-4/), and
taupe is that of the dictionary ISCC-NBS (https://en.wikipedia.org/wiki/Taupe)."""


def name_of(color: RGB, language: str = "en") -> str:
    """Return the name of a colour in one of `LANGUAGES`; that of the nearest colour by CIEDE2000."""
    names, known = _known()
    (lab,) = in_lab([color])
    return names[int(ciede2000(known, lab).argmin())][LANGUAGES.index(language)]


def in_lab(colors: list[RGB]) -> Any:
    """Return sRGB colours as rows of CIELAB (D65): L* from 0 to 100, a*, b*."""
    cv2, np = libraries()
    return cv2.cvtColor(np.array([colors], dtype=np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)[0]


# All named colours are converted once, and not again for each colour of each picture.
@lru_cache(maxsize=1)
def _known() -> tuple[list[tuple[str, str]], Any]:
    pairs = [(names, hexes) for names, row in NAMES.items() for hexes in row.split()]
    rgb = [(int(hexes[1:3], 16), int(hexes[3:5], 16), int(hexes[5:7], 16)) for _, hexes in pairs]
    return [names for names, _ in pairs], in_lab(rgb)
