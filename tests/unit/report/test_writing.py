"""The files that reports write: whole or not at all, within memory, and with a typed error where they cannot be."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cloudai import CloudAIError, InputError, Outcome, OutputError
from cloudai.report import (
    card_files,
    card_news,
    cards,
    contact_sheet,
    drawing,
    gallery,
    morph,
    morphing,
    moving,
    portrait_gallery,
    save_drawings,
    save_faces,
    save_gif,
    save_html,
    save_morph,
    save_mp4,
    save_sheet,
    save_webp,
    save_workbook,
    strip,
)
from cloudai.report.photos import Photos
from tests.unit.report import made

CARDS = [Image.new("RGB", (64, 48), colour) for colour in ("teal", "navy", "olive")]


@pytest.fixture
def rows(tmp_path: Path) -> list[Outcome[Any]]:
    """Return the outcomes of three pictures with a face each."""
    colours = ("teal", "navy", "olive")
    paths = [made.photo(tmp_path / "사진" / f"{n}.jpg", colour) for n, colour in zip(made.NAMES, colours, strict=True)]
    return [made.outcome(n, path) for n, path in enumerate(paths)]


FILES: dict[str, Callable[[Any, Path], Any]] = {
    "gallery": gallery,
    "save_workbook": save_workbook,
    "save_sheet": save_sheet,
    "save_morph": lambda rows, path: save_morph(rows, path, side=64),
    "save_gif": lambda _, path: save_gif(CARDS, path),
    "save_webp": lambda _, path: save_webp(CARDS, path),
    "save_mp4": lambda _, path: save_mp4(CARDS, path),
    "save_html": lambda _, path: save_html(CARDS, ["하나", "둘", "셋"], path),
}
"""The functions that write a file."""
FOLDERS: dict[str, Callable[[Any, Path], Any]] = {
    "cards": cards,
    "save_drawings": save_drawings,
    "save_faces": save_faces,
    "card_news": lambda _, path: card_news(made.client_of_azure(), [], path),
    "portrait_gallery": lambda _, path: portrait_gallery(made.client_of_azure(), [], path),
}
"""The functions that write into a folder, which they make."""


@pytest.mark.parametrize("write", [*FILES.values(), *FOLDERS.values()], ids=[*FILES, *FOLDERS])
def test_what_cannot_be_written_is_a_typed_error(write: Any, rows: list[Outcome[Any]], tmp_path: Path) -> None:
    """A path that is a folder or is below a file is an OutputError, which is a CloudAIError and an OSError."""
    pytest.importorskip("av")
    (tmp_path / "파일").write_bytes(b"")
    (tmp_path / "폴더.png").mkdir()
    targets = ["파일/결과.png", "파일"] if write in FOLDERS.values() else ["파일/결과.png", "폴더.png", "없음/결과.png"]
    for target in targets:
        with pytest.raises(OutputError, match=f"{target} |{target}/|결과.png") as raised:
            write(rows, tmp_path / target)
        assert isinstance(raised.value, CloudAIError)
        assert isinstance(raised.value, OSError)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["사진", "파일", "폴더.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_is_read_only(rows: list[Outcome[Any]], tmp_path: Path) -> None:
    """A folder in which nobody may write is an OutputError too."""
    folder = tmp_path / "읽기만"
    folder.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        gallery(rows, folder / "g.html")


def test_a_video_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in the middle of an MP4 leaves the earlier video as it was, and no half of the new one."""
    av = pytest.importorskip("av")
    path = tmp_path / "카드.mp4"
    path.write_bytes(b"earlier")
    made_frames = []

    def full(picture: Image.Image) -> Any:
        made_frames.append(picture)
        if len(made_frames) > 2:
            raise OSError(28, "No space left on device")
        return real(picture)

    real = card_files.in_colour
    monkeypatch.setattr(card_files, "in_colour", full)
    with pytest.raises(OutputError, match=r"카드.mp4 cannot be written .No space left on device."):
        save_mp4(CARDS, path, seconds=0.2)
    assert path.read_bytes() == b"earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["카드.mp4"]
    monkeypatch.undo()
    save_mp4(CARDS, path, seconds=0.2)
    with av.open(str(path)) as video:
        assert sum(1 for _ in video.decode(video=0)) == 6


class Counting(Sequence[Image.Image]):
    """Frames that are made when they are asked for, and the most of them that were in memory at once."""

    def __init__(self, count: int) -> None:
        self.count, self.most = count, 0
        self._each: list[weakref.ref[Image.Image]] = []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: Any) -> Any:
        if number >= self.count:
            raise IndexError(number)
        frame = Image.new("RGB", (64, 48), (number * 40 % 256, 90, 20))
        self._each.append(weakref.ref(frame))
        self.most = max(self.most, sum(one() is not None for one in self._each))
        return frame


@pytest.mark.parametrize(("save", "name"), [(save_webp, "카드.webp"), (save_gif, "카드.gif")])
def test_frames_are_written_one_by_one(tmp_path: Path, save: Any, name: str) -> None:
    """Of forty cards of a WebP or a GIF, no more than three are in memory at once, and all of them are in the file."""
    frames = Counting(40)
    with Image.open(save(frames, tmp_path / name, seconds=0.1)) as moving_picture:
        assert moving_picture.n_frames == 40
        moving_picture.seek(5)
        assert abs(moving_picture.convert("RGB").getpixel((10, 10))[0] - 200) < 10
    assert frames.most <= 3


def test_a_gif_of_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GIF that memory could not hold is refused before its first frame is made, and another format is proposed."""
    monkeypatch.setattr(moving, "MOST_IN_GIF", 64 * 48 * 2)
    with pytest.raises(InputError, match=r"a GIF of 3 frames of 64 × 48 px is too large .* Make a WebP"):
        save_gif(CARDS, tmp_path / "카드.gif")
    assert list(tmp_path.iterdir()) == []
    save_webp(CARDS, tmp_path / "카드.webp")


def test_a_morph_holds_the_faces_and_not_the_frames(
    rows: list[Outcome[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames of a morph are made one by one; too many faces are an error before all of them are opened."""
    each: list[weakref.ref[Image.Image]] = []
    most = 0
    real = Image.blend

    def blend(*args: Any) -> Image.Image:
        nonlocal most
        frame = real(*args)
        each.append(weakref.ref(frame))
        most = max(most, sum(one() is not None for one in each))
        return frame

    monkeypatch.setattr(Image, "blend", blend)
    with Image.open(save_morph(rows, tmp_path / "변신.webp", side=64)) as moving_picture:
        assert moving_picture.n_frames > morphing.STEPS  # WebP joins frames that are alike
    assert len(each) == 2 * morphing.STEPS
    assert most <= 3
    monkeypatch.setattr(morphing, "MOST_PIXELS", 2 * 64 * 64)
    with pytest.raises(InputError, match="a morph of more than 2 faces of 64 px is too large"):
        save_morph(rows, tmp_path / "변신.gif", side=64)
    pictures = [(Image.new("RGB", made.SIZE, colour), made.face()) for colour in ("teal", "navy")]
    assert len(morph(pictures, side=64, steps=2, hold=1)) == 4


@pytest.mark.parametrize("layout", ["sheet", "strip"])
def test_a_sheet_of_too_many_pixels(
    layout: Any, rows: list[Outcome[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sheet or a strip that memory could not hold is refused before all pictures are opened, and says what to do."""
    monkeypatch.setattr(drawing, "MOST_PIXELS", 2 * 240 * 240)
    lost = [*rows, *(made.outcome(n, tmp_path / "사진" / f"{made.NAMES[0]}.jpg") for n in range(3, 300))]
    opened = []
    real = Photos.open

    def counted(*args: Any, **more: Any) -> Any:
        opened.append(args)
        return real(*args, **more)

    monkeypatch.setattr(Photos, "open", counted)
    with pytest.raises(InputError, match=r"megapixels, and this needs more. Take fewer pictures"):
        save_sheet(lost, tmp_path / "모음.png", layout=layout, of="pictures")
    assert len(opened) < 30
    assert not (tmp_path / "모음.png").exists()
    make = contact_sheet if layout == "sheet" else strip
    with pytest.raises(InputError, match="megapixels"):
        make([Image.new("RGB", (500, 500))] * 3, **({"side": 240} if layout == "sheet" else {"height": 240}))


def test_the_narrowest_video(tmp_path: Path) -> None:
    """A video of one pixel, which H.264 does not have, becomes one of two."""
    pytest.importorskip("av")
    assert save_mp4(CARDS, tmp_path / "a.mp4", seconds=0.1, width=1).stat().st_size > 0


@pytest.mark.parametrize(
    ("save", "ending", "side"), [(save_gif, "gif", 65_536), (save_webp, "webp", 16_384), (save_mp4, "mp4", 16_386)]
)
def test_a_moving_picture_that_is_too_long(save: Any, ending: str, side: int, tmp_path: Path) -> None:
    """A side that the format has no room for is an error of cloudai's own, and no file is begun."""
    with pytest.raises(InputError, match=f"cannot have 4×{side} px"):
        save([Image.new("RGB", (4, side))], tmp_path / f"a.{ending}")
    assert not list(tmp_path.iterdir())
