"""Recordings that are not what they say: cut off, joined, paused, without sound, or with a false size in the header."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cloudai import InputError
from cloudai.media import Audio
from cloudai.media.measuring import clock
from cloudai.providers.azure.speech import SHORT_LIMITS
from cloudai.providers.google.speech import LIMITS, LIMITS_2
from cloudai.providers.watson.speech import LIMITS as WATSON
from tests.support.listening import RATE, Said, recording, wav_of, words_of
from tests.support.pictures import in_place
from tests.unit.media.test_long import packed

PIECES = replace(LIMITS, max_seconds=6.0, piece_seconds=12.0)


@pytest.fixture(scope="module")
def said() -> Said:
    """Return a recording of three sentences, which lasts eleven seconds."""
    return recording(3)


def pictures(container: str) -> bytes:
    """Return a video without sound."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(10):
            image = av.VideoFrame(64, 48, "yuv420p")
            image.pts = number
            file.mux(stream.encode(image))
        file.mux(stream.encode(None))
    return out.getvalue()


def packets(said: Said, file: Any, codec: str, rate: int = 48_000) -> Iterator[Any]:
    """Yield the encoded packets of a recording."""
    import av

    encoder = file.add_stream(codec, rate=rate, layout="mono")
    samples = (said.samples * 32_000).astype("int16")
    for at in range(0, len(samples), RATE):
        part = np.ascontiguousarray(samples[None, at : at + RATE])
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, at
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


def paused(said: Said, after: float, seconds: float, *, video: bool = False) -> bytes:
    """Return a recording whose time stamps have a gap, as if it had been paused.

    With ``video`` it has pictures from the beginning on.
    """
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as file:
        stream: Any = file.add_stream("mpeg4", rate=5) if video else None
        if stream is not None:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        coded = list(packets(said, file, "aac"))
        if stream is not None:
            image = av.VideoFrame(64, 48, "yuv420p")
            image.pts = 0
            file.mux([*stream.encode(image), *stream.encode(None)])
        for packet in coded:
            late = seconds if packet.pts * packet.time_base >= after else 0.0
            packet.pts += int(late / packet.time_base)
            packet.dts = packet.pts
            file.mux(packet)
    return out.getvalue()


def heard(given: bytes, limits: Any = LIMITS) -> list[tuple[str, float, float]]:
    """Return the words of a recording as it is sent, with their times from the beginning of the file."""
    audio = Audio(given)
    sound = in_place(audio.probe(limits))
    if not sound.pieces:
        return words_of(sound.blob.data)
    return [
        (word, begin + at, begin + end)
        for number, (begin, _) in enumerate(sound.pieces)
        for word, at, end in words_of(audio.piece(number).blob.data)
    ]


@pytest.mark.parametrize("limits", [LIMITS, PIECES], ids=["whole", "pieces"])
@pytest.mark.parametrize("video", [False, True])
def test_what_follows_a_gap_keeps_its_time(limits: Any, video: bool, said: Said) -> None:
    """A recording that was paused, or that begins after the pictures: each word has the time at which a player has it.

    Without the silence in between, the subtitles of all that follows would come too early.
    """
    after = 0.0 if video else said.words[5][1] - 0.3
    times = [(word, begin + 4.0 * (begin >= after)) for word, begin, _ in said.words]
    found = heard(paused(said, after, 4.0, video=video), limits)
    assert [word for word, _, _ in found] == [word for word, _ in times]
    assert [begin for _, begin, _ in found] == pytest.approx([begin for _, begin in times], abs=0.15)


def test_time_stamps_that_fall_short_of_the_sound_lose_none() -> None:
    """A recorder whose clock is slow states less than there is: every word is sent all the same."""
    import av

    long = recording(24)
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as file:
        for packet in packets(long, file, "aac"):
            packet.pts = packet.dts = int(packet.pts * 0.985)
            file.mux(packet)
    found = heard(out.getvalue())
    assert [word for word, _, _ in found] == [word for word, _, _ in long.words]
    assert [begin for _, begin, _ in found] == pytest.approx([begin for _, begin, _ in long.words], abs=0.15)


@pytest.mark.parametrize(
    ("container", "codec", "rates", "limits"),
    [
        ("mpegts", "aac", (48_000, 48_000), LIMITS),
        ("adts", "aac", (44_100, 48_000), LIMITS),
        ("mp3", "mp3", (44_100, 32_000), SHORT_LIMITS),
        ("ogg", "libopus", (48_000, 48_000), PIECES),
    ],
)
def test_files_that_were_joined_are_one_recording(
    container: str, codec: str, rates: tuple[int, int], limits: Any, said: Said
) -> None:
    """Two files end to end have the length of both, whether their rates differ or their time stamps begin anew."""
    first, second = (packed(said, container, codec, rate) for rate in rates)
    audio = Audio(first + second)
    sound = in_place(audio.probe(limits))
    # FFmpeg takes the rate of the first AAC for that of both.
    assert sound.duration == pytest.approx(2 * len(said.samples) / RATE, abs=1.1)
    words = [word for word, _, _ in heard(first + second, limits)]
    assert words == [word for word, _, _ in said.words] * 2


@pytest.mark.parametrize("limits", [LIMITS, LIMITS_2, WATSON], ids=["v1", "v2", "watson"])
@pytest.mark.parametrize("kind", ["no moov", "no sound", "no sound in Matroska"])
def test_what_has_no_sound_is_sent_to_nobody(kind: str, limits: Any, said: Said) -> None:
    """An M4A that was never finished and a video without sound are refused, also for a vendor that reads M4A."""
    whole = packed(said, "mp4", "aac")
    given = {
        "no moov": whole[: whole.rindex(b"moov") - 4],
        "no sound": pictures("mp4"),
        "no sound in Matroska": pictures("matroska"),
    }[kind]
    with pytest.raises(InputError, match=r"강의.*cut off or damaged, or has no sound"):
        in_place(Audio(given, name="강의").probe(limits))


def test_a_damaged_packet_is_passed_over(said: Said) -> None:
    """Of an MP3 with some bytes of garbage nearly all is heard, at its time; of one that is all garbage nothing is."""
    data = bytearray(packed(said, "mp3", "mp3", 44_100))
    middle = len(data) // 2
    data[middle : middle + 1_500] = b"\xff\xfb\x90\x64" * 375
    found = heard(bytes(data), SHORT_LIMITS)
    assert len({word for word, _, _ in found} & {word for word, _, _ in said.words}) >= len(said.words) - 3
    assert found[-1][1] == pytest.approx(said.words[-1][1], abs=0.2)


def test_a_flac_is_as_long_as_it_is(said: Said) -> None:
    """The header of a FLAC may say anything: its length is that of its frames, so that it is cut where it has to be."""
    data = bytearray(packed(said, "flac", "flac", RATE))
    stated = int.from_bytes(data[18:26], "big") >> 36 << 36
    for samples in (RATE, 100 * RATE):
        data[18:26] = (stated | samples).to_bytes(8, "big")
        assert in_place(Audio(bytes(data)).probe(LIMITS)).duration == pytest.approx(len(said.samples) / RATE, abs=0.01)


@pytest.mark.parametrize("size", [0, 100, 30_001])
def test_a_wav_that_states_too_little_is_read_to_its_end(size: int, said: Said) -> None:
    """A recorder that died, or wrote on, left a size that is too small; what follows the sound is no chunk."""
    noisy = np.where(np.arange(len(said.samples)) % 2, 0.9, -0.9)
    data = bytearray(wav_of(noisy))
    data[40:44] = struct.pack("<I", size)
    sound = in_place(Audio(bytes(data)).probe(LIMITS))
    assert sound.duration == pytest.approx(len(noisy) / RATE)
    if size:
        assert sound.blob.data[40:44] == struct.pack("<I", 2 * len(noisy))


def test_a_chunk_behind_the_sound_is_no_sound(said: Said) -> None:
    """A tag behind the sound of a WAV, or zeros, are not taken for sound."""
    plain = said.wav()
    for more in (b"LIST" + struct.pack("<I", 4) + b"INFO", bytes(40)):
        assert in_place(Audio(plain + more).probe(LIMITS)).duration == pytest.approx(len(said.samples) / RATE)


@pytest.mark.parametrize(
    ("rate", "limits", "expected"),
    [
        (96_000, LIMITS, ("flac", 16_000)),
        (96_000, LIMITS_2, ("flac", 16_000)),
        (4_000, LIMITS, ("flac", 8_000)),
        (48_000, LIMITS, ("wav", 48_000)),
        (44_100, SHORT_LIMITS, ("wav", 16_000)),
        (8_000, SHORT_LIMITS, ("wav", 8_000)),
        (96_000, WATSON, ("wav", 96_000)),
    ],
)
def test_a_rate_that_a_vendor_does_not_take_is_changed(rate: int, limits: Any, expected: tuple[str, int]) -> None:
    """Google takes 8,000 to 48,000 samples a second, Azure's short audio up to 16,000; the others take any."""
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, np.zeros(rate), rate, format="WAV", subtype="PCM_16")
    sound = in_place(Audio(out.getvalue()).probe(limits))
    assert (sound.format, sound.rate) == expected


def test_a_rate_that_cannot_be_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error says which rates the vendor takes, and nothing of formats."""
    import soundfile

    monkeypatch.setattr("cloudai.media.decoding.can_decode", lambda: False)
    out = io.BytesIO()
    soundfile.write(out, np.zeros(96_000), 96_000, format="WAV", subtype="PCM_16")
    with pytest.raises(InputError, match=r"96,000 samples a second, and Google.* takes 8,000 to 48,000"):
        in_place(Audio(out.getvalue()).probe(LIMITS))


def test_pieces_of_many_channels_have_no_more_bytes_than_the_vendor_takes() -> None:
    """Noise in six channels, of which FLAC makes nothing smaller, is cut into shorter pieces."""
    limits = replace(LIMITS, max_bytes=1_000_000)
    noise = np.random.default_rng(28).uniform(-0.99, 0.99, (10 * RATE, 6))
    audio = Audio(wav_of(noise))
    sound = in_place(audio.probe(limits))
    sizes = [len(audio.piece(number).blob.data) for number in range(len(sound.pieces))]
    assert max(sizes) <= 1_000_000
    assert len(sizes) == len(in_place(Audio(wav_of(noise)).draft().probe(limits)).pieces) > 1


def test_a_length_is_rounded_as_a_whole() -> None:
    """Nearly a minute is no sixty seconds of a minute before."""
    assert [clock(seconds) for seconds in (59.97, 60.2, 119.98, 3_600.0)] == ["1:00", "1:00.2", "2:00", "60:00"]
