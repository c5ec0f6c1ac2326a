"""The two stories the project began with: a gallery of portraits, and card news.

Both take any client. What a provider does not have is left out, or said to be missing: nothing is made up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from PIL import Image as Pictures

from cloudai.client import Client
from cloudai.errors import HOPELESS, CloudAIError, UnsupportedOperationError
from cloudai.media import Image
from cloudai.models.image import Feature, ImageAnalysis
from cloudai.report.cards import card, save_gif
from cloudai.report.gallery import Portrait, save_gallery
from cloudai.report.names import safe_name
from cloudai.table import Outcome, Table, tidy

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


@dataclass(frozen=True)
class Finding:
    """What was made: the table, and the files to open."""

    table: Table
    files: tuple[Path, ...]
    outcomes: tuple[Outcome[Any], ...] = field(repr=False, default=())


def portrait_gallery(
    client: Client,
    people: Iterable[tuple[str, PathLike]],
    folder: PathLike,
    *,
    features: Sequence[Feature] = ("faces", "caption"),
    title: str = "Portraits",
    language: Language = "en",
    progress: Callable[[int, str], Any] | None = None,
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
        progress: Called with the number done and the name, after each.

    Nobody vanishes: a photo without a face, and one that could not be read, have their row and their tile.

    Raises:
        SettingsError: No key; nothing was written.
    """
    out = _folder(folder)
    wanted = _offered(client, features)
    outcomes, tiles = [], []
    for item, (name, photo) in enumerate(people):
        # "person" for "man" and "woman": how somebody looks does not tell.
        ask = partial(client.analyze_image, photo, features=wanted, missing="report", gender_neutral=True)
        outcome = _outcome(item, name, ask)
        outcomes.append(outcome)
        tiles.append(_portrait(outcome, photo, WORDS[language]))
        if progress:
            progress(item + 1, name)
    tables = {}
    if any(isinstance(o.result, ImageAnalysis) and o.result.faces is not None for o in outcomes) or not tiles:
        tables["faces.csv"] = tidy(map(_faces_of, outcomes))
    if set(wanted) - {"faces"} or not tables:
        tables["pictures.csv"] = tidy(outcomes)
    for name, table in tables.items():
        table.to_csv(out / name)
    gallery = save_gallery(tiles, out / "gallery.html", title=title, language=language)
    return Finding(next(iter(tables.values())), (gallery, *(out / name for name in tables)), tuple(outcomes))


def _offered(client: Client, features: Sequence[Feature]) -> list[Feature]:
    """Of these features the ones the provider has; all of them where it has none, so that it says why."""
    has = client.provider.features()
    return [feature for feature in features if feature in has] or list(features)


def _faces_of(outcome: Outcome[Any]) -> Outcome[Any]:
    """The faces of a picture as an outcome of their own."""
    found = outcome.result
    if not isinstance(found, ImageAnalysis):
        return outcome
    if found.faces is None:
        error = UnsupportedOperationError("the reply says nothing of faces")
        error.provider = found.meta.provider
        return Outcome(outcome.item, outcome.input, error=error)
    return Outcome(outcome.item, outcome.input, result=found.faces)


def _portrait(outcome: Outcome[Any], photo: PathLike, words: Mapping[str, str]) -> Portrait:
    """The tile: the largest face cut out; the whole picture where nobody looked for faces."""
    found = outcome.result
    if not isinstance(found, ImageAnalysis):
        return Portrait(outcome.input, None, note=str(outcome.error))
    facts = {words["caption"]: found.caption.text} if found.caption else {}
    if found.faces is None:
        return Portrait(outcome.input, _small(Image(photo).open()), facts)
    facts[words["faces"]] = str(len(found.faces))
    if not found.faces.faces:
        return Portrait(outcome.input, None, facts)
    face = found.faces[0]
    if face.confidence is not None:
        facts[words["confidence"]] = f"{face.confidence:.2f}"
    if face.emotions and face.emotions.top:
        facts[words["expression"]] = face.emotions.top
    if face.age and face.age.years is not None:
        facts[words["age"]] = f"{face.age.years:.0f}"
    if found.width:
        facts[words["size"]] = f"{found.width}×{found.height}"
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
    progress: Callable[[int, str], Any] | None = None,
) -> Finding:
    """Put a caption on every picture; write ``cards/*.png``, ``cards.gif`` and ``cards.csv``.

    Where the provider has no captions a card says what is known: size, faces, colours or tags.

    Args:
        client: Who looks at the pictures.
        photos: Files, in order.
        folder: Where to write; it is made if it is not there.
        language: Of the card's own words; captions are in English, as providers give them.
        font: Path of a font file; see `cloudai.report.find_font`.
        progress: Called with the number done and the name, after each.

    Raises:
        MissingFontError: No font has all characters of a caption.
        InputError: Not one photo could be used.
    """
    out = _folder(folder)
    outcomes, cards = [], []
    wanted = _on_a_card(client)
    for item, photo in enumerate(photos):
        name = Image(photo).name
        ask = partial(client.analyze_image, photo, features=wanted, gender_neutral=True)
        outcome = _outcome(item, name, ask)
        outcomes.append(outcome)
        if isinstance(outcome.result, ImageAnalysis):
            caption, footnote = _words(name, outcome.result, language)
            cards.append((name, card(Image(photo).open(), caption, footnote=footnote, font=font)))
        if progress:
            progress(item + 1, name)
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


def _words(name: str, found: ImageAnalysis, language: Language) -> tuple[str, str]:
    """The caption and where it comes from."""
    who, words = found.meta.provider, WORDS[language]
    if found.caption:
        return found.caption.text, f"{name} · {who}"
    facts = [f"{found.width}×{found.height}"] if found.width else []
    if found.faces is not None:
        n = len(found.faces)
        facts.append(words["none"] if n == 0 else words["one"] if n == 1 else words["many"].format(n=n))
    facts += [tag.name for tag in (found.tags or ())[:4]]
    facts += [color.name or color.hex or "" for color in (found.colors or ())[:3]]
    return " · ".join(dict.fromkeys(facts)), f"{name} · {words['sources'].format(who=who)}"


def _outcome(item: int, name: str, ask: Callable[[], ImageAnalysis]) -> Outcome[Any]:
    try:
        return Outcome(item, name, result=ask())
    except HOPELESS:
        raise
    except CloudAIError as error:
        return Outcome(item, name, error=error)


def _folder(path: PathLike) -> Path:
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
