"""The programs that write down speech on this machine: faster-whisper, Vosk and PocketSphinx.

None of them is installed with cloudai, and none fetches a model: faster-whisper and Vosk get the path of a folder, and
the model of PocketSphinx, for English, is in its wheel.

https://github.com/SYSTRAN/faster-whisper, https://alphacephei.com/vosk, https://github.com/cmusphinx/pocketsphinx
"""

from __future__ import annotations

import json
import os
import re
from array import array
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cloudai.errors import InputError, SettingsError, UnsupportedOperationError
from cloudai.languages import base, joined
from cloudai.media.wav import read_wav
from cloudai.models.spoken import Segment, SpokenWord
from cloudai.providers.local.programs import MissingProgramError

__all__ = ["RATE", "SPHINX", "Engine", "engine_of", "recognize"]

RATE = 16_000
"""Samples a second that all of them take."""
SPHINX = "pocketsphinx"
"""The name by which the only engine is asked for that brings its model with it."""
FRAMES = 100
"""Frames in a second of PocketSphinx."""
BLOCK = 8_000
"""Bytes that Vosk is handed at once: a quarter of a second."""
NO_WORD = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
"""The words that PocketSphinx and Vosk write for silence and noise."""
PACKAGES = {"faster-whisper": "faster_whisper", "vosk": "vosk", SPHINX: SPHINX}


class Engine(NamedTuple):
    """A program, and the folder of its model; PocketSphinx has its own."""

    name: Literal["faster-whisper", "vosk", "pocketsphinx"]
    model: str | None = None

    def missing(self) -> str | None:
        """Return None if its package is installed; else a sentence that says how to install it."""
        package = PACKAGES[self.name]
        return None if find_spec(package) else f"{self.name} is not installed. pip install {self.name}"


def engine_of(given: str) -> Engine:
    """Return the engine that a setting names: the word "pocketsphinx", or the folder of a model by what is in it.

    Raises:
        SettingsError: The folder is not there, or holds a model of neither faster-whisper nor Vosk.
    """
    if given == SPHINX:
        return Engine("pocketsphinx")
    folder = Path(given)
    if (folder / "model.bin").is_file() and (folder / "config.json").is_file():
        return Engine("faster-whisper", given)
    if (folder / "am" / "final.mdl").is_file() or (folder / "final.mdl").is_file():
        return Engine("vosk", given)
    what = "holds no model" if folder.is_dir() else "is no folder that is there"
    raise SettingsError(
        f"speech_model= {what}",
        advice="Give the folder of a model of faster-whisper (model.bin, config.json) or of Vosk (am/final.mdl), or "
        f'the word "{SPHINX}".',
    )


def recognize(engine: Engine, wav: bytes, language: str, phrases: Sequence[str], *, words: bool) -> tuple[Segment, ...]:
    """Return what is said in a WAV of one channel with 16 bits and `RATE` samples a second.

    Args:
        engine: The engine.
        wav: The recording.
        language: The language that is spoken, BCP-47.
        phrases: Names and terms that are likely to be said.
        words: Whether the times of the words are wanted.

    Raises:
        InputError: The recording has no sound.
        MissingProgramError: The package of the engine is not installed.
        SettingsError: The model cannot be loaded.
        UnsupportedOperationError: The engine does not know the language, or takes no phrases.
    """
    if engine.missing():
        raise MissingProgramError(f"{engine.name} is not installed", advice=f"pip install {engine.name}")
    header = read_wav(wav)
    if header is None:
        raise InputError("the recording has no sound", advice="Record or export it again.")
    samples = wav[header.start : header.start + header.size]
    if phrases and engine.name != "faster-whisper":
        raise UnsupportedOperationError(f"{engine.name} takes no phrases", advice="faster-whisper does.")
    if engine.name == "faster-whisper":
        return _by_whisper(str(engine.model), samples, language, phrases, words=words)
    segments = _by_vosk(str(engine.model), samples, language) if engine.model else _by_sphinx(samples, language)
    return segments if words else tuple(segment.model_copy(update={"words": ()}) for segment in segments)


@lru_cache(maxsize=1)
def _whisper(folder: str) -> Any:
    from faster_whisper import WhisperModel

    try:
        threads = max(1, (os.cpu_count() or 2) // 2)
        # local_files_only keeps the package from fetching a model where the folder is not as it expects.
        return WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)
    except (RuntimeError, ValueError, OSError) as error:
        raise SettingsError(f"the model of speech cannot be loaded: {str(error)[:80]}") from None


def _by_whisper(
    folder: str, samples: bytes, language: str, phrases: Sequence[str], *, words: bool
) -> tuple[Segment, ...]:
    import numpy as np

    sound = np.frombuffer(samples, "<i2").astype("float32") / 32_768
    model = _whisper(folder)
    # Whisper tells no scripts apart: "zh" stands for both of Chinese.
    code = base(language).partition("-")[0]
    if model.model.is_multilingual is False and code != "en":
        raise UnsupportedOperationError(f"this model knows English, and not {code}", advice="Give a multilingual one.")
    hints = ", ".join(phrases) or None
    # The model gets no text from before the pause: it would repeat itself.
    heard, _ = model.transcribe(
        sound, language=code, word_timestamps=words, condition_on_previous_text=False, hotwords=hints
    )
    return tuple(
        Segment(
            text=segment.text.strip(),
            start=float(segment.start),
            end=float(segment.end),
            language=language,
            words=tuple(
                SpokenWord(
                    text=word.word.strip(),
                    start=float(word.start),
                    end=float(word.end),
                    confidence=float(word.probability),
                )
                for word in segment.words or ()
            ),
        )
        for segment in heard
        if segment.text.strip()
    )


@lru_cache(maxsize=1)
def _vosk(folder: str) -> Any:
    import vosk

    # The library writes to the standard error from C++, past everything that Python could redirect.
    vosk.SetLogLevel(-1)
    try:
        return vosk.Model(folder)
    except Exception as error:  # vosk raises bare exceptions
        raise SettingsError("the model of speech cannot be loaded by Vosk") from error


def _by_vosk(folder: str, samples: bytes, language: str) -> tuple[Segment, ...]:
    import vosk

    heard = vosk.KaldiRecognizer(_vosk(folder), RATE)
    heard.SetWords(True)
    # The recognizer ends a sentence where it hears a pause, and looks for one only between two blocks.
    blocks = (samples[at : at + BLOCK] for at in range(0, len(samples), BLOCK))
    replies = [*(heard.Result() for block in blocks if heard.AcceptWaveform(block)), heard.FinalResult()]
    spoken = [
        [
            SpokenWord(text=word["word"], start=word["start"], end=word["end"], confidence=word["conf"])
            # A stretch of silence has no list of words.
            for word in json.loads(reply).get("result", ())
            if not NO_WORD.fullmatch(word["word"])
        ]
        for reply in replies
    ]
    return tuple(_segment(words, language) for words in spoken if words)


def _by_sphinx(samples: bytes, language: str) -> tuple[Segment, ...]:
    if base(language) != "en":
        raise UnsupportedOperationError(
            f"PocketSphinx knows English, and not {base(language)}",
            advice="Give Local(speech_model=…) the folder of a model for this language.",
        )
    from pocketsphinx import Decoder

    # By default the library logs hundreds of lines to the standard error.
    decoder = Decoder(samprate=float(RATE), loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(array("h", samples).tobytes(), full_utt=True)
    decoder.end_utt()
    words = [
        SpokenWord(
            text=re.sub(r"\(\d+\)$", "", part.word),  # "the(2)" is another way to say "the"
            start=part.start_frame / FRAMES,
            # `end_frame` is the last frame that belongs to the word, so the word ends one frame later.
            end=(part.end_frame + 1) / FRAMES,
        )
        for part in decoder.seg() or ()
        if not NO_WORD.fullmatch(part.word)
    ]
    return (_segment(words, language),) if words else ()


def _segment(words: Sequence[SpokenWord], language: str) -> Segment:
    text = joined([word.text for word in words], language)
    return Segment(text=text, words=tuple(words), start=words[0].start, end=words[-1].end, language=language)
