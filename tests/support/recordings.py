"""Recordings that tests make, and their lengths as they are measured."""

from __future__ import annotations

import io
import wave
from typing import Any

from cloudai.media import Audio, AudioLimits, Sound
from tests.support.pictures import in_place

__all__ = ["LIMITS", "probe", "wav", "written"]

LIMITS = AudioLimits("V", frozenset({"wav", "flac", "mp3", "ogg-opus"}), 10_000_000, 60.0, ("gs",), "Split it.")


def probe(given: Any, limits: AudioLimits = LIMITS, **options: Any) -> Sound:
    """Run the flow in place."""
    sound: Sound = in_place(Audio(given, **options).probe(limits))
    return sound


def wav(seconds: float, rate: int = 8000, channels: int = 1) -> bytes:
    """Return a WAV of silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(int(seconds * rate) * 2 * channels))
    return out.getvalue()


def written(kind: str, codec: str | None = None, seconds: int = 2) -> bytes:
    """Return a recording in another format."""
    import numpy as np
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, np.zeros((16000 * seconds, 1), "float32"), 16000, format=kind, subtype=codec)
    return out.getvalue()
