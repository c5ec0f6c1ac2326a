"""Recordings as people have them: any container, files that are not held in memory, and where they are cut."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudai import InputError
from cloudai.media import Audio, audio
from cloudai.media.cutting import FRAME, OVERLAP, cut, nominal
from cloudai.media.unpacked import unpack
from cloudai.providers.google.speech import LIMITS
from tests.support.listening import RATE, Said, recording, words_of
from tests.support.pictures import in_place


@pytest.fixture(scope="module")
def said() -> Said:
    """Return a recording of three sentences."""
    return recording(3)


def packed(
    said: Said, container: str, codec: str, rate: int = 48_000, *, tracks: int = 1, video: bool = False
) -> bytes:
    """Return a recording in a container, with pictures beside it, or with other tracks that are silent."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        pictures: Any = file.add_stream("mpeg4", rate=5) if video else None
        if pictures is not None:
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        encoders: list[Any] = [file.add_stream(codec, rate=rate, layout="mono") for _ in range(tracks)]
        for number, encoder in enumerate(encoders):
            samples = (said.samples * 32_000 * (number == 0)).astype("int16")
            for at in range(0, len(samples), RATE):
                part = np.ascontiguousarray(samples[None, at : at + RATE])
                frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
                frame.sample_rate, frame.pts = RATE, at
                file.mux(encoder.encode(frame))
            file.mux(encoder.encode(None))
        if pictures is not None:
            for number in range(5):
                image = av.VideoFrame(64, 48, "yuv420p")
                image.pts = number
                file.mux(pictures.encode(image))
            file.mux(pictures.encode(None))
    return out.getvalue()


@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [
        ("mp4", "aac", {"rate": 44_100}),
        ("mp4", "aac", {"video": True}),
        ("mov", "pcm_s24le", {"video": True}),
        ("matroska", "flac", {"video": True}),
        ("matroska", "aac", {"tracks": 2}),
        ("avi", "mp2", {"video": True}),
        ("mpegts", "aac", {}),
        ("flv", "aac", {"rate": 44_100}),
        ("adts", "aac", {"rate": 44_100}),
    ],
)
def test_the_sound_of_any_container_is_sent(container: str, codec: str, options: Any, said: Said) -> None:
    """Whatever holds it, the vendor gets FLAC with 16,000 samples a second, and every word at its time."""
    given = Audio(packed(said, container, codec, **options))
    sound = in_place(given.probe(LIMITS))
    assert (sound.format, sound.rate, sound.channels) == ("flac", 16_000, 1)
    heard = words_of(sound.blob.data)
    assert [word for word, _, _ in heard] == [word for word, _, _ in said.words]
    assert [begin for _, begin, _ in heard] == pytest.approx([begin for _, begin, _ in said.words], abs=0.1)


def test_a_webm_with_pictures_is_not_sent_as_it_is(said: Said) -> None:
    """A browser's recording of sound alone goes out as it is; one with a camera loses its pictures."""
    assert in_place(Audio(packed(said, "webm", "libopus")).probe(LIMITS)).format == "webm-opus"
    import av

    data = packed(said, "matroska", "libopus", video=True)
    sound = in_place(Audio(data).probe(LIMITS))
    assert sound.format == "flac"
    with av.open(io.BytesIO(sound.blob.data)) as file:
        assert [stream.type for stream in file.streams] == ["audio"]


@pytest.mark.parametrize("kind", ["wav", "m4a", "flac"])
def test_a_large_file_is_not_held_in_memory(
    kind: str, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is large is recognised, hashed, measured and cut without its bytes being read at once."""
    make: dict[str, Callable[[], bytes]] = {
        "wav": said.wav,
        "m4a": lambda: packed(said, "mp4", "aac"),
        "flac": lambda: packed(said, "flac", "flac"),
    }
    path = tmp_path / f"회의.{kind}"
    path.write_bytes(make[kind]())
    key = Audio(path).key
    monkeypatch.setattr(audio, "LARGE", 1_000)
    monkeypatch.setattr(audio, "HEAD", 4_096)
    large = Audio(path)
    monkeypatch.setattr(Audio, "data", property(lambda _: pytest.fail("the file was read at once")))
    large.load()
    assert large.key == key
    sound = in_place(large.probe(replace(LIMITS, max_seconds=6.0, piece_seconds=8.0)))
    assert sound.duration == pytest.approx(len(said.samples) / RATE, abs=0.1)
    heard = [word for number in range(len(sound.pieces)) for word, _, _ in words_of(large.piece(number).blob.data)]
    assert heard == [word for word, _, _ in said.words]
    large.close()
    with pytest.raises(InputError, match=r"회의.* is not kept"):
        _ = large.piece(0).blob.data


def test_a_large_file_that_fits_is_sent_as_it_is(said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the vendor takes is read when it is sent."""
    monkeypatch.setattr(audio, "LARGE", 1_000)
    path = tmp_path / "말.wav"
    path.write_bytes(said.wav())
    assert in_place(Audio(path).probe(LIMITS)).blob.data == said.wav()


def test_a_large_file_that_breaks_off_is_an_error_of_the_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drive of another computer may fail in the middle of a file, and not only when it is opened."""

    class Broken(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

        readinto = read  # type: ignore[assignment]

        def getbuffer(self) -> Any:
            raise OSError(5, "Input/output error")

    path = tmp_path / "말.wav"
    path.write_bytes(bytes(2_000))
    monkeypatch.setattr(audio, "LARGE", 1_000)
    monkeypatch.setattr(Path, "open", lambda *_: Broken())
    for ask in (lambda given: given.key, lambda given: given._taken()):
        with pytest.raises(InputError, match=r"cannot read 말\.wav \(Input/output error\)"):
            ask(Audio(path))


def test_a_full_disk_is_told(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that finds no room in the folder for temporary files is refused with what to do."""

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cloudai.media.unpacked.tempfile.TemporaryFile", full)
    with pytest.raises(InputError, match=r"No space left on device.*TMPDIR"):
        in_place(Audio(said.wav()).probe(replace(LIMITS, max_seconds=6.0, piece_seconds=8.0)))


def levels(*stretches: tuple[float, float]) -> list[float]:
    """Return levels, in decibels, of stretches that each have a length in seconds."""
    return [level for seconds, level in stretches for _ in range(round(seconds / FRAME))]


def test_a_cut_is_in_the_longest_pause_near_it() -> None:
    """Speech of 100 s with a short pause and a longer one near the middle is cut in the longer one."""
    given = levels((45, 60), (0.3, 30), (4, 60), (0.8, 30), (49.9, 60))
    [first, second] = cut(given, 100.0, 63.0)
    assert first == (0.0, pytest.approx(49.7, abs=0.05))
    assert second == (first[1], 100.0)


def test_a_pause_in_noise_is_a_pause() -> None:
    """In a noisy hall the pauses are loud, and speech is louder."""
    [first, _] = cut(levels((48, 70), (0.5, 58), (51.5, 70)), 100.0, 63.0)
    assert first[1] == pytest.approx(48.25, abs=0.1)


@pytest.mark.parametrize("level", [0.0, 60.0])
def test_pieces_without_a_pause_overlap(level: float) -> None:
    """Where everything is as loud, whether it is speech or not, two pieces share what a word or two take."""
    [first, second] = cut(levels((100, level)), 100.0, 63.0)
    assert first[1] - second[0] == pytest.approx(OVERLAP)
    silent = cut(levels((40, 60), (20, 5), (40, 60)), 100.0, 63.0)
    assert silent[0][1] == silent[1][0] == pytest.approx(50.0, abs=0.1)


@pytest.mark.parametrize("seconds", [58.1, 116.0, 1_200.0, 7_200.0])
def test_no_piece_is_too_long(seconds: float) -> None:
    """Whatever the length, each piece fits, they cover the recording, and a plan knows their number beforehand."""
    pieces = cut(levels((seconds, 60.0)), seconds, 58.0)
    assert max(end - begin for begin, end in pieces) <= 58.0
    assert (pieces[0][0], pieces[-1][1]) == (0.0, seconds)
    assert all(two[0] <= one[1] for one, two in pairwise(pieces))
    assert len(pieces) == len(nominal(seconds, 58.0))


def test_a_recording_that_says_it_is_short_is_not_unpacked_without_end(said: Said) -> None:
    """Unpacking stops where the recording is longer than it says, so that a small file does not fill the disk."""
    assert unpack(said.wav(), "wav", rate=RATE, mono=True, max_seconds=2.0) is None
