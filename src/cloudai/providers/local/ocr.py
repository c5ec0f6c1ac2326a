"""Reading text in pictures with Tesseract: by its program, or by the package tesserocr where that is installed.

Tesseract's defaults lose lines of Korean pages, and see syllables as words. So Korean is its first language here, the
page is one column of text, and words are those of its plain text, with the places of its table.

https://tesseract-ocr.github.io/tessdoc/Command-Line-Usage.html
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudai.errors import SettingsError, UnsupportedOperationError
from cloudai.languages import base
from cloudai.media.image import Decoded
from cloudai.models.base import Box
from cloudai.models.image import paragraphs
from cloudai.providers.local.programs import MissingProgramError, listing, path_of, run

if TYPE_CHECKING:
    import PIL.Image

BoxOf = Callable[[float, float, float, float], Box]

__all__ = ["INSTALL", "SIDE", "USUAL", "Token", "available", "languages", "lines_of", "read", "text_of"]

SIDE = 6000
"""The longer side of the picture that is read, px: small letters must stay legible."""
PAGE, SCENE = "4", "11"
"""Tesseract's modes for a column of text, and for single words anywhere in a picture."""
SURE = 50.0
"""The confidence, in %, from which on a word counts where several versions of a picture are compared."""
FEW = 10
"""A picture with fewer words than this is also read at twice its size, for its letters may be too small."""
MOST_DOUBLED = 4_000_000
"""The most pixels of a picture that is read at twice its size."""
SHRINK = 8
"""The background of a picture is seen at an eighth of its size."""
EVEN = 8
"""The most by which the brightness of an even background differs, of 255."""
COLUMNS = 12
"""Columns of Tesseract's table."""
LINE, WORD = "4", "5"
"""The levels of lines and words in the table."""

CODES: Mapping[str, str] = {
    "ar": "ara",
    "bg": "bul",
    "ca": "cat",
    "cs": "ces",
    "da": "dan",
    "de": "deu",
    "el": "ell",
    "en": "eng",
    "es": "spa",
    "et": "est",
    "fa": "fas",
    "fi": "fin",
    "fr": "fra",
    "he": "heb",
    "hi": "hin",
    "hr": "hrv",
    "hu": "hun",
    "id": "ind",
    "is": "isl",
    "it": "ita",
    "ja": "jpn",
    "ko": "kor",
    "lt": "lit",
    "lv": "lav",
    "ms": "msa",
    "nb": "nor",
    "nl": "nld",
    "pl": "pol",
    "pt": "por",
    "ro": "ron",
    "ru": "rus",
    "sk": "slk",
    "sl": "slv",
    "sr": "srp",
    "sv": "swe",
    "ta": "tam",
    "te": "tel",
    "th": "tha",
    "tr": "tur",
    "uk": "ukr",
    "vi": "vie",
    "zh": "chi_sim",
    "zh-Hant": "chi_tra",
}
"""Tesseract's names of languages: https://tesseract-ocr.github.io/tessdoc/Data-Files-in-different-versions.html"""
USUAL = ("kor", "eng")
"""The languages that are read where none is given, Korean first: the other way round its syllables fall apart."""
INSTALL = (
    "Debian, Ubuntu: apt install tesseract-ocr tesseract-ocr-kor. macOS: brew install tesseract tesseract-lang. "
    "Windows: winget install UB-Mannheim.TesseractOCR, and set CLOUDAI_TESSERACT to its tesseract.exe."
)


@dataclass(frozen=True)
class Token:
    """A row of Tesseract's table: a word, or in Korean often a single syllable; its place is in px, at this scale."""

    block: int
    paragraph: int
    line: int
    box: tuple[int, int, int, int]
    """Left, top, width and height, cut off above and below its line: those of syllables reach far beyond it."""
    confidence: float
    """The confidence in percent."""
    text: str


@dataclass(frozen=True)
class _Reading:
    """One version of a picture as Tesseract has read it."""

    text: str
    tokens: list[Token]
    scale: int = 1

    @property
    def score(self) -> float:
        """The confidence of all letters in words that are read with some confidence."""
        return sum(t.confidence * len(t.text) for t in self.tokens if t.confidence > SURE)


def available(program: str | None) -> str | None:
    """Return None if Tesseract is there, as a program or as tesserocr; else a sentence that says how to install it."""
    if path_of("tesseract", program) or find_spec("tesserocr"):
        return None
    return f'tesseract is not installed. {INSTALL} Or pip install ".[ocr]", and set TESSDATA_PREFIX.'


def languages(program: str | None) -> tuple[str, ...] | None:
    """Return Tesseract's names of the languages whose data are installed, or None where it is not there itself."""
    engine = _engine(program)
    return engine.languages() if engine else None


def _engine(program: str | None) -> _Program | _Package | None:
    path = path_of("tesseract", program)
    if path:
        return _Program(path)
    return _Package() if find_spec("tesserocr") else None


def read(picture: Decoded, language: str | None, program: str | None, *, scene: bool) -> list[dict[str, Any]]:
    """Return the blocks of text in a picture, each as the fields of a `Block`.

    The picture is read as it is, and with its background taken away, which helps where light falls unevenly; the
    version counts of which more letters were read with confidence.

    Args:
        picture: The picture.
        language: The language of the text, BCP-47; None is Korean and English.
        program: The path of the program; None looks for it.
        scene: Whether there are single words in the picture, and no page of text.

    Raises:
        MissingProgramError: Tesseract is not installed.
        InputError: Tesseract has failed with the picture, or has not come to an end.
        SettingsError: The data for the language are not installed, or Tesseract cannot be run.
        UnsupportedOperationError: Tesseract does not know the language.
    """
    engine = _engine(program)
    if engine is None:
        raise MissingProgramError("reading text needs tesseract", advice=INSTALL)
    codes = _codes(language, engine.languages())
    mode = SCENE if scene else PAGE
    grey = picture.image.convert("L")
    versions = [grey, *_flat(grey)]
    # Nothing tells beforehand which version is read better, so each is read, and the confidence decides.
    readings = [engine.read(version, codes, mode) for version in versions]
    if max(len(reading.tokens) for reading in readings) < FEW and grey.width * grey.height <= MOST_DOUBLED:
        double = engine.read(grey.resize((2 * grey.width, 2 * grey.height)), codes, mode)
        readings.append(_Reading(double.text, double.tokens, scale=2))
    best = max(readings, key=lambda reading: reading.score)

    def box_of(x: float, y: float, width: float, height: float) -> Box:
        return picture.box(x / best.scale, y / best.scale, width / best.scale, height / best.scale)

    lines = lines_of(best.text, best.tokens, box_of)
    # The number of the block is only needed to group the lines, and is no field of a line.
    return [{"lines": tuple(group)} for _, group in groupby(lines, key=lambda line: line.pop("block"))]


def text_of(pages: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of some pages, each the fields of a `Page`; paragraphs are separated by blank lines."""
    return paragraphs(
        [
            ((page["number"], number, line["paragraph"]), line["text"])
            for page in pages
            for number, block in enumerate(page["blocks"])
            for line in block["lines"]
        ]
    )


def _codes(language: str | None, installed: Sequence[str]) -> str:
    """Return Tesseract's names of the languages to read, the most important first: "kor+eng"."""
    if language is None:
        # "osd" is among the data, and tells the direction of a text, but reads none.
        known = [code for code in USUAL if code in installed] or [code for code in installed if code != "osd"][:1]
        if known:
            return "+".join(known)
        raise SettingsError("tesseract has no data for any language", advice=INSTALL)
    code = CODES.get(base(language))
    if code is None:
        raise UnsupportedOperationError(f"no {language} on this machine", advice=f"There are: {', '.join(CODES)}.")
    if code not in installed:
        raise SettingsError(
            f"tesseract has no data for {language}",
            advice=f"Debian, Ubuntu: apt install tesseract-ocr-{code.replace('_', '-')}. macOS: brew install "
            f"tesseract-lang. Windows: run the installer of Tesseract again, and choose {code}.",
        )
    # A text in another script, too, has names and numbers in Latin letters.
    return "+".join(dict.fromkeys((code, *(["eng"] if "eng" in installed else []))))


class _Program:
    """Tesseract as a program."""

    # With several threads it takes up to four times the processor's time, and is slower on two cores.
    ENV: Mapping[str, str] = {"OMP_THREAD_LIMIT": "1"}

    def __init__(self, path: str) -> None:
        self._path = path

    def languages(self) -> tuple[str, ...]:
        """Return the names of the languages whose data are installed."""
        return _listed(self._path)

    def read(self, grey: PIL.Image.Image, codes: str, mode: str) -> _Reading:
        """Read a grey picture; one run writes both the text and the table."""
        data = io.BytesIO()
        # PPM is not packed, and is read by every build of Tesseract.
        grey.save(data, "PPM")
        # Both outputs come from one run, as two files; on the standard output nothing would tell where the first one
        # ends.
        with tempfile.TemporaryDirectory(prefix="cloudai-") as folder:
            out = Path(folder) / "out"
            arguments = [self._path, "stdin", str(out), "-l", codes, "--psm", mode, "txt", "tsv"]
            run(arguments, data.getvalue(), env=self.ENV)
            text, table = (out.with_suffix(end).read_text("utf-8", "replace") for end in (".txt", ".tsv"))
        return _Reading(text, list(_tokens(table)))


@lru_cache(maxsize=4)
def _listed(path: str) -> tuple[str, ...]:
    lines = listing(path, "--list-langs", "tesseract", "CLOUDAI_TESSERACT")
    return tuple(line.strip() for line in lines if line.strip())


class _Package:
    """Tesseract in this process, by the package tesserocr."""

    def languages(self) -> tuple[str, ...]:
        """Return the names of the languages whose data are installed."""
        return tuple(_tesserocr().get_languages()[1])

    def read(self, grey: PIL.Image.Image, codes: str, mode: str) -> _Reading:
        """Read a grey picture."""
        with _tesserocr().PyTessBaseAPI(lang=codes, psm=int(mode)) as engine:
            engine.SetImage(grey)
            return _Reading(engine.GetUTF8Text(), list(_tokens(engine.GetTSVText(0))))


@cache
def _tesserocr() -> Any:
    """Return the package tesserocr, loaded with the same limit of threads that the program has.

    The wheels of the package have no threads. One that was built against the system's Tesseract has those of OpenMP,
    which reads the limit once, when it is loaded; so the environment is then as it was before.
    """
    with _in_environment(_Program.ENV):
        return import_module("tesserocr")


@contextmanager
def _in_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set the variables that are not set, and take them away when the block ends."""
    added = [name for name in variables if name not in os.environ]
    os.environ.update({name: variables[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _flat(grey: PIL.Image.Image) -> Iterator[PIL.Image.Image]:
    """Yield a picture with its background, as it is seen from afar, taken away: dark letters on even white.

    Nothing is yielded where the background is even already.
    """
    from PIL import Image, ImageChops, ImageFilter, ImageOps

    small = grey.resize((max(1, grey.width // SHRINK), max(1, grey.height // SHRINK)), Image.Resampling.BOX)
    background = small.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.MedianFilter(5))
    shades: Any = background.getextrema()  # of one band, the darkest and the brightest
    if shades[1] - shades[0] > EVEN:
        difference = ImageChops.subtract(background.resize(grey.size), grey)
        yield ImageOps.autocontrast(ImageOps.invert(difference), cutoff=1)


def _tokens(table: str) -> Iterator[Token]:
    """Yield the words of Tesseract's table, whose first line may be a heading; each line stands before its words."""
    line_top, line_bottom = 0, 0
    for row in table.splitlines():
        cells = row.split("\t")
        if len(cells) != COLUMNS or cells[0] not in (LINE, WORD):
            continue
        _, _, block, paragraph, line, _, left, top, width, height = map(int, cells[:10])
        if cells[0] == LINE:
            line_top, line_bottom = top, top + height
        elif text := cells[11].strip():
            above, below = max(top, line_top), min(top + height, line_bottom)
            box = (left, above, width, below - above) if below > above else (left, top, width, height)
            yield Token(block, paragraph, line, box, max(0.0, float(cells[10])), text)


def lines_of(text: str, tokens: Sequence[Token], box_of: BoxOf) -> list[dict[str, Any]]:
    """Return the fields of the lines of a reading, with the block of each.

    The words are those of the plain text, where syllables are joined: each takes the tokens of the table that spell it.

    Args:
        text: The plain text.
        tokens: The words of the table, in order.
        box_of: A function that returns the box of a result for left, top, width and height.
    """
    spelled = iter([line for line in text.splitlines() if line.strip()])
    ahead: list[str] = []
    found_lines = []
    for (block, paragraph, _), group in groupby(tokens, key=lambda t: (t.block, t.paragraph, t.line)):
        own = list(group)
        letters = "".join(token.text for token in own)
        line = _spelled(letters, spelled, ahead)
        words = list(_words(line.split(), own)) if line else [[token] for token in own]
        texts = line.split() if line else [token.text for token in own]
        found_lines.append(
            {
                "block": block,
                # Tesseract counts from 1, and results from 0.
                "paragraph": paragraph - 1,
                "text": " ".join(texts),
                "words": tuple(_word(word, part, box_of) for word, part in zip(texts, words, strict=True)),
                "confidence": _confidence(own),
                "box": box_of(*_around([token.box for token in own])),
            }
        )
    return found_lines


def _spelled(letters: str, lines: Iterator[str], ahead: list[str]) -> str | None:
    """Return the next line of the plain text with these letters, or None where the text has them in no such line.

    Args:
        letters: The letters of a line of the table, without blanks.
        lines: The lines of the text that were not looked at yet.
        ahead: Lines that were looked at, and belong to none of the earlier lines of the table.
    """
    for line in ahead:
        if "".join(line.split()) == letters:
            ahead.remove(line)
            return line
    for line in lines:
        if "".join(line.split()) == letters:
            return line
        # The table may list lines in another order than the text.
        ahead.append(line)
    return None


def _words(words: Sequence[str], tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the tokens of each word; a token in which a word ends belongs to that word."""
    rest, taken, needed = list(tokens), 0, 0
    for word in words:
        needed += len(word)
        own = []
        while rest and taken < needed:
            own.append(rest.pop(0))
            taken += len(own[-1].text)
        yield own


def _word(text: str, tokens: Sequence[Token], box_of: BoxOf) -> dict[str, Any]:
    """Return the fields of a word; it has no place where its tokens are those of the word before it."""
    if not tokens:
        return {"text": text}
    return {"text": text, "confidence": _confidence(tokens), "box": box_of(*_around([token.box for token in tokens]))}


def _confidence(tokens: Sequence[Token]) -> float:
    """Return the confidence of some tokens, from 0 to 1, each counted by its letters."""
    letters = sum(len(token.text) for token in tokens)
    return min(1.0, sum(token.confidence * len(token.text) for token in tokens) / letters / 100)


def _around(boxes: Sequence[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top
