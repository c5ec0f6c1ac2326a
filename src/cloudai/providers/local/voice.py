"""Speaking texts on this machine with the program espeak-ng, which sounds like a robot.

https://github.com/espeak-ng/espeak-ng/blob/master/src/espeak-ng.1.ronn
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cloudai.errors import UnsupportedOperationError
from cloudai.languages import base
from cloudai.models.voice import Voice
from cloudai.providers._speaking import gender_of
from cloudai.providers.local.programs import MissingProgramError, path_of, run

__all__ = ["available", "speak", "voices"]

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


def speak(text: str, language: str, voice: str | None, speed: float, program: str | None) -> bytes:
    """Return a text as WAV.

    Args:
        text: The text, which goes to the program as its input: nothing in it is an option or a command.
        language: The language of the text, BCP-47.
        voice: A voice of espeak-ng, "ko" or "en-us+f3"; None takes that of the language.
        speed: 1 is the usual speed.
        program: The path of the program; None looks for it.

    Raises:
        MissingProgramError: espeak-ng is not installed.
        UnsupportedOperationError: espeak-ng has no such voice, or none for the language.
        InputError: espeak-ng has failed.
    """
    path = _required(program)
    name = voice or CODES.get(base(language), base(language))
    if name.partition("+")[0].lower() not in _listed(path):
        # The program itself would speak English without a word about it.
        raise UnsupportedOperationError(f"espeak-ng has no voice {name}", advice="espeak-ng --voices lists them.")
    with tempfile.TemporaryDirectory(prefix="cloudai-") as folder:
        # What the program writes to its standard output has a false length in its header.
        out = Path(folder) / "out.wav"
        arguments = [path, "-v", name, "-s", str(round(USUAL * speed)), "-b", "1", "-w", str(out), "--stdin"]
        run(arguments, text.encode())
        return out.read_bytes() if out.exists() else b""


def voices(program: str | None) -> list[Voice]:
    """Return the voices of espeak-ng, one for each language of its table.

    Raises:
        MissingProgramError: espeak-ng is not installed.
    """
    rows = (row.split() for row in _table(_required(program)))
    return [
        Voice(
            name=row[1],
            languages=(row[1], *OTHERS.findall(" ".join(row))),
            gender=gender_of(row[2].rpartition("/")[2]),
            kind="formant",
            rate=RATE,
        )
        for row in rows
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


@lru_cache(maxsize=4)
def _table(path: str) -> tuple[str, ...]:
    """Return the rows of the table of voices, without its heading."""
    rows = run([path, "--voices"], b"").decode("utf-8", "replace").splitlines()[1:]
    return tuple(row for row in rows if len(row.split()) >= COLUMNS)


COLUMNS = 5
"""Columns of the table that are always there: the priority, the language, the gender, the name and the file."""


@lru_cache(maxsize=4)
def _listed(path: str) -> frozenset[str]:
    """Return what names a voice: the languages, names and files of the program's table, in small letters."""
    words = [word for row in _table(path) for word in (*row.split()[1:2], *row.split()[3:5], *OTHERS.findall(row))]
    return frozenset(map(str.lower, words))
