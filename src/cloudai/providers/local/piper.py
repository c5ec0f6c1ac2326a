"""This module speaks texts on this machine with a voice of Piper, a model that sounds natural.

The package piper-tts is under the GPL, so no extra of cloudai installs it, and no voice is fetched.
https://github.com/OHF-Voice/piper1-gpl/blob/main/docs/API_PYTHON.md
"""

from __future__ import annotations

import io
import json
import wave
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from cloudai.errors import InputError, SettingsError, UnsupportedOperationError
from cloudai.languages import base, spelled
from cloudai.models.voice import Voice
from cloudai.providers._speaking import without_phonemes
from cloudai.providers.local.networks import version_of
from cloudai.providers.local.programs import MissingProgramError

__all__ = ["Model", "available", "model_of", "speak", "voices"]

INSTALL = "pip install piper-tts"
"""How to install piper-tts, which is under the GPL-3.0: https://pypi.org/project/piper-tts/"""


class Model(NamedTuple):
    """The facts in the file beside a voice."""

    name: str
    """The name of its file without ".onnx": "en_US-lessac-medium"."""
    language: str
    """The language that it speaks, BCP-47."""
    rate: int
    """Samples a second."""
    speakers: dict[str, int]
    """The numbers of its speakers by their names; empty where it has but one."""


def available() -> str | None:
    """Return None if piper-tts is installed; else a sentence that says how to install it."""
    return None if find_spec("piper") else f"piper-tts is not installed. {INSTALL}"


def model_of(path: str) -> Model:
    """Return what the description of a voice says: the file with the name of the voice and ".json" behind it.

    Raises:
        SettingsError: The description is not there, or is none of a voice of Piper.
    """
    return _told(path, version_of(f"{path}.json"))


@lru_cache(maxsize=4)
def _told(path: str, version: object) -> Model:  # noqa: ARG001  # a file that was replaced is read anew
    """Read the file beside a voice, once unless it changes.

    Raises:
        SettingsError: That file is not there, or is none of Piper.
    """
    beside = Path(f"{path}.json")
    try:
        told = json.loads(beside.read_text("utf-8"))
        code = told.get("language", {}).get("code") or told["espeak"]["voice"]
        speakers = told.get("speaker_id_map") or {}
        return Model(Path(path).stem, spelled(code), int(told["audio"]["sample_rate"]), dict(speakers))
    except OSError as error:
        problem = f"{beside.name} is not beside the voice ({error.strerror})"
    except (ValueError, LookupError, TypeError, AttributeError):
        problem = f"{beside.name} is no description of a voice of Piper"
    raise SettingsError(problem, advice="Download both files of the voice, into one folder.")


def voices(path: str) -> list[Voice]:
    """Return the voice, or each of its speakers, by the names that `speak` takes.

    Raises:
        SettingsError: See `model_of`.
    """
    model = model_of(path)
    names = model.speakers or [model.name]
    return [Voice(name=name, languages=(model.language,), kind="piper", rate=model.rate) for name in names]


def speak(text: str, language: str, speaker: str | None, speed: float, path: str) -> bytes:
    """Return a text as WAV.

    Args:
        text: The text. Piper would read what stands between "[[" and "]]" as phonemes, so a blank is put between two
            brackets.
        language: The language of the text, BCP-47.
        speaker: One of the names of `voices`; None takes its usual speaker.
        speed: 1 is the usual speed.
        path: The path of the voice, which ends in ".onnx".

    Raises:
        MissingProgramError: piper-tts is not installed.
        SettingsError: The voice cannot be loaded.
        UnsupportedOperationError: The voice speaks another language, or has no such speaker.
        InputError: Nothing of the text can be spoken.
    """
    model = model_of(path)
    if base(language) != base(model.language):
        raise UnsupportedOperationError(
            f"the voice {model.name} speaks {model.language}, and not {language}",
            advice="Give a voice of that language as Local(voice=…), or none, for espeak-ng.",
        )
    if speaker not in (None, model.name, *model.speakers):
        known = ", ".join(model.speakers or [model.name])
        raise UnsupportedOperationError(f"the voice {model.name} has no speaker {speaker}", advice=f"It has: {known}.")
    # The name of a voice is no speaker of it, and stands for the usual one.
    number = model.speakers.get(speaker) if speaker else None
    piper, loaded = _loaded(path, version_of(path))
    # `length_scale` is the length of a sound, and not a speed: twice as fast is half as long.
    scale = loaded.config.length_scale / speed
    config = piper.SynthesisConfig(speaker_id=number, length_scale=scale)
    chunks = list(loaded.synthesize(without_phonemes(text), syn_config=config))
    if not chunks:
        raise InputError("the voice has spoken nothing", advice="Give a text with words in it.")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(chunks[0].sample_channels)
        file.setsampwidth(chunks[0].sample_width)
        file.setframerate(chunks[0].sample_rate)
        file.writeframes(b"".join(chunk.audio_int16_bytes for chunk in chunks))
    return out.getvalue()


@lru_cache(maxsize=2)
def _loaded(path: str, version: object) -> tuple[Any, Any]:  # noqa: ARG001  # another version is another voice
    """Return the package and the loaded voice, which takes a second and 200 MB of memory.

    Raises:
        MissingProgramError: piper-tts is not installed.
        SettingsError: The file is no voice of Piper.
    """
    try:
        import piper
    except ImportError as error:
        raise MissingProgramError("a voice of Piper needs piper-tts", advice=INSTALL) from error
    try:
        return piper, piper.PiperVoice.load(path)
    except Exception as error:  # noqa: BLE001  # whatever the package and ONNX Runtime raise
        problem = f"{Path(path).name} cannot be loaded as a voice of Piper ({type(error).__name__})"
    raise SettingsError(problem, advice="Download both files of the voice anew.")
