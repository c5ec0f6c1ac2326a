"""Limits of the vendors, to the byte and to the sample: what is over goes out as FLAC, in pieces, or not at all."""

from __future__ import annotations

import struct
from typing import Any

import pytest

import cloudai
from cloudai import Client, Resource, Response
from cloudai.core.flow import Request
from cloudai.testing import Script
from tests.made_up.calls import KEY, VENDORS
from tests.support.listening import uploaded


def wav_of(size: int, rate: int = 48_000, channels: int = 2) -> bytes:
    """Return a WAV of so many bytes, its head included."""
    sound = size - 44
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", size - 8, b"WAVE", b"fmt ", 16, 1, channels, rate,
                       rate * channels * 2, channels * 2, 16)  # fmt: skip
    return head + struct.pack("<4sI", b"data", sound) + bytes(sound)


def short() -> Any:
    """Return a provider that uses Azure's API for short audio."""
    return cloudai.Azure(speech=Resource(KEY, region="koreacentral"))


VOICES = {
    "google": (VENDORS["google"].make, 10_000_000, {}),
    "watson": (VENDORS["watson"].make, 100_000_000, {"rate": 192_000}),
}


@pytest.mark.parametrize("who", VOICES)
@pytest.mark.parametrize("more", [0, 4])
def test_bytes_of_a_recording(who: str, more: int) -> None:
    """A recording of as many bytes as the vendor takes goes out as it is; with one sample more it is made smaller."""
    make, most, options = VOICES[who]
    sizes: list[int] = []

    def send(request: Request) -> Response:
        sizes.append(len(uploaded(request)))
        return Response(413, {}, b"{}")

    with Client(make(), send=send) as client, pytest.raises(cloudai.TooLargeError) as raised:
        client.speech_to_text(wav_of(most + more, **options), language="ko")
    assert raised.value.attempts == 1  # a 413 is not tried again
    assert sizes[0] < most / 2 if more else sizes == [most]


@pytest.mark.parametrize("who", VOICES)
def test_bytes_of_a_recording_that_cannot_be_decoded(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra that could make a recording smaller, one that is a sample too large is refused."""
    monkeypatch.setattr("cloudai.media.decoding.can_decode", lambda: False)
    make, most, options = VOICES[who]
    with Client(make(), send=Script()) as client, pytest.raises(cloudai.InputError, match="MB"):
        client.speech_to_text(wav_of(most + 4, **options), language="ko")


@pytest.mark.parametrize("who", ["google", "azure, short"])
@pytest.mark.parametrize("more", [0, 1])
def test_seconds_of_a_recording(who: str, more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute goes out whole; one sample more goes out in two pieces, or not at all without the extra."""
    make = {"azure, short": short, "google": VENDORS["google"].make}[who]
    script = Script(*[Response(413, {}, b"{}")] * 2)
    data = wav_of(44 + 2 * (60 * 16_000 + more), 16_000, 1)
    with Client(make(), send=script) as client, pytest.raises(cloudai.TooLargeError):
        client.speech_to_text(data, language="ko")
    assert len(script.requests) == 1 + more
    monkeypatch.setattr("cloudai.media.decoding.can_decode", lambda: False)
    with Client(make(), send=script) as client, pytest.raises(cloudai.CloudAIError) as raised:
        client.speech_to_text(data, language="ko")
    assert isinstance(raised.value, cloudai.InputError) == bool(more)
