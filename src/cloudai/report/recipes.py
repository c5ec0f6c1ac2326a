"""The two stories the project began with: a gallery of portraits, and card news.

Both take any client. What a provider does not have is left out, or said to be missing: nothing is made up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypedDict

from PIL import Image as Pictures
from typing_extensions import Unpack

from cloudai.client import Client
from cloudai.errors import UnsupportedOperationError
from cloudai.media import Image
from cloudai.models.image import Feature, ImageAnalysis
from cloudai.outcomes import Outcome, tidy
from cloudai.report.cards import card, save_gif
from cloudai.report.filenames import safe_name
from cloudai.report.gallery import Portrait, save_gallery
from cloudai.table import Table

__all__ = ["Finding", "card_news", "portrait_gallery"]

PathLike = str | os.PathLike[str]

TILE = 800
"""Longest side of a picture kept for the gallery, px."""

WORDS = {
    "en": {
        "caption": "caption",
        "faces": "faces",
        "confidence": "confidence",
        "expression": "expression (guess)",
        "age": "age (guess)",
        "size": "size",
        "face": "face {n}",
        "one": "1 face",
        "many": "{n} faces",
        "none": "no faces",
        "sources": "What {who} says of it; there is no caption.",
    },
    "ko": {
        "caption": "설명",
        "faces": "얼굴 수",
        "confidence": "확신도",
        "expression": "표정(어림)",
        "age": "나이(어림)",
        "size": "크기",
        "face": "얼굴 {n}",
        "one": "얼굴 1",
        "many": "얼굴 {n}",
        "none": "얼굴 없음",
        "sources": "{who}가 아는 것; 문장 설명은 없음.",
    },
}
Language = Literal["en", "ko"]


class BatchKeywords(TypedDict, total=False):
    """What a story takes of a batch; see `cloudai.Client.batch`."""

    journal: str | os.PathLike[str] | None
    """The file that keeps what was paid for: run again with it, only what is missing is asked for."""
    pace: str | Sequence[str] | None
    """For example "20/min", or "free"."""
    max_requests: int
    progress: bool | Callable[[Outcome[Any]], Any]


@dataclass(frozen=True)
class Finding:
    """What was made: the table, and the files to open."""

    table: Table
    files: tuple[Path, ...]
    outcomes: tuple[Outcome[Any], ...] = field(repr=False, default=())

    @property
    def asked(self) -> int:
        """How many were looked at now; the others come from the journal."""
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
    """Look at each portrait; write ``gallery.html`` with upright crops of the faces, and tables.

    Tables are ``faces.csv``, and ``pictures.csv`` where captions, tags or grades were asked for.

    Args:
        client: Who looks at the pictures.
        people: Name and photo of each, in order; two may have one name.
        folder: Where to write; it is made if it is not there.
        features: What to look for; what the provider does not have is left out.
        title: Heading of the gallery.
        language: Of the gallery's own words.
        batch: ``journal=``, ``pace=``, ``progress=`` …: see `Kept`.

    Nobody vanishes: a photo without a face, and one that could not be read, have their row and their tile.

    Raises:
        SettingsError: No key; nothing was written.
        PausedError: An outage, or a spent quota; called again with the same journal, it goes on.
    """
    people = list(people)
    wanted = _offered(client, features)
    # "person" for "man" and "woman": how somebody looks does not tell.
    options = {"features": wanted, "missing": "report", "gender_neutral": True}
    looked_at = _looked_at(client, [photo for _, photo in people], options, batch)
    out = _folder(folder)
    outcomes = [replace(outcome, input=people[outcome.item][0]) for outcome in looked_at]
    tiles = [_portrait(outcome, people[outcome.item][1], WORDS[language]) for outcome in outcomes]
    tables = {}
    if any(isinstance(o.result, ImageAnalysis) and o.result.faces is not None for o in outcomes) or not tiles:
        tables["faces.csv"] = tidy(map(_faces_of, outcomes))
    if set(wanted) - {"faces"} or not tables:
        tables["pictures.csv"] = tidy(outcomes)
    for name, table in tables.items():
        table.to_csv(out / name)
    gallery = save_gallery(tiles, out / "gallery.html", title=title, language=language)
    return Finding(next(iter(tables.values())), (gallery, *(out / name for name in tables)), tuple(outcomes))


def _looked_at(
    client: Client, photos: Sequence[PathLike], options: Mapping[str, Any], batch: BatchKeywords
) -> list[Outcome[ImageAnalysis]]:
    """The outcome of every photo, in order, by a batch."""
    with client.batch("analyze_image", photos, options=options, **batch) as job:
        return sorted(job, key=lambda outcome: outcome.item)


def _offered(client: Client, features: Sequence[Feature]) -> list[Feature]:
    """Of these features the ones the provider has; all of them where it has none, so that it says why."""
    has = client.provider.features()
    return [feature for feature in features if feature in has] or list(features)


def _faces_of(outcome: Outcome[Any]) -> Outcome[Any]:
    """The faces of a picture as an outcome of their own."""
    analysis = outcome.result
    if not isinstance(analysis, ImageAnalysis):
        return outcome
    if analysis.faces is None:
        error = UnsupportedOperationError("the reply says nothing of faces")
        error.provider = analysis.meta.provider
        return Outcome(outcome.item, outcome.input, error=error)
    return Outcome(outcome.item, outcome.input, result=analysis.faces)


def _portrait(outcome: Outcome[Any], photo: PathLike, words: Mapping[str, str]) -> Portrait:
    """The tile: the largest face cut out; the whole picture where nobody looked for faces."""
    analysis = outcome.result
    if not isinstance(analysis, ImageAnalysis):
        return Portrait(outcome.input, None, note=str(outcome.error))
    facts = {words["caption"]: analysis.caption.text} if analysis.caption else {}
    if analysis.faces is None:
        return Portrait(outcome.input, _small(Image(photo).open()), facts)
    facts[words["faces"]] = str(len(analysis.faces))
    if not analysis.faces.faces:
        return Portrait(outcome.input, None, facts)
    face = analysis.faces[0]
    if face.confidence is not None:
        facts[words["confidence"]] = f"{face.confidence:.2f}"
    if face.emotions and face.emotions.top:
        facts[words["expression"]] = face.emotions.top
    if face.age and face.age.years is not None:
        facts[words["age"]] = f"{face.age.years:.0f}"
    if analysis.width:
        facts[words["size"]] = f"{analysis.width}×{analysis.height}"
    return Portrait(outcome.input, _small(face.crop(os.fspath(photo), aspect=3 / 4)), facts)


def _small(picture: Pictures.Image) -> Pictures.Image:
    """No larger than a tile shows: three hundred whole photos would not fit into the memory of a school's computer."""
    picture.thumbnail((TILE, TILE))
    return picture


def card_news(
    client: Client,
    photos: Iterable[PathLike],
    folder: PathLike,
    *,
    language: Language = "en",
    font: PathLike | None = None,
    **batch: Unpack[BatchKeywords],
) -> Finding:
    """Put a caption on every picture; write ``cards/*.png``, ``cards.gif`` and ``cards.csv``.

    Where the provider has no captions a card says what is known: size, faces, colours or tags.

    Args:
        client: Who looks at the pictures.
        photos: Files, in order.
        folder: Where to write; it is made if it is not there.
        language: Of the card's own words; captions are in English, as providers give them.
        font: Path of a font file; see `cloudai.report.find_font`.
        batch: ``journal=``, ``pace=``, ``progress=`` …: see `Kept`.

    Raises:
        MissingFontError: No font has all characters of a caption.
        InputError: Not one photo could be used.
        PausedError: An outage, or a spent quota; called again with the same journal, it goes on.
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
        # The number keeps two photos of one name apart.
        shown.save(pictures / safe_name(number, Path(name).stem, ".png"))
    return save_gif([shown for _, shown in cards], out / "cards.gif"), pictures


def _on_a_card(client: Client) -> list[Feature]:
    """What a card can be made of, of what the provider has: a caption, or tags and faces, or colours and faces."""
    has = client.provider.features()
    if "caption" in has:
        return ["caption", "tags"]
    return ["tags", "faces"] if "tags" in has else ["colors", "faces"]


def _words(name: str, analysis: ImageAnalysis, language: Language) -> tuple[str, str]:
    """The caption and where it comes from."""
    who, words = analysis.meta.provider, WORDS[language]
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
