"""Reading videos: the times of their frames, the side that is up, damage, and memory."""

from __future__ import annotations

import logging
import types
import weakref
from collections.abc import Iterator
from fractions import Fraction

import pytest
from av.stream import Disposition
from PIL import ImageChops, ImageStat

from cloudai import frames
from cloudai.errors import InputError
from cloudai.media import decode
from cloudai.media.film import Film, Shot
from cloudai.media.video_files import _track
from tests.support.films import UNEVEN, colour, counted, film, number_in, turned

PICTURES = [counted(n) for n in range(12)]
FORMATS = [
    ("mp4", "libx264"),
    ("mov", "libx264"),
    ("matroska", "libx264"),
    ("webm", "libvpx-vp9"),
    ("mpegts", "libx264"),  # begins at 1.4 s of its own count
    ("avi", "mpeg4"),  # has no times of presentation
    ("flv", "flv1"),
    ("asf", "wmv2"),
]


def seen(video: bytes) -> list[tuple[float, int, int]]:
    """Return the time and the number of each frame, and the number that is seen in it."""
    return [(float(shot.time), shot.number, number_in(shot.picture())) for shot in Film(video).shots()]


@pytest.mark.parametrize(("format", "codec"), FORMATS, ids=lambda value: value)
def test_times_of_a_variable_rate(format: str, codec: str) -> None:  # noqa: A002
    """Every frame has the time at which it was stored, to a tick of the container, however uneven the times are."""
    for (time, number, bars), stored in zip(
        seen(film(PICTURES, UNEVEN, format=format, codec=codec)), UNEVEN, strict=True
    ):
        assert time == pytest.approx(stored / 1000, abs=1e-4)
        assert number == bars


@pytest.mark.parametrize("format", ["vob", "mpeg", "m2ts"])
def test_discs_and_camcorders(format: str) -> None:  # noqa: A002
    """The videos of discs and of camcorders, whose packets have a time before them, are read."""
    if format == "m2ts":
        made = film(PICTURES, range(0, 480, 40), format="mpegts", container={"mpegts_m2ts_mode": "1"})
    else:
        codec = "mpeg2video" if format == "vob" else "mpeg1video"
        made = film(PICTURES, range(12), format=format, codec=codec, tick=Fraction(1, 25))
    wanted = [(pytest.approx(n / 25, abs=1e-4), n, n) for n in range(12)]
    assert seen(made) == wanted


def test_a_beginning_that_is_not_zero() -> None:
    """Times count from the beginning of the file, which is that of the sound where the pictures begin later."""
    late = film(PICTURES, [time + 700 for time in UNEVEN], sound=True)
    assert seen(late)[0] == (pytest.approx(0.7), 0, 0)
    shifted = film(PICTURES, [time + 5000 for time in UNEVEN], format="mpegts")
    assert [time for time, *_ in seen(shifted)][:3] == pytest.approx([0.0, 0.033, 0.067], abs=1e-4)


def test_an_edit_list() -> None:
    """Frames that an edit list cuts off are left out, and the first that is shown is at 0 s, as players show it."""
    mp4 = film(PICTURES, UNEVEN, bf="0")
    at = mp4.index(b"elst") + 12  # one entry: duration, time in the track, rate; ISO/IEC 14496-12, 8.6.6
    rest = int.from_bytes(mp4[at : at + 4], "big") - 400
    begin = int.from_bytes(mp4[at + 4 : at + 8], "big") + 400 * 16
    cut = mp4[:at] + rest.to_bytes(4, "big") + begin.to_bytes(4, "big") + mp4[at + 8 :]
    assert [(round(time, 3), bars) for time, _, bars in seen(cut)] == [
        (round(time / 1000 - 0.4, 3), number) for number, time in enumerate(UNEVEN) if time >= 400
    ]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_side_that_is_up(degrees: int) -> None:
    """A frame is turned as the telephone was held."""
    mp4 = film([counted(37)], [0])
    (plain,), (shot,) = Film(mp4).shots(), Film(turned(mp4, degrees)).shots()
    wanted = plain.picture().rotate(-degrees, expand=True)
    assert shot.picture().size == wanted.size
    assert max(ImageStat.Stat(ImageChops.difference(shot.picture(), wanted)).mean) < 2
    assert shot.key != plain.key


def test_pixels_that_are_not_square() -> None:
    """A frame of wide pixels is as wide as it is shown."""
    (shot,) = Film(film([colour("red")], [0], aspect=Fraction(2))).shots()
    assert shot.picture().size == (128, 48)


def test_damage_in_the_middle(caplog: pytest.LogCaptureFixture) -> None:
    """A damaged piece is left out and told, and the other frames keep their times."""
    stored = bytearray(film([counted(n) for n in range(40)], range(0, 4000, 100), g="5"))
    middle = len(stored) // 2
    stored[middle : middle + 60] = b"\xff" * 60
    with caplog.at_level(logging.WARNING, "cloudai"):
        times = [float(shot.time) for shot in Film(bytes(stored)).shots()]
    assert 20 < len(times) < 40
    assert "damaged pieces of the video were left out" in caplog.text


def test_a_video_that_is_cut_off() -> None:
    """Of a video whose end is missing, the frames before it are read."""
    stored = film(PICTURES, UNEVEN, format="matroska", g="1")
    assert 0 < len(list(Film(stored[: len(stored) * 2 // 3]).shots())) < 12


def test_nothing_that_can_be_decoded() -> None:
    """A video without a frame that can be decoded is an error."""
    stored = film(PICTURES, UNEVEN)
    at = stored.index(b"mdat") + 4
    size = int.from_bytes(stored[at - 8 : at - 4], "big") - 8
    with pytest.raises(InputError, match=r"no frame of video-.* can be decoded"):
        list(Film(stored[:at] + b"\0" * size + stored[at + size :]).shots())


def test_frames_that_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A video whose frames have too many pixels is refused by its header."""
    monkeypatch.setattr("cloudai.media.video_files.MOST_PIXELS", 1000)
    with pytest.raises(InputError, match="more than 1,000 pixels"):
        Film(film([colour("red")], [0])).look()


def test_times_only_ascend(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that is not later than the one before it is left out."""
    stamps = [0, 10, 10, 5, 20]
    shown = [types.SimpleNamespace(pts=at, time_base=Fraction(1, 10), is_corrupt=False) for at in stamps]
    monkeypatch.setattr("cloudai.media.film._decoded", lambda *_: iter(shown))
    shots = list(Film(film([colour("red")], [0])).shots())
    assert [(float(shot.time), shot.number) for shot in shots] == [(0.0, 0), (1.0, 1), (2.0, 4)]


def test_a_beginning_that_is_stated_too_late() -> None:
    """A first frame that comes before the beginning that FFmpeg makes out is at 0 s, and none is left out."""
    late = film([counted(n) for n in range(3)], [0, 500, 1000], format="matroska", tone=(0.5, 1.0))
    assert seen(late) == [(0.0, 0, 0), (0.5, 1, 1), (1.0, 2, 2)]
    assert float(Film(late).end) == pytest.approx(1.033, abs=0.002)


def test_frames_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a video is, only the frame that is shown and the next one are held, and few are converted."""
    living: weakref.WeakSet[Shot] = weakref.WeakSet()
    converted: list[int] = []
    most, make, picture = 0, Film.shots, Shot.picture

    def counted_shots(self: Film) -> Iterator[Shot]:
        nonlocal most
        for shot in make(self):
            living.add(shot)
            most = max(most, len(living))
            yield shot
            del shot

    monkeypatch.setattr(Film, "shots", counted_shots)
    monkeypatch.setattr(Shot, "picture", lambda shot: converted.append(shot.number) or picture(shot))
    long = film([colour("red")] * 300, range(0, 30_000, 100))
    assert [frame.number for frame in frames(long, every=10)] == [0, 100, 200]
    assert converted == [0, 100, 200]
    assert most <= 3


def test_the_cover_of_an_album_is_no_video() -> None:
    """A recording with a picture of its cover has only sound."""
    file = types.SimpleNamespace(
        streams=types.SimpleNamespace(
            video=[types.SimpleNamespace(disposition=Disposition.attached_pic)], audio=[types.SimpleNamespace()]
        )
    )
    with pytest.raises(InputError, match=r"노래.m4a has no pictures, only sound"):
        _track(file, "노래.m4a")


def test_the_limit_is_that_of_pictures() -> None:
    """A frame may have as many pixels as a picture."""
    from cloudai.media import video_files as module

    assert module.MOST_PIXELS == decode.MOST_PIXELS
