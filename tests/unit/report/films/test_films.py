"""What is made of the frames of a video: the video with boxes and bars, its moments, and a page over time."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import PIL.Image
import pytest
from PIL import Image

from cloudai import Box, Face, Faces, InputError, Level, MissingExtraError, Outcome, SettingsError, frames, track
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
    """Apparent expressions with these scores."""
    return Emotions(scale=scale, **{name: Level(score=score) for name, score in scores.items()})


def face(x: float, y: float = 12, emotions: Emotions | None = None) -> Face:
    """A face of 20 px whose left upper corner is here."""
    return Face(box=Box(x=x, y=y, width=20, height=20, image_size=SIZE), emotions=emotions)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A dark video with sound, and a Korean name."""
    path = tmp_path / "연설.mp4"
    path.write_bytes(film([colour("#101010", SIZE) for _ in UNEVEN], UNEVEN, sound=True))
    return path


def outcomes(path: Path, seen: list[list[Face]], every: float = 0.5) -> list[Outcome[Any]]:
    """What was found in the frames of a video."""
    return [
        Outcome(n, f.fragment, Faces(faces=tuple(some)), row=f.row, facts={"sha256": f.key}, operation="detect_faces")
        for n, (f, some) in enumerate(zip(frames(path, every=every), seen, strict=True))
    ]


def smiling(path: Path, scale: Any = "probability") -> list[Outcome[Any]]:
    """A face that moves from left to right and begins to smile."""
    smiles = [0.0, 0.25, 1.0, 0.5]
    return outcomes(
        path, [[face(n * 12, emotions=mood(scale, happiness=s, neutral=1 - s))] for n, s in enumerate(smiles)]
    )


def pictures(path: Path) -> list[tuple[float, Image.Image]]:
    """The frames of a video that was written, with their times."""
    with av.open(str(path)) as file:
        return [(float(frame.time or 0), frame.to_image()) for frame in file.decode(video=0)]


def edge(picture: Image.Image, width: int = SIZE[0]) -> float:
    """The middle of the columns of a picture in which the colour of the first track is seen."""
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
    made = save_video(smiling(talk), tmp_path / "그린 것.mp4")
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
    assert "무표정 1.00" in text  # the words of the frame have it, and the plot has not
    assert "default-src 'none'" in text
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org/2000/svg", "", text)


def test_a_page_of_likelihood_words(talk: Path, tmp_path: Path) -> None:
    """Likelihood words are ranks: the page has them, and refuses to smooth them."""
    rows = smiling(talk, "likelihood")
    assert save_timeline(rows, tmp_path / "a.html").is_file()
    with pytest.raises(SettingsError, match="likelihood words are not smoothed"):
        save_timeline(rows, tmp_path / "a.html", smooth=1)


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
