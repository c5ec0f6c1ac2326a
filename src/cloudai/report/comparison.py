"""Write a comparison of providers as one HTML file: how far they agree, where they do not, what it cost."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from cloudai.compare.measures import Boxed, Measure
from cloudai.compare.results import Comparison
from cloudai.errors import CloudAIError, InputError
from cloudai.operations import OPERATIONS
from cloudai.report.color import in_colour
from cloudai.report.comparison_words import COLUMNS, METHODS, WORDS
from cloudai.report.writing import write_whole
from cloudai.table import Table
from cloudai.text import plain

__all__ = ["save_comparison"]

SIDE = 640
"""Longer side of an embedded picture in px."""
QUALITY = 80
BINS = 10
"""Bars of a distribution."""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def save_comparison(
    comparison: Comparison,
    path: str | os.PathLike[str],
    *,
    title: str,
    language: Literal["en", "ko"] = "en",
    images: Sequence[Any] | None = None,
    most: int = 30,
) -> Path:
    """Write a comparison as one HTML file that loads nothing, and return its path.

    It has the table of pairs, the table against the reference if there is one, distributions, costs and times, and the
    inputs on which the providers agree least: pictures with the boxes of both in two colours, texts side by side. The
    method stands beside the numbers.

    Args:
        comparison: The comparison, from ``client.compare``.
        path: The file to write, which is replaced.
        title: The page's heading.
        language: Language of the page's own words.
        images: The pictures, in the order of the inputs: paths, bytes, PIL images; smaller copies will do. By default
            the inputs themselves are read, as far as they are files that are still there, or bytes.
        most: How many inputs are shown on which the providers agree least.

    Raises:
        InputError: The language is not one of the page's.
        OutputError: The file cannot be written.
    """
    if language not in WORDS:
        raise InputError(f"the page does not speak {language!r}", advice=f"Give one of: {', '.join(WORDS)}.")
    page = _Page(comparison, language, images, most)
    return write_whole(path, page.text(title).encode())


class _Page:
    """The parts of one page."""

    def __init__(self, comparison: Comparison, language: str, images: Sequence[Any] | None, most: int) -> None:
        self._comparison = comparison
        self._language = language
        self._words = WORDS[language]
        self._images = images
        self._most = most
        self._answers = {provider: comparison.answers(provider) for provider in comparison.providers}
        # A page is shown to others, who need not know where the files lie.
        folder = _folder_of(comparison.names, comparison.operation)
        self._per_input = comparison.per_input()
        for row in self._per_input:
            row["input"] = row["input"].removeprefix(folder)

    def text(self, title: str) -> str:
        """Return the whole page."""
        words, comparison = self._words, self._comparison
        style = files("cloudai.report").joinpath("comparison.css").read_text(encoding="utf-8")
        problems = "".join(
            f"<p>{_text(words['problem'].format(provider=provider, why=why))}</p>"
            for provider, why in comparison.unanswered.items()
        )
        names = " · ".join([comparison.operation, *comparison.providers])
        parts = [
            f"<header><h1>{_text(title)}</h1><p>{_text(names)}</p>{problems}</header>",
            self._section("pairs", self._table(comparison.per_pair()), self._method()),
            self._truth(),
            self._section("distributions", "".join(self._distributions()), words["how_distributions"]),
            self._section("costs", self._table(comparison.per_provider().filled()), words["how_costs"]),
            self._section("disagreements", f"<ol>{''.join(self._disagreements())}</ol>", words["how_disagreements"]),
            f"<details><summary>{words['inputs']}</summary>{self._table(self._per_input)}</details>",
            f"<footer><p>{words['notice']}</p></footer>",
        ]
        return (
            f'<!DOCTYPE html>\n<html lang="{self._language}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            f"<title>{_text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
            + "\n".join(filter(None, parts))
            + "\n</body>\n</html>\n"
        )

    def _section(self, name: str, content: str, how: str) -> str:
        return f'<section><h2>{self._words[name]}</h2>{content}<p class="how">{_text(how)}</p></section>'

    def _method(self) -> str:
        measure = self._comparison.measure
        least = f"{measure.least:g}"
        # The measure describes itself in English; only other languages need a text here.
        known = METHODS[self._language].get(type(measure).__name__)
        return known.format(least=least) if known else measure.method

    def _truth(self) -> str:
        if self._comparison.truth is None:
            return ""
        return self._section("truth", self._table(self._comparison.against_truth()), self._words["how_truth"])

    def _table(self, table: Table) -> str:
        """Return a table in which the name of each column says how its numbers are made."""
        kinds = {name: _kind([row.get(name) for row in table]) for name in table.columns}
        heads = []
        for name in table.columns:
            label, how = COLUMNS[self._language].get(name, (name.replace("_", " "), ""))
            hint = f' title="{_text(how)}"' if how else ""
            heads.append(f"<th{kinds[name]}{hint}>{_text(label)}</th>")
        lines = [
            "".join(f"<td{kinds[name]}>{_text(_number(row.get(name)))}</td>" for name in table.columns) for row in table
        ]
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f'<div class="wide"><table><thead><tr>{"".join(heads)}</tr></thead><tbody>{body}</tbody></table></div>'

    def _distributions(self) -> Iterator[str]:
        """Yield a histogram of the agreement on single inputs for each pair, and one of the overlap of faces."""
        for pair in self._comparison.per_pair():
            both = f"{pair['one']} · {pair['other']}"
            rows = [row for row in self._per_input if (row["one"], row["other"]) == (pair["one"], pair["other"])]
            for name in ("agreement", "overlap"):
                values = [row[name] for row in rows if row.get(name) is not None]
                if values:
                    label = COLUMNS[self._language][name][0]
                    yield f"<figure>{_histogram(values)}<figcaption>{_text(f'{label}: {both}')}</figcaption></figure>"

    def _disagreements(self) -> Iterator[str]:
        """Yield the inputs on which a pair agrees least."""
        # The rows come with the least agreement first.
        worst = [row for row in self._per_input if row["agreement"] < 1][: self._most]
        if not worst:
            yield f"<li>{self._words['none']}</li>"
        for row in worst:
            one, other = row["one"], row["other"]
            said = self._answers[one][row["item"]], self._answers[other][row["item"]]
            label = COLUMNS[self._language]["agreement"][0]
            yield (
                f"<li><h3>{_text(row['input'])}</h3><p>{_text(label)} {_number(row['agreement'])} · "
                f'<span class="one">{_text(one)}</span> · <span class="other">{_text(other)}</span></p>'
                f"{self._shown(row['item'], said)}</li>\n"
            )

    def _shown(self, item: int, said: tuple[Any, Any]) -> str:
        """Return both answers to an input: boxes on the picture, or texts beside each other."""
        measure: Measure[Any] = self._comparison.measure
        things = [measure.things(each) for each in said]
        boxed = things if measure.has_boxes else [[], []]
        is_of_pictures = self._comparison.operation in ("analyze_image", "read_text")
        picture = self._picture(item, boxed) if measure.has_boxes or is_of_pictures else ""
        if not any(thing.name for each in things for thing in each) and measure.has_boxes:
            return picture
        texts = [measure.shown(each) or "–" for each in said]
        sides = [
            f'<div><p class="{end}">{_text(text, lines=True)}</p></div>'
            for end, text in zip(("one", "other"), texts, strict=True)
        ]
        return f'{picture}<div class="said">{"".join(sides)}</div>'

    def _picture(self, item: int, things: Sequence[Sequence[Boxed]]) -> str:
        """Return the picture with boxes on it; without the picture, the boxes alone."""
        image = self._image(item)
        boxes = [[thing.box for thing in each if thing.box] for each in things]
        known = [box.image_size for each in boxes for box in each if box.image_size]
        # The picture may be a smaller copy, and the boxes are in the pixels of the one that was analysed.
        size = known[0] if known else image.size if image else None
        if size is None:
            return f'<p class="how">{self._words["no_picture"]}</p>' if any(boxes) else ""
        # A light line below each makes it stand out on a picture of its own colour.
        marks = "".join(
            f'<rect class="{kind}" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"/>'
            for is_line in (False, True)
            for end, each in zip(("one", "other"), boxes, strict=True)
            for kind in [end if is_line else "halo"]
            for box in each
        )
        view = f'viewBox="0 0 {size[0]} {size[1]}" preserveAspectRatio="none"'
        back = f'<img alt="" decoding="async" src="{_jpeg(image)}">' if image else _blank(size)
        return f'<span class="picture">{back}<svg aria-hidden="true" {view}>{marks}</svg></span>'

    def _image(self, item: int) -> Image.Image | None:
        """Return the picture of an input upright; None if it is not there."""
        from cloudai.media import Image as Picture  # most pages are about pictures, and those about texts need none

        # The inputs as they were given are better than their names: a name in a table is NFC, and the file's may not
        # be.
        pictures = self._comparison.sources if self._images is None else self._images
        given = pictures[item] if item < len(pictures) else self._comparison.names[item]
        try:
            # A picture that is gone leaves its boxes, which are drawn on an empty area.
            return in_colour(given) if isinstance(given, Image.Image) else Picture(given).open()
        except (CloudAIError, OSError):
            return None


def _folder_of(names: Sequence[str], operation: str) -> str:
    """Return the folder that all files are in, with its slash, or nothing: the page need not say where it is."""
    if OPERATIONS[operation].input == "text" or any("://" in name for name in names):
        return ""
    folders = zip(*(name.split("/")[:-1] for name in names), strict=False)
    shared = [parts[0] for parts in takewhile(lambda parts: len(set(parts)) == 1, folders)]
    return "".join(f"{part}/" for part in shared)


def _text(value: object, *, lines: bool = False) -> str:
    """Return a value as text that is safe in HTML, in an attribute too; on one line unless several are wanted."""
    safe: Callable[[str], str] = plain
    return escape("\n".join(map(safe, str(value).split("\n"))) if lines else plain(str(value)), quote=True)


def _kind(values: Sequence[Any]) -> str:
    """Return the class of a column's cells as an attribute: texts stand at the left."""
    return "" if all(isinstance(value, int | float | None) for value in values) else ' class="text"'


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _histogram(values: Sequence[float]) -> str:
    """Return a drawing with a bar for each tenth of the numbers from 0 to 1, and how many there are in it."""
    counts = [0] * BINS
    for value in values:
        # 1 itself belongs to the last bar.
        counts[min(int(value * BINS), BINS - 1)] += 1
    heights = [80 * count / max(counts) for count in counts]
    bars = "".join(
        f'<rect class="bar" x="{10 + 26 * n}" y="{100 - height:.1f}" width="22" height="{height:.1f}"/>'
        f'<text x="{21 + 26 * n}" y="{96 - height:.1f}" text-anchor="middle">{count or ""}</text>'
        for n, (count, height) in enumerate(zip(counts, heights, strict=True))
    )
    ends = '<text x="10" y="114">0</text><text x="270" y="114" text-anchor="end">1</text>'
    label = ", ".join(map(str, counts))
    return f'<svg role="img" aria-label="{label}" width="280" height="118" viewBox="0 0 280 118">{bars}{ends}</svg>'


def _blank(size: tuple[int, int]) -> str:
    """Return an empty area in the form of a picture that is not there."""
    return f'<svg style="position:static;height:auto" viewBox="0 0 {size[0]} {size[1]}"></svg>'


def _jpeg(image: Image.Image) -> str:
    small = in_colour(image)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    # The page has to be one file that can be mailed, so each picture in it is small.
    small.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
