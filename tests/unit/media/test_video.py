"""The frames of a video that are taken, and the options that are refused before anything is paid for."""

from __future__ import annotations

import io
import os
import pickle
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import cloudai
from cloudai import InputError, MissingExtraError, SettingsError, frames
from cloudai.media.film import Film
from cloudai.media.video import Reel, fragment_of, seconds_of
from tests.support.films import UNEVEN, colour, counted, film, number_in
from tests.support.in_time import in_time
from tests.support.paths import FIXTURES

TALK = film([counted(n) for n in range(12)], UNEVEN)


def taken(video: Any = TALK, **chosen: Any) -> list[tuple[float, int]]:
    """Return the times of the frames that are taken, and the numbers that are seen in them."""
    return [(frame.time_s, number_in(frame.open())) for frame in frames(video, **chosen)]


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ({"every": 0.5}, [0, 6, 8, 10]),  # what a player shows at 0, 0.5, 1 and 1.5 s
        ({"every": "500ms"}, [0, 6, 8, 10]),
        ({"fps": 2}, [0, 6, 8, 10]),
        ({"every": 0.1}, [0, 3, 4, 6, 7, 8, 9, 10, 11]),  # a still stretch is one frame
        ({"fps": 1000}, list(range(12))),
        ({"count": 2}, [6, 10]),  # the middles of two halves
        ({"count": 99}, list(range(12))),
        ({"fps": 1e12}, list(range(12))),
        ({"count": 10**9}, list(range(12))),
        ({"every": np.float32(0.5)}, [0, 6, 8, 10]),
        ({"count": np.int64(2)}, [6, 10]),
        ({"at": np.array([1.9, 0.0])}, [0, 11]),
        ({"at": iter(["1s", "1s", "0"])}, [0, 8]),
        ({"at": 0.45}, [5]),
        ({"at": ["0:01.9", 0, "33ms"]}, [0, 1, 11]),
    ],
)
def test_which_frames_are_taken(chosen: dict[str, Any], numbers: list[int]) -> None:
    """The frame for a time is the one that a player shows then, and each frame comes once, with its own time."""
    assert taken(**chosen) == [(UNEVEN[number] / 1000, number) for number in numbers]


def test_a_rounded_time_is_no_earlier_frame() -> None:
    """A frame at a third of a second is the one for 1/3 s, although its time is rounded up to 0.334 s."""
    even = film([counted(n) for n in range(5)], [0, 200, 334, 667, 1000], format="matroska")
    assert taken(even, fps=3) == [(0.0, 0), (0.334, 2), (0.667, 3), (1.0, 4)]


def test_scenes() -> None:
    """The first frame of each scene is taken: those before which the whole picture changes."""
    pictures = [colour(name) for name in ("red", "red", "green", "green", "green", "blue")]
    cut = film(pictures, [0, 100, 200, 300, 400, 500])
    assert [(frame.time_s, frame.number) for frame in frames(cut, scenes=True)] == [(0.0, 0), (0.2, 2), (0.5, 5)]


def test_scenes_of_flat_frames_and_of_another_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of any shape are compared, and a frame of another size begins a scene, even if it is of one colour too."""
    flat = [colour(name, (1000, 2)) for name in ("red", "red", "blue")]
    assert [frame.number for frame in frames(film(flat, [0, 100, 200]), scenes=True)] == [0, 2]
    make = Film.shots
    parts = [film([colour("red", size)] * 2, [0, 100]) for size in ((64, 48), (96, 48))]
    monkeypatch.setattr(Film, "shots", lambda self: (shot for part in parts for shot in make(Film(part))))
    assert [frame.open().size for frame in frames(TALK, scenes=True)] == [(64, 48), (96, 48)]


def test_frames_can_be_gone_over_again() -> None:
    """A second iteration gives the same frames with the same keys, so that a plan can be made before the run."""
    chosen = frames(TALK, every=0.5)
    assert [frame.key for frame in chosen] == [frame.key for frame in chosen]


def test_what_a_frame_knows(tmp_path: Path) -> None:
    """A frame has the name of its video and its time, and the columns of tables; it survives pickling."""
    path = tmp_path / "대통령 연설.mp4"
    path.write_bytes(TALK)
    *_, last = frames(path, every=0.5)
    again = pickle.loads(pickle.dumps(last))
    for frame in (last, again):
        assert frame.name == "대통령 연설.mp4#t=1.500"
        assert frame.row == {"video": "대통령 연설.mp4", "time_s": 1.5, "frame": 10}
        assert fragment_of(frame.fragment) == (path.as_posix(), 1.5)
        assert number_in(frame.open()) == 10
    assert again.key == last.key
    assert fragment_of("photo.jpg") is None


def test_videos_of_the_same_name(tmp_path: Path) -> None:
    """Videos of one name in several folders have as much of their folders in tables as tells them apart."""
    for name in ("위원회/월/연설.mp4", "본회의/월/연설.mp4", "답변.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(TALK)
    given = [tmp_path / "위원회/월/연설.mp4", tmp_path / "본회의/월/연설.mp4", tmp_path / "답변.mp4"]
    taken = list(frames([*given, given[0]], count=1))
    assert [frame.video for frame in taken] == [
        "위원회/월/연설.mp4",
        "본회의/월/연설.mp4",
        "답변.mp4",
        "위원회/월/연설.mp4",
    ]
    assert {frame.name for frame in taken} == {"연설.mp4#t=1.000", "답변.mp4#t=1.000"}


def test_a_long_path(tmp_path: Path) -> None:
    """A frame of a video with a long path has the whole of it, so that the frame is found again."""
    path = tmp_path / ("긴 이름 " * 12) / ("연설 " * 20 + ".mp4")
    path.parent.mkdir()
    path.write_bytes(TALK)
    (frame,) = frames(path, count=1)
    assert fragment_of(frame.fragment) == (path.as_posix(), 1.0)
    again = Reel(path).frame(1.0)
    assert again is not None
    assert again.key == frame.key
    path.write_bytes(b"")
    with pytest.raises(InputError) as caught:
        frames(path, count=1)
    assert len(str(caught.value)) < 200


def test_moving_pictures() -> None:
    """The pictures of a GIF are frames with their times; of a WebP or a PNG that moves the error says what to do."""
    moving = {}
    for kind in ("GIF", "WEBP", "PNG"):
        out = io.BytesIO()
        first, *more = (counted(n) for n in range(4))
        first.save(out, kind, save_all=True, append_images=more, duration=[100, 300, 50, 100])
        moving[kind] = out.getvalue()
    assert taken(moving["GIF"], fps=100) == [(0.0, 0), (0.1, 1), (0.4, 2), (0.45, 3)]
    for kind in ("WEBP", "PNG"):
        with pytest.raises(InputError, match=r"is a moving picture that cannot be read here. Convert it to GIF or MP4"):
            frames(moving[kind], every=1)


def test_several_videos_and_open_files() -> None:
    """A list of videos gives the frames of each; a file that the user has opened is read from its beginning."""
    file = io.BytesIO(TALK)
    file.seek(100)
    names = [(frame.video, frame.number) for frame in frames([TALK, file], count=1)]
    assert [number for _, number in names] == [8, 8]
    assert names[0][0].startswith("video-")
    assert not file.closed


def test_the_key_is_that_of_the_frame() -> None:
    """The key is the digest of the planes as they were decoded, whatever the time, and not of the JPEG made of them."""
    still = film([colour("red")] * 3 + [colour("blue")], [0, 500, 1000, 1500])
    keys = [frame.key for frame in frames(still, every=0.5)]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    with av.open(io.BytesIO(still)) as file:
        decoded: Any = next(file.decode(video=0))
    assert keys[0] == sha256(b"yuv420p 64 48 0" + decoded.to_ndarray().tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({}, "which frames of the video"),
        ({"every": 1, "fps": 2}, "every= and fps= each say"),
        ({"every": 1, "count": 2, "scenes": True}, "every= and count= and scenes= each say"),
        ({"every": 0}, "every=0"),
        ({"every": 1e-9}, "every=1e-09. Give a number from 1e-06."),
        ({"every": "soon"}, "every='soon'"),
        ({"fps": float("nan")}, "fps=nan"),
        ({"fps": True}, "fps=True"),
        ({"count": 0}, "count=0"),
        ({"count": 1.5}, "count=1.5"),
        ({"at": []}, "names no time"),
        ({"at": [-1]}, "at=-1"),
        ({"at": 10**400}, "at=…"),
        ({"at": "9" * 5000}, "at=a str"),
        ({"every": 10**5000}, "every=…"),
        ({"count": -(10**5000)}, "count=…"),
    ],
)
def test_a_choice_that_says_nothing(chosen: dict[str, Any], message: str) -> None:
    """None or two of the choices, and a value out of its range, are told before the video is opened."""
    with pytest.raises(SettingsError, match=message):
        frames("no.mp4", **chosen)


def test_a_time_outside_the_video() -> None:
    """A time after the end is an error that says how long the video is."""
    with pytest.raises(InputError, match=r"120 s is outside video-\w+. It is 2.0 s long."):
        frames(TALK, at="2:00")


def picture() -> bytes:
    """Return a small JPEG."""
    out = io.BytesIO()
    colour("red").save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (picture(), "is a still picture. Give it to the operation as it is."),
        ((FIXTURES / "인사.wav").read_bytes(), "has no pictures, only sound. speech_to_text takes recordings."),
        (b"", r"is empty \(0 bytes\)"),
        (b"%PDF-1.7 ...", "is not a video but a PDF"),
        (b"<!DOCTYPE html>", "a web page saved under that name"),
        (TALK[:600], "is cut off or damaged. Download or export it again."),
        ("https://example.com/talk.mp4?key=secret", r"https://example.com/talk.mp4\?… is an address"),
        ("없는 파일.mp4", "there is no file 없는 파일.mp4"),
        (5, "a video cannot be a int"),
        (io.StringIO("<!DOCTYPE html>"), 'the file is open as text. Open it with mode "rb".'),
    ],
)
def test_what_is_no_video(given: Any, message: str) -> None:
    """Each file that has no frames is an error that says what it is, as soon as frames are asked for."""
    with pytest.raises(InputError, match=message) as caught:
        frames(given, every=1)
    assert "secret" not in str(caught.value)


def test_a_folder_and_an_empty_list(tmp_path: Path) -> None:
    """A folder and an empty list are errors that say what to give."""
    with pytest.raises(InputError, match="is a folder"):
        frames(tmp_path, every=1)
    with pytest.raises(InputError, match="no video in the list"):
        frames([], every=1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_no_video(tmp_path: Path) -> None:
    """Whoever opens a pipe waits until somebody writes to it, so that it is refused before."""
    os.mkfifo(pipe := tmp_path / "pipe.mp4")

    def ask() -> None:
        with pytest.raises(InputError, match="is not a regular file"):
            frames(pipe, every=1)

    in_time(ask, 10)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyAV the error has the install line."""
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r'pip install ".\[video\]"'):
        frames(TALK, every=1)


def test_frames_are_no_inputs_of_other_operations() -> None:
    """A frame that is given as a text or a recording is an error of that input."""
    (frame,) = frames(TALK, count=1)
    with cloudai.Client("local") as client, pytest.raises(InputError, match="a text is a str, not Frame"):
        client.sentiment(frame)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.5", 12.5), ("0.5s", 0.5), ("250MS", 0.25), ("2min", 120), ("1:02.5", 62.5), ("1:00:01", 3601)],
)
def test_times_as_people_write_them(text: str, seconds: float) -> None:
    """A time may be written in seconds, with a unit, or as on a clock."""
    assert seconds_of(text) == seconds
