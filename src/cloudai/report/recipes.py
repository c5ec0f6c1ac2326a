"""Make a gallery of portraits, or card news, from a folder of photos: the two tasks that the project began with.

Both work with any client. A feature that a provider lacks is left out or reported as missing; nothing is made up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from PIL import Image as Pictures
from typing_extensions import Unpack

from cloudai.client import Client
from cloudai.errors import UnsupportedOperationError
from cloudai.media import Image
from cloudai.models.image import Feature, ImageAnalysis
from cloudai.outcomes import Outcome, tidy
from cloudai.report.cards import card, save_gif
from cloudai.report.filenames import safe_name
from cloudai.report.gallery import gallery
from cloudai.report.subjects import subjects_of
from cloudai.report.words import Language, words_in
from cloudai.table import Table

__all__ = ["Finding", "card_news", "portrait_gallery"]

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
    people: Iterable[tuple[str, PathLike]],
    folder: PathLike,
    *,
    features: Sequence[Feature] = ("faces", "caption"),
    title: str = "Portraits",
    language: Language = "en",
    **batch: Unpack[BatchKeywords],
) -> Finding:
    """Analyse each portrait, and write ``gallery.html`` with upright crops of the faces, and tables.

    Tables are ``faces.csv`` if a reply says something of faces, and ``pictures.csv`` if anything but faces was asked
    for; there is always one of them, and the first is the table that is returned. A photo without a face, and one that
    could not be read, have their row and their tile too.

    Args:
        client: The client that analyses the pictures.
        people: Name and photo of each person, in order; two persons may have the same name.
        folder: The folder to write to; it is made if it does not exist.
        features: The features to look for; those that the provider lacks are left out.
        title: Heading of the gallery.
        language: Language of the gallery's own words.
        batch: ``journal=``, ``pace=``, ``progress=`` …: see `BatchKeywords`.

    Raises:
        SettingsError: There is no key; nothing was written.
        PausedError: There was an outage, or a quota is used up. Another call with the same journal goes on.
    """
    people = list(people)
    wanted = _offered(client, features)
    # Captions say "person" for "man" and "woman", because a person's gender cannot be seen.
    options = {"features": wanted, "missing": "report", "gender_neutral": True}
    looked_at = _looked_at(client, [photo for _, photo in people], options, batch)
    out = _folder(folder)
    outcomes = [replace(outcome, input=people[outcome.item][0]) for outcome in looked_at]
    tables = {}
    if any(isinstance(o.result, ImageAnalysis) and o.result.faces is not None for o in outcomes) or not outcomes:
        tables["faces.csv"] = tidy(map(_faces_of, outcomes))
    if set(wanted) - {"faces"} or not tables:
        tables["pictures.csv"] = tidy(outcomes)
    for name, table in tables.items():
        table.to_csv(out / name)
    page = gallery(
        [replace(subject, name=people[subject.item][0]) for subject in subjects_of(outcomes)],
        out / "gallery.html",
        title=title,
        tiles="faces",
        pictures=[photo for _, photo in people],
        language=language,
    )
    return Finding(next(iter(tables.values())), (page, *(out / name for name in tables)), tuple(outcomes))


def _looked_at(
    client: Client, photos: Sequence[PathLike], options: Mapping[str, Any], batch: BatchKeywords
) -> list[Outcome[ImageAnalysis]]:
    """Analyse all photos in a batch, and return their outcomes in order."""
    with client.batch("analyze_image", photos, options=options, **batch) as job:
        return sorted(job, key=lambda outcome: outcome.item)


def _offered(client: Client, features: Sequence[Feature]) -> list[Feature]:
    """Return those of the features that the provider has; or all of them if it has none, so that its error says why."""
    has = client.provider.features()
    return [feature for feature in features if feature in has] or list(features)


def _faces_of(outcome: Outcome[Any]) -> Outcome[Any]:
    """Return an outcome with nothing but the faces of a picture."""
    analysis = outcome.result
    if not isinstance(analysis, ImageAnalysis):
        return outcome
    if analysis.faces is None:
        error = UnsupportedOperationError("the reply says nothing of faces")
        error.provider = analysis.meta.provider
        return Outcome(outcome.item, outcome.input, error=error)
    return Outcome(outcome.item, outcome.input, result=analysis.faces)


def card_news(
    client: Client,
    photos: Iterable[PathLike],
    folder: PathLike,
    *,
    language: Language = "en",
    font: PathLike | None = None,
    **batch: Unpack[BatchKeywords],
) -> Finding:
    """Put a caption on every picture, and write ``cards/*.png``, ``cards.gif`` and ``cards.csv``.

    Where the provider has no captions, a card states what is known instead: size, faces, colours or tags. A photo that
    could not be read has its row in ``cards.csv`` and no card; if no photo could be read there is no ``cards.gif``.

    Args:
        client: The client that analyses the pictures.
        photos: The files of the photos, in order.
        folder: The folder to write to; it is made if it does not exist.
        language: Language of the card's own words; captions are in English, as providers give them.
        font: Path of a font file; see `cloudai.report.find_font`.
        batch: ``journal=``, ``pace=``, ``progress=`` …: see `BatchKeywords`.

    Raises:
        MissingFontError: No font has all characters of a caption.
        PausedError: There was an outage, or a quota is used up. Another call with the same journal goes on.
    """
    photos = list(photos)
    options = {"features": _on_a_card(client), "gender_neutral": True}
    looked_at = _looked_at(client, photos, options, batch)
    out = _folder(folder)
    outcomes = [replace(outcome, input=Image(photos[outcome.item]).name) for outcome in looked_at]
    cards = []
    for outcome in outcomes:
        if outcome.result is not None:
            caption, footnote = _words(outcome.input, outcome.result, language)
            drawn = card(Image(photos[outcome.item]).open(), caption, footnote=footnote, font=font)
            cards.append((outcome.input, drawn))
    table = tidy(outcomes)
    table.to_csv(out / "cards.csv")
    files = _write_cards(cards, out) if cards else ()
    return Finding(table, (*files, out / "cards.csv"), tuple(outcomes))


def _write_cards(cards: Sequence[tuple[str, Pictures.Image]], out: Path) -> tuple[Path, ...]:
    pictures = _folder(out / "cards")
    for number, (name, shown) in enumerate(cards, start=1):
        # The number keeps two photos of the same name apart.
        shown.save(pictures / safe_name(number, Path(name).stem, ".png"))
    return save_gif([shown for _, shown in cards], out / "cards.gif"), pictures


def _on_a_card(client: Client) -> list[Feature]:
    """Return the features to put on a card: the caption if the provider has it, or tags or colours, with faces."""
    has = client.provider.features()
    if "caption" in has:
        return ["caption", "tags"]
    return ["tags", "faces"] if "tags" in has else ["colors", "faces"]


def _words(name: str, analysis: ImageAnalysis, language: Language) -> tuple[str, str]:
    """Return the caption of a card, and the footnote that says where it comes from."""
    who, words = analysis.meta.provider, words_in(language)
    if analysis.caption:
        return analysis.caption.text, f"{name} · {who}"
    facts = [f"{analysis.width}×{analysis.height}"] if analysis.width else []
    if analysis.faces is not None:
        n = len(analysis.faces)
        facts.append(words["none"] if n == 0 else words["one"] if n == 1 else words["many"].format(n=n))
    facts += [tag.name for tag in (analysis.tags or ())[:4]]
    facts += [color.name or color.hex or "" for color in (analysis.colors or ())[:3]]
    return " · ".join(dict.fromkeys(facts)), f"{name} · {words['sources'].format(who=who)}"


def _folder(path: PathLike) -> Path:
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
