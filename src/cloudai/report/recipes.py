"""Analyse photos and make a gallery or card news of them: the two tasks that the project began with.

Both work with any client. A feature that a provider lacks is left out or reported as missing; nothing is made up.
After a pause or Ctrl-C the files have what there is until then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from typing_extensions import Unpack

from cloudai.client import Client
from cloudai.errors import PausedError
from cloudai.media import Image
from cloudai.media.source import ADDRESS
from cloudai.models.image import Feature, ImageAnalysis
from cloudai.outcomes import Outcome, tidy
from cloudai.providers.base import Method
from cloudai.report.card_set import cards, untranslated
from cloudai.report.galleries import gallery
from cloudai.report.subjects import photo_column, subjects_of
from cloudai.report.words import Language, words_in
from cloudai.report.writing import making_folder, write_table
from cloudai.table import Table

__all__ = ["Finding", "by_method", "card_news", "features_on_a_card", "looked_at", "offered", "portrait_gallery"]

PathLike = str | os.PathLike[str]


class BatchKeywords(TypedDict, total=False):
    """The options of a batch that both functions accept; see `cloudai.Client.batch`."""

    journal: str | os.PathLike[str] | None
    """The file that keeps the paid replies: a second run with it asks only for what is missing."""
    pace: str | Sequence[str] | None
    """How many requests may go out in a time, for example "20/min", or "free"."""
    max_requests: int
    progress: bool | Callable[[Outcome[Any]], Any]


@dataclass(frozen=True)
class Finding:
    """The table and the files that a recipe made."""

    table: Table
    files: tuple[Path, ...]
    outcomes: tuple[Outcome[Any], ...] = field(repr=False, default=())

    @property
    def asked(self) -> int:
        """The number of pictures whose outcome did not come from the journal or the cache, failed ones included."""
        return sum(not outcome.facts.get("cached") for outcome in self.outcomes)


def portrait_gallery(
    client: Client,
    people: Iterable[tuple[str, PathLike]] | Table,
    folder: PathLike,
    *,
    features: Sequence[Feature] = ("faces", "caption"),
    title: str | None = None,
    language: Language = "en",
    method: Method | None = None,
    **batch: Unpack[BatchKeywords],
) -> Finding:
    """Analyse each portrait, and write ``gallery.html`` with upright crops of the faces, and tables.

    Photos at addresses are shown if the client fetches them (``fetch_urls=``).

    Tables are ``faces.csv`` if a reply says something of faces, and ``pictures.csv`` if anything but faces was asked
    for; there is always one of them, and the first is the table that is returned. A photo without a face, and one that
    could not be read, have their row and their tile too.

    Args:
        client: The client that analyses the pictures.
        people: Name and photo of each person, in order; or a table with a column "photo" or "사진", whose column "name"
            or "이름" holds the names, and whose other columns are shown too. Two persons may have the same name.
        folder: The folder to write to; it is made if it does not exist.
        features: The features to look for; those that the provider lacks are left out.
        title: Heading of the gallery; None is the word for portraits in its language.
        language: Language of the gallery's own words.
        method: "generative" has the provider's chat model look at the pictures; see `cloudai.CallOptions`.
        batch: ``journal=``, ``pace=``, ``progress=`` …: see `BatchKeywords`.

    Raises:
        SettingsError: There is no key; nothing was written.
        OutputError: A file cannot be written.
        PausedError: There was an outage, or a quota is used up. The files have what there is until then; another call
            with the same journal goes on.
    """
    listed = people if isinstance(people, Table) else [{"name": name, "photo": photo} for name, photo in people]
    column = photo_column(listed) if isinstance(listed, Table) else "photo"
    wanted = offered(client, features, method)
    # Captions say "person" for "man" and "woman", because a person's gender cannot be seen.
    asked = {"features": wanted, "missing": "report", "gender_neutral": True, **by_method(client, method, language)}
    # The results that are kept are shown before the reason of an early end is raised, because they are paid for.
    kept, stopped_by = looked_at(client, "analyze_image", listed, asked, batch, column=column)
    out = making_folder(folder)
    subjects = subjects_of(kept)
    theirs = isinstance(people, Table)
    outcomes = [
        # The columns "name" and "photo" of a list of pairs are ours, and would only repeat what the table has.
        _named(replace(outcome, row=outcome.row if theirs else None), subject.name)
        for outcome, subject in zip(kept, subjects, strict=True)
    ]
    tables = {}
    # A table of faces in which every row is empty would say that nobody has a face.
    if any(isinstance(o.result, ImageAnalysis) and o.result.faces is not None for o in outcomes) or not outcomes:
        tables["faces.csv"] = tidy(outcomes, "faces")
    if set(wanted) - {"faces"} or not tables:
        tables["pictures.csv"] = tidy(outcomes)
    for name, table in tables.items():
        write_table(table, out / name)
    given = [row[column] if isinstance(row, Mapping) else None for row in listed]
    addresses = [photo if isinstance(photo, str) and ADDRESS.match(photo) else None for photo in given]
    look: dict[str, Any] = {
        "title": title or words_in(language)["portraits"],
        "tiles": "portraits",
        "language": language,
    }
    page = gallery(subjects, out / "gallery.html", pictures=addresses, fetch_urls=client.fetching or False, **look)
    _raise_after(stopped_by, page)
    return Finding(next(iter(tables.values())), (page, *(out / name for name in tables)), tuple(outcomes))


def looked_at(
    client: Client,
    operation: str,
    given: Any,
    options: Mapping[str, Any],
    batch: BatchKeywords,
    *,
    column: str | None = None,
) -> tuple[list[Outcome[Any]], BaseException | None]:
    """Run a batch, and return its outcomes in the order of the inputs, and what ended it early.

    An outage, a spent quota or Ctrl-C leaves an outcome for each input: one that was not come to has an error.
    """
    settings: dict[str, Any] = {**batch, **({} if column is None else {"column": column})}
    with client.batch(operation, given, options=options, **settings) as job:
        stopped_by: BaseException | None = None
        running: Any = iter(job)
        try:
            for _ in running:
                pass
        except (PausedError, KeyboardInterrupt) as error:
            running.close()  # Ctrl-C may have come between two of its steps
            stopped_by = error
        return sorted(job, key=lambda outcome: outcome.item), stopped_by


def _raise_after(stopped_by: BaseException | None, file: Path) -> None:
    """Raise what ended a batch early, now that the files are written; a `PausedError` says that they are there."""
    if isinstance(stopped_by, PausedError):
        stopped_by.advice = f"{stopped_by.advice or ''} {file} has what there is until then.".strip()
    if stopped_by is not None:
        raise stopped_by


def _named(outcome: Outcome[Any], name: str) -> Outcome[Any]:
    """Return an outcome with the name of a person or a picture as its input, which no table shortens as a path."""
    return replace(outcome, input=name, facts={**outcome.facts, "is_path": False})


def _has(client: Client, method: Method | None) -> tuple[Feature, ...]:
    """Return the features of the provider's services, or of its chat model where that is asked for."""
    return client.provider.generative_features() if method == "generative" else client.provider.features()


def by_method(client: Client, method: Method | None, language: Language) -> dict[str, Any]:
    """Return the options of a call for a method. A chat model writes captions in any language, other services do not.

    Raises:
        UnsupportedOperationError: The provider has no chat model.
    """
    is_chat = client.provider.method_of("analyze_image", method) == "generative"
    return {"method": method, **({"language": language} if is_chat else {})}


def offered(client: Client, features: Sequence[Feature], method: Method | None = None) -> list[Feature]:
    """Return those of the features that the provider has; or all of them if it has none, so that its error says why."""
    has = _has(client, method)
    return [feature for feature in features if feature in has] or list(features)


def card_news(
    client: Client,
    photos: Iterable[PathLike],
    folder: PathLike,
    *,
    language: Language = "en",
    font: PathLike | None = None,
    formats: Sequence[str] = ("gif",),
    method: Method | None = None,
    **batch: Unpack[BatchKeywords],
) -> Finding:
    """Put a caption on every picture, and write ``cards/*.png``, ``cards.gif`` and ``cards.csv``.

    A caption is shown in the reader's language if the provider translates it. Where the provider has no captions, a
    card states what is known instead: size, faces, colours or tags. A photo that could not be read has its row in
    ``cards.csv`` and no card; if no photo could be read there is no ``cards.gif``.

    Args:
        client: The client that analyses the pictures, and translates the captions.
        photos: The files of the photos, in order.
        folder: The folder to write to; it is made if it does not exist.
        language: Language of the reader.
        font: Path of a font file; see `cloudai.report.find_font`.
        formats: What is made of the cards; see `cloudai.report.cards`.
        method: "generative" has the provider's chat model look at the pictures; see `cloudai.CallOptions`.
        batch: ``journal=``, ``pace=``, ``progress=`` …: see `BatchKeywords`.

    Raises:
        MissingFontError: No font has the letters of any caption.
        OutputError: A file cannot be written.
        PausedError: There was an outage, or a quota is used up. The files have what there is until then; another call
            with the same journal goes on.
    """
    listed = list(photos)
    features = features_on_a_card(client, method)
    named = {"language": language} if "colors" in features else {}  # the language of the names of the colours
    asked = {"features": features, "gender_neutral": True, **named, **by_method(client, method, language)}
    kept, stopped_by = looked_at(client, "analyze_image", listed, asked, batch)
    rows = kept
    foreign = untranslated(kept, language)
    # After a pause or Ctrl-C no second batch begins, which would be billed as well.
    if foreign and stopped_by is None and client.supports("translate"):
        translated, stopped_by = looked_at(client, "translate", foreign, {"to": language}, batch)
        rows = [*kept, *translated]
    out = making_folder(folder)
    outcomes = [_named(outcome, Image(listed[outcome.item]).name) for outcome in kept]
    table = tidy(outcomes)
    write_table(table, out / "cards.csv")
    fetching = client.fetching or False
    files = cards(rows, out, formats=formats, language=language, pictures=listed, fetch_urls=fetching, font=font)
    _raise_after(stopped_by, files[0])
    return Finding(table, (*files, out / "cards.csv"), tuple(outcomes))


def features_on_a_card(client: Client, method: Method | None = None) -> list[Feature]:
    """Return the features to put on a card: the caption if the provider has it, or tags or colours, with faces."""
    has = _has(client, method)
    if "caption" in has:
        return ["caption", "tags"]
    return ["tags", "faces"] if "tags" in has else ["colors", "faces"]
