"""Write a gallery of portraits as one HTML file that filters and sorts, works offline, and loads nothing."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Literal

from PIL import Image

from cloudai.errors import InputError
from cloudai.report.color import in_colour
from cloudai.text import plain

__all__ = ["Portrait", "save_gallery"]

SIDE = 400
"""Longer side of an embedded picture in px, which is sharp in a tile 200 px wide on a screen of double density."""
QUALITY = 82

WORDS = {
    "en": {
        "filter": "Find",
        "hint": "name or value",
        "sort": "Sort by",
        "name": "Name",
        "order": "Order given",
        "up": "Ascending",
        "down": "Descending",
        "none": "no face found",
        "nobody": "Nobody matches.",
        "photo": "Photo: {name}",
        "count": "{shown} of {all}",
        "notice": "Faces are found by a machine; it never names people. "
        "Ages and expressions, if shown, are guesses from appearance.",
    },
    "ko": {
        "filter": "찾기",
        "hint": "이름이나 값",
        "sort": "정렬",
        "name": "이름",
        "order": "주어진 순서",
        "up": "오름차순",
        "down": "내림차순",
        "none": "얼굴을 찾지 못함",
        "nobody": "찾는 사람이 없습니다.",
        "photo": "사진: {name}",
        "count": "{all}명 중 {shown}명",
        "notice": "얼굴은 기계가 찾은 것이며, 기계는 누구인지 알아보지 않습니다. "
        "나이와 표정이 적혀 있다면 겉모습을 보고 어림한 값입니다.",
    },
}


@dataclass(frozen=True)
class Portrait:
    """One tile of a gallery: a name, the upright picture of the face (None if there is none), and facts."""

    name: str
    image: Image.Image | None
    facts: Mapping[str, str] = field(default_factory=dict)
    """Facts that are shown below the name, and by which the tiles can be sorted: {"age": "35 to 40"}."""
    note: str = ""
    """A line in small letters, for example the reason why there is no picture."""


def save_gallery(
    portraits: Sequence[Portrait],
    path: str | os.PathLike[str],
    *,
    title: str,
    language: Literal["en", "ko"] = "en",
    footer: str | None = None,
) -> Path:
    """Write a gallery as one HTML file with the pictures in it, and return its path.

    Args:
        portraits: The portraits in the order in which they are first shown; none is left out.
        path: The file to write, for example ``gallery.html``.
        title: The page's heading.
        language: Language of the page's own words.
        footer: A line of yours at the bottom, above the notice about what the machine does not know.

    Raises:
        InputError: The language is not one of the page's, or a picture cannot be read.
    """
    if language not in WORDS:
        raise InputError(f"the gallery does not speak {language!r}", advice=f"Give one of: {', '.join(WORDS)}.")
    words = WORDS[language]
    keys = list(dict.fromkeys(key for portrait in portraits for key in portrait.facts))
    page = _part("gallery.html").format(
        language=language,
        title=_text(title),
        style=_part("gallery.css"),
        script=_part("gallery.js"),
        script_hash=_digest(_part("gallery.js")),
        options="".join(f'<option value="{number}">{_text(key)}</option>' for number, key in enumerate(keys)),
        tiles="".join(_tile(portrait, keys, words) for portrait in portraits),
        footer=f"<p>{_text(footer)}</p>" if footer else "",
        words={name: _text(word) for name, word in words.items()},
    )
    target = Path(path)
    target.write_text(page, encoding="utf-8", newline="\n")
    return target


def _tile(portrait: Portrait, keys: Sequence[str], words: Mapping[str, str]) -> str:
    name = _text(portrait.name)
    facts = "".join(f"<div><dt>{_text(k)}</dt><dd>{_text(v)}</dd></div>" for k, v in portrait.facts.items())
    # Values are numbered because not every key can be the name of an attribute.
    values = "".join(f' data-v{n}="{_text(portrait.facts.get(key, ""))}"' for n, key in enumerate(keys))
    return (
        f'<li data-name="{name}"{values}>{_picture(portrait, words)}<h2 dir="auto">{name}</h2>'
        f"{f'<dl>{facts}</dl>' if facts else ''}"
        f"{f'<p>{_text(portrait.note)}</p>' if portrait.note else ''}</li>\n"
    )


def _picture(portrait: Portrait, words: Mapping[str, str]) -> str:
    if portrait.image is None:
        return f'<div class="none"><span>{_text(words["none"])}</span></div>'
    jpeg = _jpeg(portrait.image)
    label = _text(words["photo"].format(name=portrait.name))
    return f'<img alt="{label}" decoding="async" src="data:image/jpeg;base64,{jpeg}">'


def _text(value: object) -> str:
    """Return a value as text on one line that is safe in HTML, in an attribute too."""
    return escape(plain(str(value)), quote=True)


def _jpeg(image: Image.Image) -> str:
    """Return a picture as a JPEG for a tile, in base64."""
    small = in_colour(image)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return base64.b64encode(out.getvalue()).decode()


def _part(name: str) -> str:
    """Return the text of a file of this package, from which the page is made."""
    return files("cloudai.report").joinpath(name).read_text(encoding="utf-8")


def _digest(source: str) -> str:
    """Return the hash by which the page's security policy allows a script; no other script runs.

    https://www.w3.org/TR/CSP3/#grammardef-hash-source
    """
    return f"sha256-{base64.b64encode(sha256(source.encode()).digest()).decode()}"
