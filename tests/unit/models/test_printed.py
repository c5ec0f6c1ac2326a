"""Results as a person sees them who prints one, or shows one in a notebook."""

from __future__ import annotations

import inspect
from pathlib import Path

import PIL.Image
import pytest

from cloudai import AsyncClient, Client, Google, Provider, SettingsError
from cloudai.batch.settings import BatchOptions
from cloudai.models.base import Box, Meta
from cloudai.models.face import Face, Faces
from cloudai.models.image import Block, ImageAnalysis, Line, Page, Tag, Text
from cloudai.models.speech import Transcript
from tests.made_up.provider import MadeUp, ok
from tests.made_up.vendors import Vendors


def face(n: int) -> Face:
    """Return a face in a picture of 90 by 60."""
    return Face(box=Box(x=n, y=2, width=30, height=40, image_size=(90, 60)))


def test_a_result_is_printed_in_a_few_lines() -> None:
    """A line with the kind, the input, the provider and how many, then the filled columns of the first rows."""
    meta = Meta(provider="azure", input="반.jpg")
    lines = str(Faces(faces=tuple(map(face, range(20))), meta=meta)).splitlines()
    assert lines[0] == "Faces (반.jpg, azure): 20 faces"
    assert lines[1].split() == ["face", "n_faces", "x", "y", "width", "height", "image_width", "image_height"]
    assert lines[-1] == "… and 12 more rows: table() has all of them"
    assert len(lines) == 12
    assert str(Faces(faces=(face(1),))).splitlines()[0] == "Faces: 1 face"


def test_a_text_is_printed_as_a_text() -> None:
    """Lines of text are read as lines, without the table; characters that steer a terminal are not printed."""
    pages = (Page(blocks=(Block(lines=(Line(text="나무"), Line(text="쉼터"))),)),)
    assert str(Text(text="나무\n쉼터", pages=pages)) == "Text: 2 lines\n나무\n쉼터"
    assert str(Transcript(text="안녕\x1b[31m")) == "Transcript: 0 segments\n안녕 [31m"
    assert str(ImageAnalysis(tags=(Tag(name="tree"),))).splitlines()[0] == "ImageAnalysis: tag 1"


def test_a_batch_says_how_far_it_is(tmp_path: Path) -> None:
    """The operation, the provider, the books, and the file that keeps them."""
    with (
        Client(MadeUp(key="not-a-real-key"), send=lambda _: ok({"score": 0.5})) as client,
        client.batch("sentiment", ["가", "나"], journal=tmp_path / "j") as job,
    ):
        assert repr(job) == f"<Batch sentiment by made-up: not begun of 2; journal {tmp_path / 'j'}>"
        list(job)
        assert str(job) == f"<Batch sentiment by made-up: 2 done of 2; journal {tmp_path / 'j'}>"
        assert "<table" in job._repr_html_()
        outcomes = client.map("sentiment", ["가", "나"])
    assert str(outcomes).splitlines()[0] == "2 outcomes: 2 ok"
    assert "<table" in outcomes._repr_html_()


def test_a_notebook_shows_the_picture_with_its_boxes(tmp_path: Path) -> None:
    """The picture is read from the path that was given; without it, or with another one there, the table is left."""
    path = tmp_path / "반.png"
    PIL.Image.new("RGB", (90, 80), (0, 90, 120)).save(path)
    with Client(Google(api_key="not-a-real-key"), send=Vendors()) as client:
        faces = client.detect_faces(str(path))
        analysis = client.analyze_image(path, features=["faces", "tags"])
        from_bytes = client.detect_faces(path.read_bytes())
    for result in (faces, analysis):
        shown = result._repr_html_()
        assert shown.count("<rect") == 2 * len(faces)
        assert 'href="data:image/jpeg;base64,' in shown
        assert "<script" not in shown
    assert "currentColor" in faces._repr_html_(), "the colours are those of the notebook, light or dark"
    assert "<th>glasses" not in faces._repr_html_(), "columns without a value are left out"
    assert "<image" not in from_bytes._repr_html_()
    PIL.Image.new("RGB", (10, 10)).save(path)
    assert "<image" not in faces._repr_html_()
    assert str(path) not in faces.model_dump_json() + faces.meta.model_dump_json(), "the path is written nowhere"


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_help_names_every_option_of_a_batch(client: type) -> None:
    """``help(client.batch)`` lists all of them."""
    text = inspect.getdoc(client.batch) or ""
    assert [name for name in BatchOptions.__annotations__ if f"\n    {name}: " not in text] == []


def test_the_contract_is_checked_wherever_a_provider_comes_in() -> None:
    """An object of a class for another contract is refused as one of an entry point is, and so is what is none."""

    class Old(Provider):
        name = "old"
        contract = 1

    with pytest.raises(SettingsError, match="written for contract 1"):
        Client(Old())
    with pytest.raises(SettingsError, match="the provider int is no provider"):
        AsyncClient(42)  # type: ignore[arg-type]
