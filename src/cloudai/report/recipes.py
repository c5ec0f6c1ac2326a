"""Make a gallery of portraits, or card news, from a folder of photos: the two tasks that the project began with.

Both work with any client. A feature that a provider lacks is left out or reported as missing; nothing is made up.
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
from cloudai.errors import PausedError
from cloudai.media import Image
from cloudai.models.face import Age
from cloudai.models.image import Feature, ImageAnalysis
from cloudai.outcomes import Outcome, tidy
from cloudai.providers.base import Method
from cloudai.report.cards import card, save_gif
from cloudai.report.filenames import safe_name
from cloudai.report.gallery import Portrait, save_gallery
from cloudai.table import Table

__all__ = ["Finding", "card_news", "portrait_gallery"]

PathLike = str | os.PathLike[str]

TILE = 800
"""Longer side of a picture that is kept for the gallery, in px."""

WORDS = {
    "en": {
        "caption": "caption",
        "faces": "faces",
        "confidence": "confidence",
        "expression": "expression (guess)",
        "age": "age (guess)",
        "local expression": "expression (a baseline model's guess)",
        "local age": "age (a baseline model's guess)",
        "mean": "mean {years}",
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
        "local expression": "표정(간단한 모델의 어림)",
        "local age": "나이(간단한 모델의 어림)",
        "mean": "평균 {years}",
        "size": "크기",
        "face": "얼굴 {n}",
        "one": "얼굴 1",
        "many": "얼굴 {n}",
        "none": "얼굴 없음",
        "sources": "{who}가 아는 것; 문장 설명은 없음.",
        "anger": "분노",
        "contempt": "경멸",
        "disgust": "혐오",
        "fear": "두려움",
        "happiness": "기쁨",
        "neutral": "무표정",
        "sadness": "슬픔",
        "surprise": "놀람",
        "calm": "차분함",
        "confused": "혼란",
    },
}
Language = Literal["en", "ko"]


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
    method: Method | None = None,
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
        language: Language of the gallery's own words, and of captions by a chat model.
        method: "generative" has the provider's chat model look at the pictures; see `cloudai.CallOptions`.
        batch: ``journal=``, ``pace=``, ``progress=`` …: see `BatchKeywords`.

    Raises:
        SettingsError: There is no key; nothing was written.
        PausedError: There was an outage, or a quota is used up. The files have what there is until then; another call
            with the same journal goes on.
    """
    people = list(people)
    wanted = _offered(client, features, method)
    # Captions say "person" for "man" and "woman", because a person's gender cannot be seen.
    options = {"features": wanted, "missing": "report", "gender_neutral": True, **_by(client, method, language)}
    looked_at, stopped_by = _looked_at(client, [photo for _, photo in people], options, batch)
    out = _folder(folder)
    outcomes = [_named(outcome, people[outcome.item][0]) for outcome in looked_at]
    tiles = [_portrait(outcome, people[outcome.item][1], WORDS[language]) for outcome in outcomes]
    tables = {}
    if any(isinstance(o.result, ImageAnalysis) and o.result.faces is not None for o in outcomes) or not tiles:
        tables["faces.csv"] = tidy(outcomes, "faces")
    if set(wanted) - {"faces"} or not tables:
        tables["pictures.csv"] = tidy(outcomes)
    for name, table in tables.items():
        table.to_csv(out / name)
    gallery = save_gallery(tiles, out / "gallery.html", title=title, language=language)
    _raise_after(stopped_by, [gallery])
    return Finding(next(iter(tables.values())), (gallery, *(out / name for name in tables)), tuple(outcomes))


def _looked_at(
    client: Client, photos: Sequence[PathLike], options: Mapping[str, Any], batch: BatchKeywords
) -> tuple[list[Outcome[ImageAnalysis]], BaseException | None]:
    """Analyse all photos in a batch, and return their outcomes in order, and what ended the batch early.

    An outage, a spent quota or Ctrl-C leaves outcomes for all photos: those that were not come to have an error.
    """
    with client.batch("analyze_image", photos, options=options, **batch) as job:
        stopped_by: BaseException | None = None
        running: Any = iter(job)
        try:
            for _ in running:
                pass
        except (PausedError, KeyboardInterrupt) as error:
            running.close()  # Ctrl-C may have come between two of its steps
            stopped_by = error
        return sorted(job, key=lambda outcome: outcome.item), stopped_by


def _raise_after(stopped_by: BaseException | None, files: Sequence[Path]) -> None:
    """Raise what ended the batch early, now that the files are written; a `PausedError` says that they are there."""
    if isinstance(stopped_by, PausedError):
        stopped_by.advice = f"{stopped_by.advice or ''} {files[0]} has what there is until then.".strip()
    if stopped_by is not None:
        raise stopped_by


def _named(outcome: Outcome[ImageAnalysis], name: str) -> Outcome[ImageAnalysis]:
    """Return an outcome with the name of a person or a picture as its input, which no table shortens as a path."""
    return replace(outcome, input=name, facts={**outcome.facts, "is_path": False})


def _has(client: Client, method: Method | None) -> tuple[Feature, ...]:
    """Return the features of the provider's services, or of its chat model where that is asked for."""
    return client.provider.generative_features() if method == "generative" else client.provider.features()


def _by(client: Client, method: Method | None, language: Language) -> dict[str, Any]:
    """Return the options of a call for a method. A chat model writes captions in any language, other services do not.

    Raises:
        UnsupportedOperationError: The provider has no chat model.
    """
    is_chat = client.provider.method_of("analyze_image", method) == "generative"
    return {"method": method, **({"language": language} if is_chat else {})}


def _offered(client: Client, features: Sequence[Feature], method: Method | None) -> list[Feature]:
    """Return those of the features that the provider has; or all of them if it has none, so that its error says why."""
    has = _has(client, method)
    return [feature for feature in features if feature in has] or list(features)


def _portrait(outcome: Outcome[Any], photo: PathLike, words: Mapping[str, str]) -> Portrait:
    """Return a tile with the largest face, or with the whole picture if faces were not asked for."""
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
    local = "local " if analysis.meta.method == "local" else ""
    if face.emotions and face.emotions.top:
        facts[words[f"{local}expression"]] = words.get(face.emotions.top, face.emotions.top)
    if face.age and (years := _years(face.age, words)):
        facts[words[f"{local}age"]] = years
    if analysis.width:
        facts[words["size"]] = f"{analysis.width}×{analysis.height}"
    return Portrait(outcome.input, _small(face.crop(os.fspath(photo), aspect=3 / 4)), facts)


def _years(age: Age, words: Mapping[str, str]) -> str:
    """Return an age as a range with its mean, as far as the provider gives them: "38–50, mean 41"."""
    mean = None if age.years is None else f"{age.years:.0f}"
    if age.span in ("", mean):
        return mean or ""
    if age.open_ended and age.low == age.high:
        return age.span  # the mean of the last class alone is its first year
    return ", ".join([age.span, *([words["mean"].format(years=mean)] if mean else [])])


def _small(picture: Pictures.Image) -> Pictures.Image:
    """Shrink a picture to what a tile shows, and return it.

    Three hundred photos in full size would not fit into the memory of a school's computer.
    """
    picture.thumbnail((TILE, TILE))
    return picture


def card_news(
    client: Client,
    photos: Iterable[PathLike],
    folder: PathLike,
    *,
    language: Language = "en",
    font: PathLike | None = None,
    method: Method | None = None,
    **batch: Unpack[BatchKeywords],
) -> Finding:
    """Put a caption on every picture, and write ``cards/*.png``, ``cards.gif`` and ``cards.csv``.

    Where the provider has no captions, a card states what is known instead: size, faces, colours or tags. A photo that
    could not be read has its row in ``cards.csv`` and no card; if no photo could be read there is no ``cards.gif``.

    Args:
        client: The client that analyses the pictures.
        photos: The files of the photos, in order.
        folder: The folder to write to; it is made if it does not exist.
        language: Language of the card's own words, and of captions by a chat model; others are in English.
        font: Path of a font file; see `cloudai.report.find_font`.
        method: "generative" has the provider's chat model look at the pictures; see `cloudai.CallOptions`.
        batch: ``journal=``, ``pace=``, ``progress=`` …: see `BatchKeywords`.

    Raises:
        MissingFontError: No font has all characters of a caption.
        PausedError: There was an outage, or a quota is used up. The files have what there is until then; another call
            with the same journal goes on.
    """
    photos = list(photos)
    features = _on_a_card(client, method)
    options: dict[str, Any] = {"features": features, "gender_neutral": True, **_by(client, method, language)}
    if "colors" in features:
        options["language"] = language  # of the names of the colours
    looked_at, stopped_by = _looked_at(client, photos, options, batch)
    out = _folder(folder)
    outcomes = [_named(outcome, Image(photos[outcome.item]).name) for outcome in looked_at]
    cards = []
    for outcome in outcomes:
        if outcome.result is not None:
            caption, footnote = _words(outcome.input, outcome.result, language)
            drawn = card(Image(photos[outcome.item]).open(), caption, footnote=footnote, font=font)
            cards.append((outcome.input, drawn))
    table = tidy(outcomes)
    table.to_csv(out / "cards.csv")
    files = _write_cards(cards, out) if cards else ()
    _raise_after(stopped_by, [*files, out / "cards.csv"])
    return Finding(table, (*files, out / "cards.csv"), tuple(outcomes))


def _write_cards(cards: Sequence[tuple[str, Pictures.Image]], out: Path) -> tuple[Path, ...]:
    pictures = _folder(out / "cards")
    for number, (name, shown) in enumerate(cards, start=1):
        # The number keeps two photos of the same name apart.
        shown.save(pictures / safe_name(number, Path(name).stem, ".png"))
    return save_gif([shown for _, shown in cards], out / "cards.gif"), pictures


def _on_a_card(client: Client, method: Method | None) -> list[Feature]:
    """Return the features to put on a card: the caption if the provider has it, or tags or colours, with faces."""
    has = _has(client, method)
    if "caption" in has:
        return ["caption", "tags"]
    return ["tags", "faces"] if "tags" in has else ["colors", "faces"]


def _words(name: str, analysis: ImageAnalysis, language: Language) -> tuple[str, str]:
    """Return the caption of a card, and the footnote that says where it comes from."""
    meta, words = analysis.meta, WORDS[language]
    # Whoever sees the card is to see that a chat model wrote the words.
    who = f"{meta.provider} ({meta.model})" if meta.method == "generative" and meta.model else meta.provider
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
