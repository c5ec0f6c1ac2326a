"""Write tiles as one HTML file that sorts, filters, searches and enlarges, works offline, and loads nothing."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeAlias

from PIL import Image

from cloudai.errors import MissingExtraError
from cloudai.report.color import in_colour
from cloudai.report.columns import Column, columns_of, shown, value_of
from cloudai.report.marks import Mark
from cloudai.report.words import Language, words_in
from cloudai.report.writing import write_whole
from cloudai.text import plain

__all__ = ["Tile", "digest_of", "part_of_page", "save_page", "template", "webp"]

Shape: TypeAlias = Literal["faces", "pictures"]

SIZES = ((300, 400, 1200), (1000, 400, 900), (2500, 320, 0))
"""The longer side in px of the picture in a tile, and of the one in the large view, for so many tiles at most.

The large view of a longer page enlarges the picture of the tile, because one file could not hold both.
"""
SMALLEST = 240
"""Longer side in px of the picture in a tile, on a page with more tiles than `SIZES` names."""
MOST_AT_ONCE = 1000
"""Tiles of a page at most whose pictures a browser loads at once; those of a longer page are loaded by its script."""
QUALITY, EFFORT = 78, 4
AHEAD = 4
"""Tiles for each thread that are prepared before they are needed; each holds a picture."""


@dataclass(frozen=True)
class Tile:
    """One tile of a gallery: a name, a picture (None if there is none), and what is known of it."""

    name: str
    image: Image.Image | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Facts that are shown below the name, and by which tiles are sorted and filtered: numbers, texts, tuples."""
    note: str = ""
    """A line in small letters, for example the reason why nothing was found."""
    badge: str = ""
    """A word over the picture, for example "failed"."""
    whole: Image.Image | None = None
    """The picture of the large view; None if it is that of the tile."""
    marks: Sequence[Mark] = ()
    """The things that are drawn over the picture of the large view."""
    link: str = ""
    """An address (http or https) that the tile leads to."""
    nothing: str = ""
    """The words in place of a picture."""
    key: Any = None
    """Tiles with the same key have the same picture in the large view, which the page holds once; None for none."""


@dataclass(frozen=True)
class _Encoded:
    """A tile whose pictures are WebP files in base64."""

    tile: Tile
    picture: str
    size: tuple[int, int]
    whole: str


def save_page(
    tiles: Iterable[Tile],
    path: str | os.PathLike[str],
    *,
    title: str,
    count: int,
    shape: Shape = "faces",
    columns: Sequence[str] | None = None,
    language: Language = "en",
    footer: str | None = None,
) -> Path:
    """Write tiles as one HTML file with the pictures in it, and return its path.

    Args:
        tiles: The tiles in the order in which they are first shown; none is left out. They are taken one by one, so
            that not all pictures are in memory at once.
        path: The file to write, for example ``gallery.html``.
        title: The page's heading.
        count: About how many tiles there are; it decides how large the pictures are.
        shape: "faces" fills each tile with its picture, "pictures" shows the whole picture.
        columns: The facts that are shown, in this order; None shows all.
        language: Language of the page's own words.
        footer: A line of yours at the bottom, above the notice about what the machine does not know.

    Raises:
        InputError: The language is not one of the page's, or no tile has one of the columns.
        MissingExtraError: Jinja2 is not installed.
        OutputError: The file cannot be written.
    """
    words = words_in(language)
    page = template("gallery.html")
    small, large = next(((small, large) for most, small, large in SIZES if count <= most), (SMALLEST, 0))
    # The pictures are encoded before the columns are known, because tiles come one by one and are let go.
    encoded = list(_all_encoded(tiles, small, large))
    # A column for the status only makes sense where not all is well.
    facts = [_with_status(each.tile, words) for each in encoded] if any(e.tile.badge for e in encoded) else None
    heads = columns_of([each.tile.facts for each in encoded] if facts is None else facts, columns)
    text = page.render(
        language=language,
        title=plain(title),
        shape=shape,
        style=part_of_page("gallery.css"),
        script=part_of_page("gallery.js"),
        script_hash=digest_of(part_of_page("gallery.js")),
        columns=heads,
        late=count > MOST_AT_ONCE,
        tiles=_rows(encoded, facts, heads),
        footer=plain(footer) if footer else "",
        words=words,
    )
    return write_whole(path, text.encode())


def _with_status(tile: Tile, words: Mapping[str, str]) -> dict[str, Any]:
    """Return the facts of a tile with one by which a reader finds those that have a badge."""
    return {**tile.facts, words["status"]: tile.badge or words["ok"]}


def _rows(
    encoded: Sequence[_Encoded], facts: Sequence[Mapping[str, Any]] | None, columns: Sequence[Column]
) -> Iterator[dict[str, Any]]:
    """Yield the values of each tile as the template takes them.

    Args:
        encoded: The tiles.
        facts: By what each tile is sorted and filtered; None if that is what it shows.
        columns: The columns of the page.
    """
    first: dict[Any, int] = {}
    for n, each in enumerate(encoded):
        tile = each.tile
        key = n if tile.key is None else tile.key
        # The large picture of several faces stands in the page once; the other tiles refer to it.
        at = first.setdefault(key, n)
        yield {
            "name": plain(tile.name),
            "picture": each.picture,
            "size": each.size,
            "cells": [value_of((facts[n] if facts else tile.facts).get(column.key), column.kind) for column in columns],
            "whole": each.whole if at == n else "",
            "whole_at": at if at != n and encoded[at].whole else None,
            "marks": _marks(tile.marks),
            "facts": [(column.name, shown(tile.facts[column.key])) for column in columns if column.key in tile.facts],
            "note": plain(tile.note),
            "badge": plain(tile.badge),
            # The link is a cell of a user's table, and "javascript:" would run in the page.
            "link": tile.link if tile.link.lower().startswith(("http://", "https://")) else "",
            "nothing": plain(tile.nothing),
        }


def _marks(marks: Sequence[Mark]) -> str:
    """Return marks as JSON: for each its box as fractions of the picture, its kind, its label and its points."""
    written = []
    for mark in marks:
        if mark.box.image_size is None or not mark.is_inside:
            continue  # it cannot be told where in the picture it is, or there is nothing to see
        across, down = mark.box.image_size
        points = [[round(x / across, 4), round(y / down, 4)] for x, y in mark.points]
        written.append([*(round(n, 4) for n in mark.fractions), mark.kind, plain(mark.label)[:80], points])
    return json.dumps(written, ensure_ascii=False, separators=(",", ":")) if written else ""


def _all_encoded(tiles: Iterable[Tile], small: int, large: int) -> Iterator[_Encoded]:
    """Encode the pictures of tiles in several threads, and yield them in order."""
    # Pillow lets go of Python's lock while it shrinks and encodes, so threads use every core.
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads, "cloudai-page") as pool:
        waiting: list[Future[_Encoded]] = []
        keys: set[Any] = set()
        for tile in tiles:
            side = 0 if tile.key is not None and tile.key in keys else large
            keys.add(tile.key)
            waiting.append(pool.submit(_encoded, tile, small, side))
            # Without this limit all pictures would wait in memory for their turn.
            if len(waiting) > AHEAD * threads:
                yield waiting.pop(0).result()
        for each in waiting:
            yield each.result()


def _encoded(tile: Tile, small: int, large: int) -> _Encoded:
    picture, size = webp(tile.image, small) if tile.image is not None else ("", (0, 0))
    whole = tile.whole or tile.image
    # A picture that is hardly larger than the one in the tile is not kept twice.
    is_larger = whole is not None and (whole is not tile.image or max(whole.size) > small)
    written = webp(whole, large)[0] if large and whole is not None and is_larger else ""
    # The pictures themselves are let go, so that thousands of tiles fit into memory.
    kept = Tile(tile.name, None, tile.facts, tile.note, tile.badge, None, tile.marks, tile.link, tile.nothing, tile.key)
    return _Encoded(kept, picture, size, written)


def webp(image: Image.Image, side: int) -> tuple[str, tuple[int, int]]:
    """Return a picture as WebP in base64, without metadata and no larger than the side (px), and its size."""
    shrunk = in_colour(image)
    shrunk.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    shrunk.save(out, "WEBP", quality=QUALITY, method=EFFORT)
    return base64.b64encode(out.getvalue()).decode(), shrunk.size


def template(name: str) -> Any:
    """Return a template of this package, in which every value is made harmless for HTML.

    All of them extend ``page.html``, which has the head and the security policy of each page.

    Raises:
        MissingExtraError: Jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("a page", "report") from error
    loader = jinja2.FunctionLoader(part_of_page)
    # StrictUndefined makes a typing error in a template an error, and not an empty place in the page.
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, loader=loader).get_template(name)


def part_of_page(name: str) -> str:
    """Return the text of a file of this package, from which a page is made."""
    return files("cloudai.report").joinpath("templates", name).read_text(encoding="utf-8")


def digest_of(source: str) -> str:
    """Return the hash by which the page's security policy allows a script; no other script runs.

    https://www.w3.org/TR/CSP3/#grammardef-hash-source
    """
    return f"sha256-{base64.b64encode(sha256(source.encode()).digest()).decode()}"
