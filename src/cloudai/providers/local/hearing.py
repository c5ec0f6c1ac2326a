"""Transcribe recordings on this machine, with a model of speech that the user points at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from cloudai.core.flow import Flow, waiting
from cloudai.errors import SettingsError, UnsupportedOperationError
from cloudai.languages import joined, with_region
from cloudai.media import Audio, AudioLimits, Sound
from cloudai.models.base import Meta
from cloudai.models.speech import Transcript
from cloudai.providers._hearing import transcribed
from cloudai.providers.base import Provider, capability
from cloudai.providers.local.recognizers import SPHINX, Engine, engine_of, recognize

__all__ = ["Hearing"]

LIMITS = AudioLimits(
    who="the local engine",
    formats=frozenset(),  # whatever is given is made a WAV with 16,000 samples a second
    max_bytes=40_000_000,
    max_seconds=600.0,
    max_channels=1,
    piece_seconds=600.0,
)
SHORT_LIMITS = replace(LIMITS, max_seconds=60.0, piece_seconds=60.0)
"""The limits of PocketSphinx; its search takes more than twice the time for twice the length."""
WHERE = (
    "There are models at https://alphacephei.com/vosk/models (Vosk) and https://huggingface.co/Systran (faster-whisper)"
)


class Hearing(Provider):
    """The operation on recordings; `Local` adds those on texts, and the settings."""

    def speech_engine(self) -> Engine | None:
        """Return the engine that the setting names, or None where it is not set.

        Raises:
            SettingsError: The setting names neither an engine nor a folder with a model.
        """
        given = self.setting("speech_model")
        return engine_of(given) if given else None

    def missing_for_speech(self) -> str | None:
        """Return what is missing for recordings and what to do about it; None where nothing is."""
        try:
            engine = self.speech_engine()
        except SettingsError as error:
            return str(error)
        if engine is None:
            return (
                "no model of speech is set. Give the folder of one: Local(speech_model=…) or CLOUDAI_SPEECH_MODEL. "
                f"{WHERE}; the word {SPHINX} asks for PocketSphinx, which knows English"
            )
        return engine.missing()

    @capability(
        "open",
        needs="CLOUDAI_SPEECH_MODEL, and the package faster-whisper, vosk or pocketsphinx; extra: audio",
        checked="2026-11-27",
        note="in the languages of your model; Korean by Whisper better than by Vosk; PocketSphinx is a toy",
        page="https://github.com/SYSTRAN/faster-whisper",
    )
    def speech_to_text(
        self,
        audio: Audio,
        *,
        language: str,
        words: bool,
        speakers: int | None,
        channels: Literal["mix", "each"] | None,
        phrases: Sequence[str],
        profanity: Literal["keep", "mask", "remove"],
    ) -> Flow[Transcript]:
        """Write down what is said in a recording, with the engine whose model is set; all channels are mixed."""
        engine = self.speech_engine()
        if engine is None:
            raise UnsupportedOperationError(str(self.missing_for_speech()))
        if speakers or channels == "each":
            # Whatever this machine cannot do is refused before the recording is decoded, which may take minutes.
            what = "speakers" if speakers else "channels"
            raise UnsupportedOperationError(f"no {what} are told apart on this machine", advice="azure and google do.")
        if profanity != "keep":
            raise UnsupportedOperationError(
                "swear words are written down as they are spoken on this machine", advice="azure masks or removes them."
            )
        code = with_region(language)

        def ask(sound: Sound, with_words: bool) -> Flow[Transcript]:
            assert sound.blob is not None  # noqa: S101  # no address is passed on
            hear = partial(recognize, engine, sound.blob.data, code, phrases, words=with_words)
            # An engine may take longer than the call has. By `waiting` the call ends at its deadline all the same.
            segments = yield from waiting(hear)
            return Transcript(
                text=joined([segment.text for segment in segments], code),
                segments=segments,
                language=code,
                duration=sound.duration,
                meta=Meta(method="local", service=engine.name, language_sent=code),
            )

        # Only PocketSphinx has no folder of a model.
        limits = LIMITS if engine.model else SHORT_LIMITS
        return (yield from transcribed(audio, limits, channels, ask, words=words, side_by_side=False))
