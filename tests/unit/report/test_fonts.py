"""Fonts: the first that has every glyph, and a clear error instead of empty boxes."""

from __future__ import annotations

import io
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cloudai.errors import CloudAIError
from cloudai.models.base import Box
from cloudai.report import Mark, MissingFontError, card, contact_sheet, draw, find_font, fonts, strip


def test_given_font(nanum: Path) -> None:
    """A font given by path is used, in the size asked for."""
    face = find_font("나무 tree", 40, nanum)
    assert (face.getname()[0], face.size) == ("NanumGothic", 40)


def test_given_font_lacks(latin: Path, nanum: Path, installed: dict[str, str]) -> None:
    """A font given by path that lacks a glyph is an error though another has it; it names the characters."""
    installed["nanumgothic.ttf"] = str(nanum)
    with pytest.raises(MissingFontError) as caught:
        find_font("a나무b", 20, latin)
    text = str(caught.value)
    assert "DejaVuSans.ttf has no glyph for 나 무." in text
    assert "Debian/Ubuntu: apt install fonts-nanum" in text
    assert "CLOUDAI_FONT to a .ttf/.otf with Hangul" in text
    assert isinstance(caught.value, CloudAIError)


def test_no_font_at_all() -> None:
    """The error for a text that no font has names five characters at most, and counts the others."""
    with pytest.raises(MissingFontError, match="no font found here has no glyph for") as caught:
        find_font("가나다라마바사", 20)
    assert "가 나 다 라 마 and 2 more" in str(caught.value)


def test_other_scripts_advice() -> None:
    """A missing character that is not Hangul does not advise a Korean font; an unprintable one is a number."""
    with pytest.raises(MissingFontError) as caught:
        find_font("\ue123", 20)
    assert "U+E123" in str(caught.value)
    assert "nanum" not in str(caught.value)


def test_pillows_own_is_last() -> None:
    """A Latin text is drawn on a machine without any font."""
    assert find_font("Captions work everywhere", 24).size == 24


def test_composed_before_the_check(monkeypatch: pytest.MonkeyPatch, nanum: Path) -> None:
    """Hangul in pieces, as macOS writes file names, counts as its syllables: few fonts have the pieces."""
    monkeypatch.setattr(fonts, "_has", lambda path, char, *, bold: "가" <= char <= "힣")
    apart = unicodedata.normalize("NFD", "뷁쀍")
    assert len(apart) > 2
    assert find_font(apart, 20, nanum).getname()[0] == "NanumGothic"


def test_order(nanum: Path, nanum_bold: Path, latin: Path, installed: dict[str, str]) -> None:
    """Malgun Gothic comes before NanumGothic, and that before DejaVu, whatever the text."""
    installed |= {"dejavusans.ttf": str(latin), "nanumgothic.ttf": str(nanum)}
    assert find_font("tree", 20).getname()[0] == "NanumGothic"
    installed["malgun.ttf"] = str(nanum_bold)  # stands in for it
    assert find_font("tree", 20).getname()[1] == "Bold"


def test_bold(nanum: Path, nanum_bold: Path, installed: dict[str, str]) -> None:
    """Bold is a preference: the regular weight serves where there is no other."""
    installed["nanumgothic.ttf"] = str(nanum)
    assert find_font("나무", 20, bold=True).getname()[1] == "Regular"
    installed["nanumgothicbold.ttf"] = str(nanum_bold)
    assert find_font("나무", 20, bold=True).getname()[1] == "Bold"


def test_environment(monkeypatch: pytest.MonkeyPatch, nanum: Path, latin: Path, installed: dict[str, str]) -> None:
    """CLOUDAI_FONT comes before what is installed, in bold too, and gives way for a text it cannot show."""
    installed["nanumgothic.ttf"] = str(nanum)
    monkeypatch.setenv("CLOUDAI_FONT", str(latin))
    assert find_font("tree", 20).getname()[0] == "DejaVu Sans"
    assert find_font("나무", 20).getname()[0] == "NanumGothic"
    monkeypatch.setenv("CLOUDAI_FONT", str(nanum))
    assert [find_font("나무", 20, bold=bold).getname()[1] for bold in (False, True)] == ["Regular", "Bold"]


@pytest.mark.parametrize(("content", "told"), [(None, "the font file does not exist"), (b"not a font", r"글꼴\.ttf")])
def test_wrong_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, told: str) -> None:
    """A file that is missing or no font is told and not passed over; a path that leads nowhere is not shown."""
    path = tmp_path / "글꼴.ttf"
    if content:
        path.write_bytes(content)
    with pytest.raises(MissingFontError, match=told):
        find_font("tree", 20, path)
    monkeypatch.setenv("CLOUDAI_FONT", str(path))
    with pytest.raises(MissingFontError, match=told):
        find_font("tree", 20)


def test_korean_path(tmp_path: Path, nanum: Path) -> None:
    """A font under a Korean path is handed over as bytes: FreeType cannot open that path on Windows."""
    path = tmp_path / "내 글꼴" / "나눔.ttf"
    path.parent.mkdir()
    shutil.copy(nanum, path)
    assert isinstance(find_font("나무", 20, path).path, io.BytesIO)


def test_broken_installed_font(tmp_path: Path, nanum: Path, installed: dict[str, str]) -> None:
    """An installed file that cannot be read is passed over."""
    (tmp_path / "malgun.ttf").write_bytes(b"")
    installed |= {"malgun.ttf": str(tmp_path / "malgun.ttf"), "nanumgothic.ttf": str(nanum)}
    assert find_font("나무", 20).getname()[0] == "NanumGothic"


@pytest.mark.long
def test_collection(tmp_path: Path, nanum: Path, nanum_bold: Path) -> None:
    """Of a collection the face of the weight asked for is taken, wherever in the file it stands."""
    tables = pytest.importorskip("fontTools.ttLib")
    both = tables.TTCollection()
    both.fonts = [tables.TTFont(nanum_bold), tables.TTFont(nanum)]
    both.save(tmp_path / "both.ttc")
    assert find_font("나무", 20, tmp_path / "both.ttc").getname()[1] == "Regular"
    assert find_font("나무", 20, tmp_path / "both.ttc", bold=True).getname()[1] == "Bold"


def test_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nanum: Path) -> None:
    """Fonts are found in folders of folders, by name in any case; a folder that is not there is no error."""
    monkeypatch.undo()  # the real search, in folders of ours
    folder = tmp_path / "fonts" / "deep"
    folder.mkdir(parents=True)
    shutil.copy(nanum, folder / "NANUMGOTHIC.TTF")
    monkeypatch.setattr(fonts, "FOLDERS", (str(tmp_path / "none"), "${NO_SUCH_NAME}/x", str(tmp_path / "fonts")))
    fonts.installed.cache_clear()
    try:
        assert find_font("나무", 20).getname()[0] == "NanumGothic"
    finally:
        fonts.installed.cache_clear()


PICTURE = Image.new("RGB", (90, 90))
MARK = Mark("face", Box(x=9, y=9, width=30, height=30, image_size=PICTURE.size), "웃음")


@pytest.mark.parametrize(
    "use",
    [
        lambda font: draw(PICTURE, [MARK], font=font),
        lambda font: strip([PICTURE], ["하나"], font=font),
        lambda font: contact_sheet([PICTURE], ["하나"], font=font),
        lambda font: card(PICTURE, "하나", font=font, strict=False),
    ],
)
def test_a_file_that_is_no_font_is_told_wherever_a_font_is_named(use: Any, tmp_path: Path) -> None:
    """Where missing letters are only named in their place, a font that cannot be read is an error all the same."""
    with pytest.raises(MissingFontError, match="does not exist"):
        use(tmp_path / "없다.ttf")
    (tmp_path / "글.ttf").write_text("글", "utf-8")
    with pytest.raises(MissingFontError, match="is not a font"):
        use(tmp_path / "글.ttf")
