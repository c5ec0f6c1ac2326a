"""Files that are made of the frames of a video: the video with boxes and bars, its moments, and a page over time."""

from __future__ import annotations

import re
import signal
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import PIL.Image
import pytest
from PIL import Image

from cloudai import (
    Box,
    Face,
    Faces,
    InputError,
    Level,
    MissingExtraError,
    Outcome,
    OutputError,
    SettingsError,
    frames,
    track,
)
from cloudai.models.face import Emotions
from cloudai.report import gallery, save_drawings, save_faces, save_moments, save_timeline, save_video
from cloudai.report.films.annotated import Annotator
from cloudai.report.films.bars import PAPER, TRACK, panel
from cloudai.report.films.moments import strongest
from cloudai.report.films.seen import Look, Seen, seen_in
from cloudai.report.marks import colour_of_track
from tests.support.films import UNEVEN, colour, counted, film

SIZE = (64, 48)
TIMES = [0.0, 0.467, 1.0, 1.5]
"""The times of the frames that are looked at every half second."""


def mood(scale: Any = "probability", **scores: float) -> Emotions:
    """Return apparent expressions with these scores."""
    return Emotions(scale=scale, **{name: Level(score=score) for name, score in scores.items()})


def face(x: float, y: float = 12, emotions: Emotions | None = None) -> Face:
    """Return a face of 20 px whose left upper corner is here."""
    return Face(box=Box(x=x, y=y, width=20, height=20, image_size=SIZE), emotions=emotions)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """Return a dark video with sound, and a Korean name."""
    path = tmp_path / "연설.mp4"
    path.write_bytes(film([colour("#101010", SIZE) for _ in UNEVEN], UNEVEN, sound=True))
    return path


def outcomes(path: Path, seen: list[list[Face]], every: float = 0.5) -> list[Outcome[Any]]:
    """Return what was found in the frames of a video."""
    return [
        Outcome(n, f.fragment, Faces(faces=tuple(some)), row=f.row, facts={"sha256": f.key}, operation="detect_faces")
        for n, (f, some) in enumerate(zip(frames(path, every=every), seen, strict=True))
    ]


def smiling(path: Path, scale: Any = "probability") -> list[Outcome[Any]]:
    """Return a face that moves from left to right and begins to smile."""
    smiles = [0.0, 0.25, 1.0, 0.5]
    return outcomes(
        path, [[face(n * 12, emotions=mood(scale, happiness=s, neutral=1 - s))] for n, s in enumerate(smiles)]
    )


def pictures(path: Path) -> list[tuple[float, Image.Image]]:
    """Return the frames of a video that was written, with their times."""
    with av.open(str(path)) as file:
        return [(float(frame.time or 0), frame.to_image()) for frame in file.decode(video=0)]


def edge(picture: Image.Image, width: int = SIZE[0]) -> float:
    """Return the middle of the columns of a picture in which the colour of the first track is seen."""
    wanted = tuple(int(colour_of_track(1)[n : n + 2], 16) for n in (1, 3, 5))
    hits = [
        x
        for x in range(width)
        for y in range(14, SIZE[1])
        if all(abs(a - b) < 70 for a, b in zip(picture.getpixel((x, y)), wanted, strict=True))  # type: ignore[arg-type]
    ]
    assert hits
    return (min(hits) + max(hits)) / 2


def test_a_video_with_boxes_and_bars(talk: Path, tmp_path: Path) -> None:
    """Every frame is there with its time and a box, which moves evenly from one look to the next; the sound is kept."""
    backwards = [replace(outcome, item=-outcome.item) for outcome in smiling(talk)]
    made = save_video(backwards, tmp_path / "그린 것.mp4")
    shown = pictures(made)
    assert [time for time, _ in shown] == pytest.approx([time / 1000 for time in UNEVEN], abs=2e-3)
    assert {picture.size for _, picture in shown} == {(SIZE[0] + 150, SIZE[1])}
    middles = dict(zip(UNEVEN, (edge(picture) for _, picture in shown), strict=True))
    assert middles[0] == pytest.approx(10, abs=3)
    assert middles[1000] == pytest.approx(34, abs=3)
    assert middles[1033] > middles[1000] - 1
    assert middles[100] == pytest.approx(10 + 12 * 100 / 467, abs=3)
    with av.open(str(made)) as file:
        assert len(file.streams.audio) == 1
        assert sum(frame.samples for frame in file.decode(audio=0)) >= 20 * 1024


def test_a_video_without_expressions_has_no_bars(talk: Path, tmp_path: Path) -> None:
    """Where nothing is known of expressions, the video keeps its size."""
    made = save_video(outcomes(talk, [[face(5)]] * 4), tmp_path / "a.mp4")
    assert {picture.size for _, picture in pictures(made)} == {SIZE}


def test_which_videos_cannot_be_made(talk: Path, tmp_path: Path) -> None:
    """Frames of two videos, a video that is gone, and the video itself as the file to write are errors."""
    two = [*smiling(talk), replace(smiling(talk)[0], item=9, input="답변.mp4#t=0.000")]
    with pytest.raises(InputError, match=r"frames of 2 videos: 연설.mp4, 답변.mp4"):
        save_video(two, tmp_path / "a.mp4")
    with pytest.raises(InputError, match="is the video itself"):
        save_video(smiling(talk), talk)
    kept = smiling(talk)
    talk.unlink()
    with pytest.raises(InputError, match=r"the video .*연설.mp4 cannot be found"):
        save_video(kept, tmp_path / "a.mp4")
    with pytest.raises(InputError, match="none of these is a frame of a video"):
        save_video([Outcome(0, "photo.jpg", Faces(), operation="detect_faces")], tmp_path / "a.mp4")


def test_what_the_video_states(tmp_path: Path) -> None:
    """The MP4 is as long as the video, its last frame included, has the colours that it says, and begins to play early.

    A browser stops at the length that the file states, and takes a guess where the colours are not stated.
    """
    path = tmp_path / "빨강.mp4"
    path.write_bytes(film([colour((200, 40, 40), SIZE)] * 3, [0, 500, 900], format="matroska"))
    stored = save_video(outcomes(path, [[], []]), tmp_path / "a.mp4").read_bytes()
    assert stored.index(b"moov") < stored.index(b"mdat")
    with av.open(str(tmp_path / "a.mp4")) as file:
        stream = file.streams.video[0]
        assert float((stream.duration or 0) * stream.time_base) == pytest.approx(0.934, abs=2e-3)  # type: ignore[operator]
        codec = stream.codec_context
        assert (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range) == (1, 1, 1, 1)
        assert codec.pix_fmt == "yuv420p"
        red = next(file.decode(stream)).to_image().getpixel((30, 20))
    assert red == pytest.approx((200, 40, 40), abs=4)


def test_how_long_the_video_is(tmp_path: Path) -> None:
    """The MP4 states the whole length of a video of uneven times, whose last picture stays for two seconds."""
    path = tmp_path / "a.gif"
    first, *more = (counted(n) for n in range(12))
    lasts = [after - before for before, after in pairwise([*UNEVEN, UNEVEN[-1] + 2000])]
    first.save(path, save_all=True, append_images=more, duration=lasts)
    save_video(outcomes(path, [[]], every=100), tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as file:
        stream: Any = file.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(3.9, abs=0.05)
        assert (file.duration or 0) / 1e6 == pytest.approx(3.9, abs=0.05)


@pytest.mark.parametrize("size", [(1, 1), (63, 47)])
def test_frames_of_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    """A video whose frames have an odd or a tiny size becomes one of even sides."""
    path = tmp_path / "a.mkv"
    path.write_bytes(film([colour("red", size)], [0], format="matroska", codec="ffv1", pixels="yuv444p"))
    ((_, made),) = pictures(save_video(outcomes(path, [[]]), tmp_path / "a.mp4"))
    assert made.size == (max(2, size[0] - size[0] % 2), max(2, size[1] - size[1] % 2))


def loud(path: Path) -> tuple[float, float]:
    """Return when a tone begins and ends in a video, in seconds."""
    with av.open(str(path)) as file:
        heard = [
            float(frame.time or 0) + n / frame.sample_rate
            for frame in file.decode(audio=0)
            for n, value in enumerate(np.abs(frame.to_ndarray()[0]))
            if value > 0.05
        ]
    return heard[0], heard[-1]


def test_sound_that_begins_later(tmp_path: Path) -> None:
    """Sound that is encoded anew keeps its time: it begins where it began, and a rate that AAC lacks is converted."""
    path = tmp_path / "연설.mkv"
    path.write_bytes(film([colour("red", SIZE)] * 3, [0, 500, 1000], format="matroska", tone=(0.5, 1.0)))
    begin, end = loud(save_video(outcomes(path, [[]] * 3), tmp_path / "a.mp4"))
    assert begin == pytest.approx(0.5, abs=0.03)
    assert end == pytest.approx(1.5, abs=0.03)


def test_sound_that_is_damaged(talk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The rest of a sound that cannot be read is left out and told, and the pictures are all there."""
    path = tmp_path / "연설.mkv"
    stored = bytearray(film([colour("red", SIZE)] * 3, [0, 500, 1000], format="matroska", tone=(0.0, 1.0)))
    marks = [at.start() for at in re.finditer(b"\xff\xf8", stored)]  # the beginnings of frames of FLAC
    for at in marks[2:]:
        stored[at : at + 40] = bytes(40)
    path.write_bytes(stored)
    with caplog.at_level("WARNING", "cloudai"):
        made = save_video(outcomes(path, [[]] * 3), tmp_path / "a.mp4")
    assert len(pictures(made)) == 3
    assert "연설.mkv: the sound is damaged, and the rest of it was left out" in caplog.text


def test_a_video_that_was_changed(talk: Path, tmp_path: Path) -> None:
    """Boxes are not drawn over another video of the same name, and what was written before stays."""
    rows, target = smiling(talk), tmp_path / "그린 것.mp4"
    target.write_bytes(b"earlier")
    talk.write_bytes(film([colour("#101010", SIZE)] * 8 + [colour("red", SIZE)] * 4, UNEVEN))
    with pytest.raises(InputError, match=r"연설.mp4 is not the video that was looked at: it is another one at 0:01"):
        save_video(rows, target)
    assert target.read_bytes() == b"earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["그린 것.mp4", "연설.mp4"]


@pytest.mark.parametrize("save", [save_video, save_moments, save_timeline])
def test_files_that_are_not_written(save: Any, talk: Path, tmp_path: Path) -> None:
    """Another ending, the video itself, and a folder that is not there are told, and nothing is lost."""
    rows, stored = smiling(talk), talk.read_bytes()
    for name in ("a.avi", "a", talk.name):
        with pytest.raises(InputError, match="Give"):
            save(rows, tmp_path / name)
    assert talk.read_bytes() == stored
    with pytest.raises(OutputError, match="없는 폴더"):
        save(rows, tmp_path / "없는 폴더" / {save_timeline: "a.html"}.get(save, "a.mp4"))
    assert list(tmp_path.iterdir()) == [talk]


def test_a_disk_that_is_full(talk: Path, tmp_path: Path) -> None:
    """Where there is no room for the new file, the earlier one stays, the error names it, and no part is left."""
    resource: Any = pytest.importorskip("resource")
    rows, target = smiling(talk), tmp_path / "a.mp4"
    target.write_bytes(b"earlier")
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"a.mp4 cannot be written \(File too large\)"):
            save_video(rows, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert target.read_bytes() == b"earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", talk.name]


def test_a_likelihood_is_drawn_as_steps() -> None:
    """The bar of a probability is as long as its score, and a likelihood has as many blocks as its word has steps."""

    def filled(emotions: Emotions) -> int:
        made = panel([face(0, emotions=emotions)], ["happiness"], (200, 60), {})
        wanted = tuple(int(colour_of_track(1)[n : n + 2], 16) for n in (1, 3, 5))
        columns = [x for x in range(70, 200) if any(made.getpixel((x, y)) == wanted for y in range(30, 60))]
        return sum(1 for n, x in enumerate(columns) if n == 0 or x != columns[n - 1] + 1)

    assert filled(mood(happiness=0.5)) == 1
    assert filled(mood("likelihood", happiness=0.5)) == 2
    assert filled(mood("likelihood", happiness=1.0)) == 4
    assert PAPER != TRACK


def test_the_strongest_moments(talk: Path, tmp_path: Path) -> None:
    """Moments are in the order of the video, not next to each other, and a neutral face is none."""
    (seen,), _ = seen_in(smiling(talk))
    assert [look.time for look in strongest(seen, 2)] == [1.0, 1.5]
    assert [look.time for look in strongest(seen, 1)] == [1.0]
    assert [look.time for look in strongest(seen, 9, "neutral")] == [0.0, 0.467, 1.5]
    with PIL.Image.open(save_moments(smiling(talk), tmp_path / "때.gif", count=2)) as moving:
        assert moving.n_frames == 2  # type: ignore[attr-defined]
    assert save_moments(smiling(talk), tmp_path / "때.webp", count=2).is_file()
    with pytest.raises(InputError, match="nothing is known of anger"):
        save_moments(smiling(talk), tmp_path / "때.gif", emotion="anger")
    with pytest.raises(InputError, match="nothing is known of expressions"):
        save_moments(outcomes(talk, [[face(5)]] * 4), tmp_path / "때.gif")
    with pytest.raises(InputError, match="no moving picture"):
        save_moments(smiling(talk), tmp_path / "때.png")


def test_moments_are_apart(talk: Path) -> None:
    """Of two strong moments that are close to each other, only the stronger one is shown."""
    (seen,), _ = seen_in(smiling(talk))
    strengths = {0.0: 0.1, 1.0: 0.9, 1.2: 0.8, 5.0: 0.5, 9.0: 0.3}
    looks = [Look(at, (face(0, emotions=mood(happiness=s)),), seen.looks[0].subject) for at, s in strengths.items()]
    assert [look.time for look in strongest(Seen("a.mp4", tuple(looks)), 3)] == [1.0, 5.0, 9.0]


def test_a_page_over_time(talk: Path, tmp_path: Path) -> None:
    """Each value of the plot leads to its frame, which is in the page with its words; the page loads nothing."""
    page = save_timeline(smiling(talk), tmp_path / "연설.html", language="ko", smooth=1, without=["neutral"])
    text = page.read_text("utf-8")
    links = re.findall(r'<a [^>]*class="dot[^"]*"[^>]*href="#([^"]+)"', text) or re.findall(
        r'href="#(frame[^"]+)"', text
    )
    assert set(links) == {f"frame-0-{n}" for n in range(4)}
    assert re.findall(r'<figure id="([^"]+)"', text) == [f"frame-0-{n}" for n in range(4)]
    assert text.count("data:image/webp;base64,") == 4
    assert "<h1" in text
    assert ">연설.mp4</h1>" in text
    assert "얼굴 1: 기쁨 1.00" in text
    assert "무표정 1.00" in text  # only the words of the frame have it, because the plot leaves it out
    assert "default-src 'none'" in text
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org/2000/svg", "", text)


def test_a_page_of_likelihood_words(talk: Path, tmp_path: Path) -> None:
    """Likelihood words are ranks: the page has them as they are, and says that they are not smoothed."""
    rows = smiling(talk, "likelihood")
    plain = save_timeline(rows, tmp_path / "a.html").read_text("utf-8")
    smooth = save_timeline(rows, tmp_path / "b.html", smooth=1).read_text("utf-8")
    assert "The lines are not smoothed: likelihood words are ranks, and no numbers." in smooth
    assert "not smoothed" not in plain
    korean = save_timeline(rows, tmp_path / "b.html", smooth=1, language="ko").read_text("utf-8")
    assert "가능성 등급은 수가 아니라 순위이므로 선을 매끄럽게 다듬지 않았습니다." in korean
    assert re.findall(r'<path [^>]*d="([^"]+)"', plain) == re.findall(r'<path [^>]*d="([^"]+)"', smooth)
    with pytest.raises(SettingsError, match="smooth=-1"):
        save_timeline(smiling(talk), tmp_path / "a.html", smooth=-1)


def test_a_page_tells_nothing_of_folders(talk: Path, tmp_path: Path) -> None:
    """A page that is published names the videos, and no folder of the computer that it was made on."""
    text = save_timeline(smiling(talk), tmp_path / "a.html").read_text("utf-8")
    assert tmp_path.name not in text
    assert "연설 0.467s" in text


def test_a_page_of_two_videos_of_one_name(talk: Path, tmp_path: Path) -> None:
    """Two videos of the same name are told apart by their folders, and a frame that was looked at twice is one."""
    other = tmp_path / "답변" / talk.name
    other.parent.mkdir()
    other.write_bytes(talk.read_bytes())
    rows = [*smiling(talk), *smiling(talk), *smiling(other)]
    rows = [replace(outcome, item=n) for n, outcome in enumerate(rows)]
    text = save_timeline(rows, tmp_path / "a.html", language="ko").read_text("utf-8")
    assert text.count("<figure") == 8
    assert re.findall(r"<h2[^>]*>([^<]+)</h2>", text) == [f"{tmp_path.name}/연설.mp4", "답변/연설.mp4"]


def test_a_page_without_expressions(talk: Path, tmp_path: Path) -> None:
    """Where nothing is known of expressions, the page says so, and shows where the faces are."""
    text = save_timeline(outcomes(talk, [[face(5)], [], [face(7)], [face(9)]]), tmp_path / "a.html").read_text("utf-8")
    assert "Nothing is known of expressions here" in text
    assert "no face found" in text
    assert 'class="dot' in text


def test_a_page_of_a_video_that_is_gone(talk: Path, tmp_path: Path) -> None:
    """The values stay when the video cannot be found, or was changed since: the frames are then words alone."""
    rows = smiling(talk)
    talk.write_bytes(film([counted(n) for n in range(12)], UNEVEN))
    text = save_timeline(rows, tmp_path / "a.html").read_text("utf-8")
    assert text.count("no picture") == 4
    assert "data:image" not in text


def test_drawings_and_faces_of_frames(talk: Path, tmp_path: Path) -> None:
    """Galleries, drawings and single faces find the frames again in the video, by its path alone."""
    rows = track(smiling(talk))
    save_drawings(rows, tmp_path / "그림", labels=False)
    assert [path.name for path in sorted((tmp_path / "그림").glob("*.jpg"))][1] == "0001-연설 0.467s.jpg"
    save_faces(rows, tmp_path / "얼굴")
    assert len(list((tmp_path / "얼굴").glob("*.jpg"))) == 4
    assert gallery(rows, tmp_path / "g.html").read_text("utf-8").count("data:image/webp") >= 4
    with PIL.Image.open(tmp_path / "그림" / "0000-연설 0.000s.jpg") as drawn:
        assert edge(drawn.convert("RGB")) == pytest.approx(10, abs=4)


def test_faces_between_two_looks(talk: Path) -> None:
    """Between two looks a face is on its way, and one that is not seen in the other look stays where it is."""
    (seen,), _ = seen_in(outcomes(talk, [[face(0)], [face(12)], [face(24), face(40, 30)], [face(36)]]))
    assert [one.box.x for one in seen.at(0.467 / 2)] == pytest.approx([6])
    assert [one.box.x for one in seen.at(1.1)] == pytest.approx([24 + 12 * 0.2, 40])
    assert seen.at(99) == ()
    frame = colour("#101010", SIZE)
    assert Annotator(seen).drawn(frame, 99).tobytes() == frame.tobytes()


def test_without_the_extra(talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyAV the error has the install line."""
    rows = smiling(talk)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"\[video\]"):
        save_video(rows, tmp_path / "a.mp4")
