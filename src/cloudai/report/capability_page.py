"""Write what providers can do, and what vendors have switched off and when, as one HTML file that loads nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from cloudai.providers.registry import names
from cloudai.providers.retirements import capabilities, retirements
from cloudai.report.page import part_of_page, template
from cloudai.report.words import Language, words_in
from cloudai.report.writing import write_whole
from cloudai.text import plain
from cloudai.wording import say, translated, using

__all__ = ["save_capabilities"]


def save_capabilities(
    path: str | os.PathLike[str], *, title: str | None = None, language: Language = "en", today: date | None = None
) -> Path:
    """Write one HTML file of who offers which operation, and of what was switched off when, and return its path.

    Nothing is sent. The facts are those of `cloudai.capabilities` and `cloudai.retirements`, each with the day on which
    it was last checked and the vendor's page.

    Args:
        path: The file to write, which is replaced.
        title: The page's heading; by default one in the language.
        language: Language of the page.
        today: An end on this day, or before it, counts as past; by default that of this computer's clock, in UTC.

    Raises:
        InputError: The language is not one of the page's.
        MissingExtraError: Jinja2 is not installed.
        OutputError: The file cannot be written.
    """
    words_in(language)
    # The facts are written in English by the providers, and translated as they are put into the page.
    with using(language):
        text = template("capabilities.html").render(
            language=language,
            title=plain(title or say("What the providers can do, and what was switched off")),
            style=part_of_page("plot.css") + part_of_page("plot_page.css") + part_of_page("capabilities.css"),
            providers=names(),
            operations=list(_operations()),
            ends=list(_ends((today or datetime.now(UTC).date()).isoformat())),
            say=say,
        )
    return write_whole(path, text.encode())


def _operations() -> Iterator[dict[str, Any]]:
    """Yield each operation with what every provider has for it: its methods, in the words of the reader."""
    for operation, rows in groupby(capabilities(), key=lambda row: row["operation"]):
        cells: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            cells.setdefault(row["provider"], []).append(_method(row))
        yield {"name": operation, "cells": cells}


def _method(row: dict[str, Any]) -> dict[str, Any]:
    by_chat_model = row["method"] == "generative"
    return {
        "kind": "generative" if by_chat_model else row["status"],
        "status": say("generative") if by_chat_model else translated(row["status"]),
        "since": row["since"],
        "until": row["until"],
        "needs": translated(row["needs"] or ""),
        "note": translated(row["note"] or ""),
        "page": _address(row["page"]),
        "checked": row["checked"],
    }


def _ends(today: str) -> Iterator[dict[str, Any]]:
    for row in retirements():
        told = {name: translated(row[name]) for name in ("service", "what", "instead")}
        yield {**row, **told, "page": _address(row["page"]), "past": row["date"] <= today}


def _address(page: str | None) -> str | None:
    """Return the address of a page where it is one of the web: any provider may have declared it."""
    # An address such as "javascript:…" would run in the page of whoever clicks it.
    return page if page and page.startswith(("https://", "http://")) else None
