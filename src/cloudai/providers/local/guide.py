"""Say what the local engine can do in which language on this computer, and how to install what it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from cloudai.errors import CloudAIError, SettingsError
from cloudai.providers.base import Provider
from cloudai.providers.local import models, ocr, piper, voice
from cloudai.providers.local.hearing import WHERE
from cloudai.table import Table
from cloudai.wording import say

__all__ = ["guide"]

NO = "no"
LEXICON = "with a lexicon of yours"
LACKS = "not installed"
SPEECH = (
    'Windows, macOS, Debian, Ubuntu: pip install faster-whisper, or vosk, and pip install ".[audio]"',
    "Then give the folder of a model: CLOUDAI_SPEECH_MODEL. " + WHERE,
)
OTHER_DATA = [
    "  Windows: https://github.com/tesseract-ocr/tessdata_fast → tessdata",
    "  macOS: brew install tesseract-lang",
    "  Debian, Ubuntu: apt install tesseract-ocr-jpn tesseract-ocr-chi-sim …",
]
"""The lines that bring more languages; on Windows, their files go into the folder tessdata of the program."""


def guide(local: Provider) -> str:
    """Return what works in which language, and the lines that install each package, model and program."""
    table = Table([{"operation": name, **row} for name, row in _by_language(local)], widest_cell=60)
    return "\n".join(
        [say("In which language, on this computer:"), str(table.filled()), "", say("How to install, and what is here:")]
        + [line for name, is_here, lines in _parts(local) for line in (f"{say(name)}: {_here(is_here)}", *lines)]
    )


def _here(is_here: bool) -> str:
    return say("is here") if is_here else say(LACKS)


def _by_language(local: Provider) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the name of each operation whose answer depends on the language, with a cell for each language."""
    # It is not checked here, because a lexicon that is given in code is no path.
    lexicon = "by your lexicon" if local.unchecked("lexicon") else LEXICON
    by_script = "yes" if local.supports("detect_language") else 'most; extra "text" for those of one script'
    nouns = "yes" if find_spec("kiwipiepy") else 'yes; better with extra "korean"'
    data = _data_of_tesseract(local)
    spoken = local.supports("text_to_speech")
    yield "names of colours", _row("yes", "yes", "in English")
    yield "sentiment", _row("yes" if local.supports("sentiment") else LACKS, lexicon, lexicon)
    yield "detect_language", _row("yes" if local.supports("detect_language") else LACKS, "yes", by_script)
    yield "key_phrases", _row("yes", nouns, NO)
    if data is None:
        yield "read_text", _row(LACKS, LACKS, LACKS)
    else:
        korean, english = ("yes" if code in data else "no data" for code in ocr.USUAL)
        yield "read_text", _row(english, korean, ", ".join(_others(data)) or "no data")
    if local.setting("voice"):
        yield "text_to_speech", _row(*["in the language of your voice of Piper"] * 3)
    else:
        yield (
            "text_to_speech",
            _row("yes", "yes; hard to understand with espeak-ng", "yes") if spoken else _row(LACKS, LACKS, LACKS),
        )
    heard = "in the languages of your model" if local.supports("speech_to_text") else "with a model of yours"
    yield "speech_to_text", _row(heard, heard, heard)
    yield "translate", _row(NO, NO, NO)


def _row(english: str, korean: str, others: str) -> dict[str, str]:
    return {say("English"): say(english), say("Korean"): say(korean), say("other languages"): say(others)}


def _data_of_tesseract(local: Provider) -> tuple[str, ...] | None:
    """Return Tesseract's names of the languages that it can read here; None if it is not installed."""
    try:
        return ocr.languages(local.file("tesseract"))
    except CloudAIError:
        return None


def _parts(local: Provider) -> Iterator[tuple[str, bool, list[str]]]:
    """Yield what can be installed: its name and use, whether it is here, and the line for each system."""
    yield "faces, colours, English sentiment", local.missing() is None, _by_pip("local")
    for model in models.MODELS.values():
        command = f"  Windows, macOS, Debian, Ubuntu: cloudai models install {model.name}"
        is_here = _is_there(local, model.setting) if local.setting(model.setting) else bool(models.path_of(model))
        yield model.purpose, is_here, [command]
    yield "languages that share a script", local.supports("detect_language"), _by_pip("text")
    yield "the nouns of Korean key phrases", find_spec("kiwipiepy") is not None, _by_pip("korean")
    yield "text in pictures (tesseract)", local.supports("read_text"), _by_system(ocr.INSTALL)
    yield "speech (espeak-ng)", voice.available(local.setting("espeak")) is None, _by_system(voice.INSTALL)
    yield "recordings (faster-whisper or Vosk)", local.supports("speech_to_text"), [f"  {line}" for line in SPEECH]
    yield "text in other languages (data of tesseract)", bool(_others(_data_of_tesseract(local) or ())), OTHER_DATA
    is_here = piper.available() is None and _is_there(local, "voice")
    yield "speech that sounds natural (a voice of Piper)", is_here, _by_piper()


def _is_there(local: Provider, setting: str) -> bool:
    """Return whether a setting names a file that is there."""
    try:
        return local.file(setting) is not None
    except SettingsError:
        return False


def _others(data: Sequence[str]) -> list[str]:
    """Return which of Tesseract's languages are neither Korean nor English."""
    # "osd" are data that tell the direction of a text, and read none.
    return [code for code in data if code not in (*ocr.USUAL, "osd")]


def _by_piper() -> list[str]:
    """Return the lines that install Piper, fetch a voice, and say where its file is."""
    fetch = "-m piper.download_voices en_US-lessac-medium"
    end = say("then set CLOUDAI_VOICE to the .onnx file")
    return [
        f"  Windows: py -m {piper.INSTALL}; py {fetch}; {end}",
        f"  macOS, Debian, Ubuntu: {piper.INSTALL}; python {fetch}; {end}",
    ]


def _by_pip(extra: str) -> list[str]:
    return [f'  Windows: py -m pip install ".[{extra}]"', f'  macOS, Debian, Ubuntu: pip install ".[{extra}]"']


def _by_system(install: str) -> list[str]:
    """Return the lines of a text that says how to install a program on each system."""
    return [f"  {line.rstrip('.')}" for line in re.split(r"(?<=\.) (?=macOS:|Windows:)", install)]
