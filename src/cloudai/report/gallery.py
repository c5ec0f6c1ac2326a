"""A gallery of portraits in one HTML file that works offline, filters and sorts, and asks nobody for anything."""

from __future__ import annotations

import base64
import io
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Literal

from PIL import Image

__all__ = ["Portrait", "save_gallery"]

SIDE = 360
"""Longest side of an embedded picture, px."""

WORDS = {
    "en": {
        "filter": "Find by name or value",
        "sort": "Sort by",
        "name": "Name",
        "order": "As given",
        "none": "no face found",
        "of": "of",
        "shown": "shown",
        "note": "Faces are found by a machine, which never says whose they are. Ages and expressions, where "
        "shown, are guesses about appearance.",
    },
    "ko": {
        "filter": "이름이나 값으로 찾기",
        "sort": "정렬",
        "name": "이름",
        "order": "주어진 순서",
        "none": "얼굴을 찾지 못함",
        "of": "/",
        "shown": "명",
        "note": "얼굴은 기계가 찾은 것이며 누구인지는 알아보지 않습니다. "
        "나이와 표정이 있다면 겉모습을 어림한 값입니다.",
    },
}


@dataclass(frozen=True)
class Portrait:
    """One tile: a name, the cut-out face (None where none was found), and what is known."""

    name: str
    image: Image.Image | None
    facts: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def save_gallery(
    portraits: Sequence[Portrait],
    path: str | os.PathLike[str],
    *,
    title: str,
    language: Literal["en", "ko"] = "en",
    footer: str = "",
) -> Path:
    """Write the gallery: one file, the pictures in it, no address of any other place.

    Args:
        portraits: In the order in which they are to be shown at first.
        path: The file to write.
        title: Its heading.
        language: Of the page's own words.
        footer: A line of yours below.
    """
    words = WORDS[language]
    style, script = _part("gallery.css"), _part("gallery.js")
    keys = list(dict.fromkeys(key for portrait in portraits for key in portrait.facts))
    options = "".join(f'<option value="{number}">{_text(key)}</option>' for number, key in enumerate(keys))
    page = f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">
<title>{_text(title)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{_text(title)}</h1>
<p class="tools">
<label>{words["filter"]} <input id="filter" type="search" autocomplete="off"></label>
<label>{words["sort"]} <select id="sort"><option value="">{words["order"]}</option>
<option value="name">{words["name"]}</option>{options}</select></label>
<output id="count" data-of="{words["of"]}" data-shown="{words["shown"]}"></output>
</p>
</header>
<main id="tiles">
{"".join(_tile(portrait, keys, words) for portrait in portraits)}
</main>
<footer><p>{words["note"]}</p>{f"<p>{_text(footer)}</p>" if footer else ""}</footer>
<script>{script}</script>
</body>
</html>
"""
    target = Path(path)
    target.write_text(page, encoding="utf-8", newline="\n")
    return target


def _tile(portrait: Portrait, keys: Sequence[str], words: Mapping[str, str]) -> str:
    facts = "".join(f"<dt>{_text(key)}</dt><dd>{_text(value)}</dd>" for key, value in portrait.facts.items())
    values = "".join(f' data-v{n}="{_text(portrait.facts.get(key, ""))}"' for n, key in enumerate(keys))
    name = _text(portrait.name)
    if portrait.image is None:
        picture = f'<div class="none"><span>{words["none"]}</span></div>'
    else:
        picture = f'<img alt="{name}" src="data:image/jpeg;base64,{_embedded(portrait.image)}">'
    note = f'<p class="note">{_text(portrait.note)}</p>' if portrait.note else ""
    return f'<article data-name="{name}"{values}>{picture}<h2>{name}</h2><dl>{facts}</dl>{note}</article>\n'


def _text(text: str) -> str:
    return escape(unicodedata.normalize("NFC", text), quote=True)


def _embedded(image: Image.Image) -> str:
    small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    Image.frombytes("RGB", small.size, small.tobytes()).save(out, "JPEG", quality=85)  # pixels, nothing else
    return base64.b64encode(out.getvalue()).decode()


def _part(name: str) -> str:
    return files("cloudai.report").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing may load and nothing may run but what is written here."""
    return f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'"


def _digest(source: str) -> str:
    return f"sha256-{base64.b64encode(sha256(source.encode()).digest()).decode()}"
