"""Make a set of cards, and moving pictures and a page of it, from results or from pictures and captions."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import PIL.Image

from cloudai.errors import CloudAIError, InputError
from cloudai.media import Image, ImageInput, as_image
from cloudai.models.base import Meta
from cloudai.models.image import Caption, ImageAnalysis
from cloudai.models.text import Translation
from cloudai.operations import digest_of
from cloudai.report.card_files import MOVING, save_html
from cloudai.report.facts import faces_in, part_of
from cloudai.report.fetching import FetchURLs
from cloudai.report.fonts import Font, MissingFontError
from cloudai.report.moving import Each
from cloudai.report.named_files import NamedFiles
from cloudai.report.one_card import card, panel_for
from cloudai.report.photos import Photos, photos_of
from cloudai.report.subjects import Reading, Source, Subject, primary, reading, reason_of
from cloudai.report.typeface import readable
from cloudai.report.words import Language, words_in
from cloudai.text import drawable

__all__ = ["FORMATS", "cards", "require_formats", "untranslated"]

PathLike = str | os.PathLike[str]
FORMATS = (*MOVING, "html")
"""The kinds of files that can be made of cards, beside the pictures themselves."""
CAPTIONS = "en"
"""The language of a caption whose result does not say which it has."""
MOST_FACTS = 4

log = logging.getLogger("cloudai")


def cards(
    rows: Source | Sequence[ImageInput],
    folder: PathLike,
    *,
    captions: Sequence[str] | None = None,
    formats: Sequence[str] = ("gif",),
    language: Language = "en",
    min_confidence: float = 0.0,
    size: str | tuple[int, int] = "square",
    theme: str = "dark",
    logo: PathLike | None = None,
    seconds: float = 2.0,
    title: str | None = None,
    name: str | None = None,
    photos: PathLike | None = None,
    pictures: Sequence[ImageInput | None] | None = None,
    fetch_urls: FetchURLs = False,
    font: Font = None,
) -> list[Path]:
    """Write a card for each picture, and moving pictures and a page of them, and return the paths; nothing is sent.

    The cards are ``cards/0001-name.png`` …, with ``cards/index.csv``. A card without a caption says what is known
    instead: size, faces, tags or colours. A picture that cannot be read has no card, and is named in the log.

    Args:
        rows: A batch, outcomes, results, a table of results, the path of a journal or of a file of results; or
            pictures, if ``captions`` are given. Where there are outcomes of ``translate`` too, a caption is shown in
            the language of the reader.
        folder: The folder to write to; it is made if it does not exist.
        captions: A text for each picture, whose line breaks are kept.
        formats: Any of "gif", "webp", "mp4" (extra ``video``) and "html" (extra ``report``): ``cards.gif`` ….
        language: The language of the reader.
        min_confidence: A caption of which the provider is less sure (0 to 1) is left out.
        size: "square", "story", "wide", or width and height in px.
        theme: The colours of the panel; see `card`.
        logo: A picture for the corner of each card.
        seconds: How long a moving picture shows each card.
        title: Heading of the page.
        name: The user's column with the names; see `cloudai.report.subjects.subjects_of`.
        photos: A folder below which the pictures are looked for, by path, by file name or by digest.
        pictures: The pictures by the number of the input, where they are at hand; None in place of one looks for it.
        fetch_urls: Fetch the pictures whose inputs were addresses once more, by the rules of a client. A file that is
            fetched is shown only if it is the picture that was analysed. `cloudai.FetchRules` may name a folder that
            keeps it.
        font: Path of a font file; see `find_font`.

    Raises:
        InputError: There is no such format, size, theme or column, or the rows hold no results.
        MissingFontError: No font has the letters of any caption, or the file that ``font`` names is no font.
        MissingExtraError: A format needs a package that is not installed.
        OutputError: A file cannot be written.
    """
    # A word that is no format is told before a hundred cards are drawn.
    require_formats(formats)
    look: dict[str, Any] = {"size": size, "theme": theme, "logo": _logo(logo), "font": font, "strict": False}
    read = Reading([]) if captions is not None else reading(cast("Source", rows), name)
    with photos_of(read, photos, pictures, fetch_urls) as where:
        known = _known(read, where, language, min_confidence) if captions is None else _given(rows, captions)
        made = _made(known, Path(folder) / "cards", look)
    files = _joined(made, Path(folder), formats, seconds=seconds, title=title, language=language) if made else []
    return [*files, Path(folder) / "cards"]


def _made(texts: Sequence[_Text], folder: Path, look: dict[str, Any]) -> list[tuple[Path, str]]:
    """Write the cards, and return the path of each with what is said on it; what has none is named in the log."""
    _require_letters([text.caption for text in texts], look["font"])
    # All cards have one panel, because captions that jump up and down in a moving picture cannot be read.
    look["panel"] = panel_for([(text.caption, text.footnote) for text in texts], look["size"], look["font"])
    made = []
    with NamedFiles(folder) as out:
        for text in texts:
            try:
                picture = _opened(text)
            except CloudAIError as error:
                # One picture that cannot be read does not take the cards of all others away.
                log.warning("there is no card of %s: %s", text.name, error)
                continue
            shown = card(picture, text.caption, footnote=text.footnote, **look)
            facts = {"caption": text.caption, "footnote": text.footnote}
            made.append((out.save(shown, text.item, text.name, facts, ".png"), text.caption or text.name))
    return made


def require_formats(formats: Sequence[str]) -> None:
    """Raise InputError if one of these cannot be made of cards."""
    if wrong := [each for each in formats if each not in FORMATS]:
        raise InputError(f"cards have no format {wrong[0]}", advice=f"Give some of: {', '.join(FORMATS)}.")


@dataclass(frozen=True)
class _Text:
    """The text of one card, and its picture, None if it cannot be found."""

    item: int
    name: str
    picture: ImageInput | None
    caption: str
    footnote: str = ""
    reason: str = ""
    """Why there is no picture."""


def _opened(text: _Text) -> PIL.Image.Image:
    """Return the picture of a card, or raise an error that says why there is none."""
    if text.picture is None:
        raise InputError(text.reason)
    return as_image(text.picture).open()


def _given(pictures: Any, captions: Sequence[str]) -> list[_Text]:
    """Return the texts that the user gives for pictures."""
    listed = list(pictures)
    if len(listed) != len(captions):
        raise InputError(
            f"{len(listed)} pictures and {len(captions)} captions do not go together",
            advice="Give one caption for each picture; it may be empty.",
        )
    return [
        _Text(n, Path(Image(picture).name).stem, picture, caption)
        for n, (picture, caption) in enumerate(zip(listed, captions, strict=True))
    ]


def _known(read: Reading, photos: Photos, language: Language, least: float) -> list[_Text]:
    """Return the text of each picture: its caption in the language of the reader, or else what is known of it."""
    texts = []
    for subject in read.subjects:
        given = photos.of(subject) if subject.results else None
        words, footnote = _words(subject, read.translations, language, least)
        # Where the analysis failed, its error says more than that there is no picture.
        reason = str(photos.why_not(subject)) if subject.results else reason_of(subject.error)
        texts.append(_Text(subject.item, subject.name, given, words, footnote, reason))
    return texts


def _words(
    subject: Subject, translations: Mapping[tuple[str, str], Translation], language: Language, least: float
) -> tuple[str, str]:
    """Return the caption of a card, and the footnote that says where it comes from."""
    words = words_in(language)
    who = next((_provider(result.meta) for result in subject.results if result.meta.provider), "")
    caption = caption_of(subject, least)
    if caption is not None:
        # A translation is found by its text, because it comes from another batch, whose inputs have other numbers.
        translated = translations.get((digest_of(caption.text), language))
        if translated is None:
            return caption.text, " · ".join(filter(None, (subject.name, who)))
        by = dict.fromkeys(filter(None, (who, _provider(translated.meta))))
        return translated.text, " · ".join([subject.name, *by])
    return " · ".join(_facts(subject, words)), f"{subject.name} · {words['sources'].format(who=who)}"


def _provider(meta: Meta) -> str:
    """Return who has said something; whoever sees a card is to see that a chat model wrote its words."""
    return f"{meta.provider} ({meta.model})" if meta.method == "generative" and meta.model else meta.provider


def caption_of(subject: Subject, least: float = 0.0) -> Caption | None:
    """Return the caption of a picture, unless the provider is less sure of it than this (0 to 1)."""
    analysis = part_of(subject, ImageAnalysis)
    caption = analysis.caption if analysis is not None else None
    if caption is None or (caption.confidence is not None and caption.confidence < least):
        return None
    return caption


def _facts(subject: Subject, words: Mapping[str, str]) -> list[str]:
    """Return what a card says where there is no caption."""
    analysis = part_of(subject, ImageAnalysis)
    facts = [f"{analysis.width}×{analysis.height}"] if analysis is not None and analysis.width else []
    if (faces := faces_in(subject)) is not None:
        facts.append(
            words["none"] if not faces else words["one"] if len(faces) == 1 else words["many"].format(n=len(faces))
        )
    if analysis is not None:
        facts += [tag.name for tag in (analysis.tags or ())[:MOST_FACTS]]
        facts += [color.name or color.hex or "" for color in (analysis.colors or ())[: MOST_FACTS - 1]]
    # A tag and a colour may be the same word.
    return list(dict.fromkeys(filter(None, facts)))


def _require_letters(captions: Sequence[str], font: Font) -> None:
    """Raise MissingFontError if no caption can be drawn: a font has to be installed then.

    One caption in another script does not end a run: what no font has is named on its card.
    """
    errors = []
    for caption in filter(None, captions):
        try:
            readable(drawable(caption), font, bold=True, strict=True)
        except MissingFontError as error:
            errors.append(error)
        else:
            return
    if errors:
        raise errors[0]


def _logo(logo: PathLike | None) -> PIL.Image.Image | None:
    if logo is None:
        return None
    Image(logo).look()  # it says what is wrong with the file
    return PIL.Image.open(logo)  # with its transparent parts


def _loaded(file: Path) -> PIL.Image.Image:
    with PIL.Image.open(file) as picture:
        picture.load()
        return picture


def _joined(
    made: Sequence[tuple[Path, str]],
    folder: Path,
    formats: Sequence[str],
    *,
    seconds: float,
    title: str | None,
    language: Language,
) -> list[Path]:
    """Write the moving pictures and the page of all cards, and return their paths."""
    shown = Each([file for file, _ in made], _loaded)
    files = [MOVING[each](shown, folder / f"cards.{each}", seconds=seconds) for each in formats if each in MOVING]
    if "html" in formats:
        texts = [text for _, text in made]
        files.append(save_html(shown, texts, folder / "cards.html", title=title, language=language))
    return files


def untranslated(rows: Source, language: Language, least: float = 0.0) -> list[str]:
    """Return the captions that are in another language than the reader's, each once."""
    read = reading(rows)
    captions = [caption for subject in read.subjects if (caption := caption_of(subject, least)) is not None]
    foreign = (one.text for one in captions if primary(one.language or CAPTIONS) != language)
    # Two pictures may have the same caption, and a translation is billed by the character.
    return [text for text in dict.fromkeys(foreign) if (digest_of(text), language) not in read.translations]
