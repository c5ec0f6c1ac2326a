"""Limits of the vendors, to the byte and to the sample: what is over is refused here, with nothing sent."""

from __future__ import annotations

import struct
from typing import Any

import pytest

import cloudai
from cloudai import Client, Resource, Response
from cloudai.testing import Script
from tests.made_up.calls import KEY, VENDORS


def wav_of(size: int, rate: int = 48_000, channels: int = 2) -> bytes:
    """A WAV of so many bytes, its head included."""
    sound = size - 44
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", size - 8, b"WAVE", b"fmt ", 16, 1, channels, rate,
                       rate * channels * 2, channels * 2, 16)  # fmt: skip
    return head + struct.pack("<4sI", b"data", sound) + bytes(sound)


def short() -> Any:
    """Azure's API for short audio."""
    return cloudai.Azure(speech=Resource(KEY, region="koreacentral"))


VOICES = {
    "google": (VENDORS["google"].make, 10_000_000, {}),
    "azure, short": (short, 10_000_000, {"rate": 96_000, "channels": 1}),  # it reads one channel
    "watson": (VENDORS["watson"].make, 100_000_000, {"rate": 192_000}),
}


@pytest.mark.parametrize("who", VOICES)
@pytest.mark.parametrize("more", [0, 4])
def test_bytes_of_a_recording(who: str, more: int) -> None:
    """A recording of as many bytes as the vendor takes goes out; with one sample more nothing does."""
    make, most, options = VOICES[who]
    script = Script(Response(413, {}, b"{}"))
    with Client(make(), send=script) as client:
        if more:
            with pytest.raises(cloudai.InputError, match="MB"):
                client.speech_to_text(wav_of(most + more, **options), language="ko")
        else:
            with pytest.raises(cloudai.TooLargeError) as raised:
                client.speech_to_text(wav_of(most, **options), language="ko")
            assert raised.value.attempts == 1  # a 413 is not tried again
    assert len(script.requests) == (0 if more else 1)


@pytest.mark.parametrize("who", ["google", "azure, short"])
@pytest.mark.parametrize("more", [0, 1])
def test_seconds_of_a_recording(who: str, more: int) -> None:
    """A minute goes out; one sample more does not."""
    make, _, _ = VOICES[who]
    script = Script(Response(413, {}, b"{}"))
    data = wav_of(44 + 2 * (60 * 16_000 + more), 16_000, 1)
    with Client(make(), send=script) as client, pytest.raises(cloudai.CloudAIError) as raised:
        client.speech_to_text(data, language="ko")
    assert isinstance(raised.value, cloudai.InputError if more else cloudai.TooLargeError)
    assert len(script.requests) == (0 if more else 1)
