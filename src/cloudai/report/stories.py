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
from cloudai.errors import CloudAIError
from cloudai.media import Image
from cloudai.models.face import Faces
from cloudai.models.image import Feature, ImageAnalysis
from cloudai.report.cards import card, save_gif
from cloudai.report.gallery import Portrait, save_gallery
from cloudai.report.names import safe_name
from cloudai.table import Outcome, Table, tidy

__all__ = ["Finding", "card_news", "portrait_gallery"]

PathLike = str | os.PathLike[str]

WORDS = {
    "en": {
        "caption": "caption",
        "faces": "faces",
        "confidence": "confidence",
        "expression": "expression (guess)",
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
    outcomes: tuple[Outcome, ...] = field(repr=False, default=())


def portrait_gallery(
    client: Client,
    people: Iterable[tuple[str, PathLike]],
    folder: PathLike,
    *,
    title: str = "Portraits",
    language: Language = "en",
    progress: Callable[[int, str], Any] | None = None,
) -> Finding:
    """Find the face in each portrait; write ``gallery.html`` with upright crops, and ``faces.csv``.

    Args:
        client: Who finds the faces.
        people: Name and photo of each, in order; two may have one name.
        folder: Where to write; it is made if it is not there.
        title: Heading of the gallery.
        language: Of the gallery's own words.
        progress: Called with the number done and the name, after each.

    Nobody vanishes: a photo without a face, and one that could not be read, have their row and their tile.
    """
    out = _folder(folder)
    outcomes, tiles = [], []
    for item, (name, photo) in enumerate(people):
        outcome = _outcome(item, name, partial(client.detect_faces, photo))
        outcomes.append(outcome)
        tiles.append(_portrait(outcome, photo, WORDS[language]))
        if progress:
            progress(item + 1, name)
    table = tidy(outcomes)
    table.to_csv(out / "faces.csv")
    gallery = save_gallery(tiles, out / "gallery.html", title=title, language=language)
    return Finding(table, (gallery, out / "faces.csv"), tuple(outcomes))


def _portrait(outcome: Outcome, photo: PathLike, words: Mapping[str, str]) -> Portrait:
    faces = outcome.result
    if not isinstance(faces, Faces):
        return Portrait(outcome.input, None, note=str(outcome.error))
    facts = {words["faces"]: str(len(faces))}
    if not faces.faces:
        return Portrait(outcome.input, None, facts)
    face = faces.faces[0]
    if face.confidence is not None:
        facts[words["confidence"]] = f"{face.confidence:.2f}"
    if face.emotions and face.emotions.top:
        facts[words["expression"]] = face.emotions.top
    if faces.meta.image_size:
        facts[words["size"]] = "×".join(map(str, faces.meta.image_size))
    return Portrait(outcome.input, face.crop(os.fspath(photo), aspect=3 / 4), facts)


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
        language: Of the card's own words, and of captions where the provider has them in it.
        font: Path of a font file; see `cloudai.report.find_font`.
        progress: Called with the number done and the name, after each.

    Raises:
        MissingFontError: No font has all characters of a caption.
        InputError: Not one photo could be used.
    """
    out = _folder(folder)
    outcomes, cards = [], []
    wanted = _features(client)
    for item, photo in enumerate(photos):
        name = Image(photo).name
        ask = partial(client.analyze_image, photo, features=wanted, language=language, gender_neutral=True)
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


def _features(client: Client) -> list[Feature]:
    """What a card can be made of, of what the provider has: a caption, or tags, or colours and faces."""
    note = client.provider.capabilities()["analyze_image"].note
    if client.provider.name == "local":
        return ["colors", "faces"]
    return ["tags", "faces"] if "no captions" in note else ["caption", "tags"]


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


def _outcome(item: int, name: str, ask: Callable[[], Faces | ImageAnalysis]) -> Outcome:
    try:
        return Outcome(item, name, result=ask())
    except CloudAIError as error:
        return Outcome(item, name, error=error)


def _folder(path: PathLike) -> Path:
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
