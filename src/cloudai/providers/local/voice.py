"""Speaking texts on this machine with the program espeak-ng, which sounds like a robot.

https://github.com/espeak-ng/espeak-ng/blob/master/src/espeak-ng.1.ronn
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from cloudai.errors import UnsupportedOperationError
from cloudai.languages import base, spelled
from cloudai.media.given import short as short_text
from cloudai.models.voice import Voice
from cloudai.providers._speaking import gender_of, without_phonemes
from cloudai.providers.local.programs import MissingProgramError, listing, path_of, run

__all__ = ["available", "speak", "voice_for", "voices"]

USUAL = 175
"""Words a minute at the usual speed."""
INSTALL = (
    "Debian, Ubuntu: apt install espeak-ng. macOS: brew install espeak-ng. "
    "Windows: winget install eSpeak-NG.eSpeak-NG, and set CLOUDAI_ESPEAK to its espeak-ng.exe."
)


CODES: Mapping[str, str] = {"zh": "cmn", "zh-Hant": "cmn"}
"""The codes that the program spells in a way of its own."""


RATE = 22_050
"""Samples a second of what the program writes."""
OTHERS = re.compile(r"\((\S+) \d+\)")
"""A further language of a voice in the program's table: "(en 3)"."""


def available(program: str | None) -> str | None:
    """Return None if espeak-ng is there; else a sentence that says how to install it."""
    return None if path_of("espeak-ng", program) else f"espeak-ng is not installed. {INSTALL}"


def voice_for(language: str, voice: str | None, program: str | None) -> str:
    """Return the name by which the program takes a voice, or its best voice for a language.

    Args:
        language: The language of the text, BCP-47. A voice of its region counts, and else one of the language.
        voice: A voice of espeak-ng, "ko", "en-us+f3" or another name that its table has; None takes that of the
            language.
        program: The path of the program; None looks for it.

    Raises:
        MissingProgramError: espeak-ng is not installed.
        SettingsError: The program is not espeak-ng.
        UnsupportedOperationError: espeak-ng has no such voice or variant, or none for the language.
    """
    path = _required(program)
    asked, plus, variant = (voice or "").partition("+")
    short = base(language)
    # The region goes first: "pt-br" and "pt" are voices that sound different.
    names = [asked.lower()] if voice else [spelled(language).lower(), CODES.get(short, short).lower()]
    row = next((row for name in names for row in _rows(path) if name in row.words), None)
    # For a voice that it does not have, the program itself would speak English, or without the variant, and say nothing
    # about it.
    if row is None:
        raise UnsupportedOperationError(
            f"espeak-ng has no voice {short_text(voice or language)}", advice="espeak-ng --voices lists them."
        )
    if plus and variant not in _variants(path):
        raise UnsupportedOperationError(
            f"espeak-ng has no variant {short_text(variant)}", advice="espeak-ng --voices=variant lists them."
        )
    name = next(name for name in names if name in row.words)
    return f"{row.name if name == row.code else name}{plus}{variant}"


def speak(text: str, name: str, speed: float, program: str | None) -> bytes:
    """Return a text as WAV.

    Args:
        text: The text without control characters. It goes to the program as its input, so that nothing in it is an
            option; "[[", behind which the program reads phonemes, is taken apart.
        name: The name of a voice, by `voice_for`.
        speed: 1 is the usual speed.
        program: The path of the program; None looks for it.

    Raises:
        MissingProgramError: espeak-ng is not installed.
        InputError: espeak-ng has failed, or has not come to an end.
        SettingsError: espeak-ng cannot be run.
    """
    with tempfile.TemporaryDirectory(prefix="cloudai-") as folder:
        # The program writes a file, because the header of what it writes to its standard output has a false length.
        out = Path(folder) / "out.wav"
        words = str(round(USUAL * speed))
        # "-b 1" says that the input is UTF-8, whatever the locale of the machine is.
        arguments = [_required(program), "-v", name, "-s", words, "-b", "1", "-w", str(out), "--stdin"]
        run(arguments, without_phonemes(text).encode())
        return out.read_bytes() if out.exists() else b""


def voices(program: str | None) -> list[Voice]:
    """Return the voices of espeak-ng, one for each row of its table.

    Raises:
        MissingProgramError: espeak-ng is not installed.
        SettingsError: The program is not espeak-ng.
    """
    return [
        Voice(name=row.name, languages=row.languages, gender=gender_of(row.gender), kind="formant", rate=RATE)
        for row in _rows(_required(program))
    ]


def _required(program: str | None) -> str:
    """Return the path of the program.

    Raises:
        MissingProgramError: espeak-ng is not installed.
    """
    path = path_of("espeak-ng", program)
    if path is None:
        raise MissingProgramError("speaking needs espeak-ng", advice=INSTALL)
    return path


class Row(NamedTuple):
    """A row of the program's table of voices."""

    code: str
    """The language, in small letters."""
    name: str
    """A name by which the program takes this voice and no other."""
    languages: tuple[str, ...]
    gender: str
    words: frozenset[str]
    """The words that name the voice to the program, in small letters."""


COLUMNS = 5
"""Columns of the table that are always there: the priority, the language, the gender, the name and the file."""
SETTING = "CLOUDAI_ESPEAK"


@lru_cache(maxsize=4)
def _rows(path: str) -> tuple[Row, ...]:
    """Return the rows of the table of voices.

    A voice is named by its language, or by its file where another voice has the language or where the language has
    capital letters, which the program does not find.
    """
    rows, taken = list[Row](), set[str]()
    for line in listing(path, "--voices", "espeak-ng", SETTING):
        cells = line.split()
        if len(cells) >= COLUMNS:
            code, gender, title, file = cells[1:COLUMNS]
            name = code if code.islower() and code not in taken else file.rpartition("/")[2].lower()
            taken.add(name)
            others = OTHERS.findall(line)
            words = frozenset(map(str.lower, (code, name, title, file, *others)))
            rows.append(Row(code.lower(), name, (code, *others), gender.rpartition("/")[2], words))
    return tuple(rows)


@lru_cache(maxsize=4)
def _variants(path: str) -> frozenset[str]:
    """Return what may stand behind the "+" of a voice: the names of the files of variants, "f3"."""
    return frozenset(VARIANT.findall("\n".join(listing(path, "--voices=variant", "espeak-ng", SETTING))))


VARIANT = re.compile(r"!v/(\S+)")
