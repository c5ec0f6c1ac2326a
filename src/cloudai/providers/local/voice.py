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
from cloudai.providers.local.programs import MissingProgramError, path_of, run

__all__ = ["available", "speak"]

USUAL = 175
"""Words a minute at the usual speed."""
INSTALL = (
    "Debian, Ubuntu: apt install espeak-ng. macOS: brew install espeak-ng. "
    "Windows: winget install eSpeak-NG.eSpeak-NG, and set CLOUDAI_ESPEAK to its espeak-ng.exe."
)


CODES: Mapping[str, str] = {"zh": "cmn", "zh-Hant": "cmn"}
"""The codes that the program spells in a way of its own."""


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
    path = path_of("espeak-ng", program)
    if path is None:
        raise MissingProgramError("speaking needs espeak-ng", advice=INSTALL)
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


@lru_cache(maxsize=4)
def _listed(path: str) -> frozenset[str]:
    """Return what names a voice: the languages, names and files of the program's table, in small letters."""
    rows = run([path, "--voices"], b"").decode("utf-8", "replace").splitlines()[1:]  # the first line is a heading
    words = [word for row in rows for word in (*row.split()[1:2], *row.split()[3:5], *OTHERS.findall(row))]
    return frozenset(map(str.lower, words))
