"""The page about the tutorial's scripts: each block of Python runs as it stands, and every page is there."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

import cloudai
from cloudai.cli.demo import sample_photos
from cloudai.report import save_mp4
from cloudai.testing import replay
from tests.support.paths import EXAMPLES, ROOT

pytestmark = pytest.mark.long
TEXT = (ROOT / "docs" / "from-r.md").read_text("utf-8")
FIRST, *BLOCKS = re.findall(r"(?:<!-- client: (\w+)(?:, (\w+))? -->\n\n)?```python\n(.*?)```", TEXT, re.DOTALL)
PAGES = (
    *("microsoft-azure", "ms-text-image", "ai-card-news", "ms-azure-computer-vision", "ms-oxford-video"),
    *("ms-oxford-age", "ms-oxford-kcode-tutorial", "ms-oxford-emotion", "ms-cognitive-text-sentiment"),
    *(
        "r-google-vision-rooglevision",
        "r-google-vision-api",
        "gc-vision",
        "speech-api",
        "r-watson",
        "r-short-url",
        "r-ga",
    ),
)
MADE = {
    "": ["capabilities.html"],
    "text_tour": ["faces.png"],
    "age_over_time": ["ages.html", "morph.gif", "strip.png"],
    "face_landmarks": ["ages.html", "emotions.html", "landmarks.png"],
    "candidate_emotions": ["emotions.html", "표정.csv"],
    "review_sentiment": ["시.html"],
    "google_tour": ["landmarks.html"],
    "transcribe": ["announcement.srt"],
    "translate_mails": ["메일.csv"],
    "read_aloud": ["Emily Dickinson.wav", "김소월.wav"],
}
"""The files that the block of each cassette writes."""


@contextlib.contextmanager
def client_of(provider: str, cassette: str) -> Iterator[cloudai.Client | None]:
    """Yield the client that a block is run with, if it has one; each reply of its cassette has to be asked for."""
    if not provider:
        yield None
        return
    send = replay(EXAMPLES / "samples" / f"{cassette}.json") if cassette else None
    with cloudai.Client(provider, send=send, offline=bool(send)) as client:
        yield client


@pytest.mark.parametrize(
    ("provider", "cassette", "code"), BLOCKS, ids=[cassette or who or "none" for who, cassette, _ in BLOCKS]
)
def test_every_block_runs(
    provider: str, cassette: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block runs in the folder of the samples, and writes the files that it names."""
    folder = tmp_path / "samples"
    shutil.copytree(EXAMPLES / "samples", folder)
    monkeypatch.chdir(folder)
    if "연설.mp4" in code:
        portrait = PIL.Image.open(dict(sample_photos())["Eileen Collins"]).convert("RGB")
        views = [portrait.crop((x, 0, x + 400, 360)) for x in range(0, 60, 3)]
        save_mp4(views, folder / "연설.mp4", seconds=0.1, width=400)
    names: dict[str, Any] = {}
    exec(compile(FIRST[2], "from-r.md", "exec"), names)  # noqa: S102  # our own words
    before = {path.name for path in folder.iterdir()}
    with client_of(provider, cassette) as client:
        exec(compile(code, "from-r.md", "exec"), {**names, "client": client})  # noqa: S102
    new = {path.name for path in folder.iterdir()} - before
    if provider == "local":
        assert new & {"cards", "gallery", "연설.html"}
    else:
        assert set(MADE[cassette]) <= new


def test_every_page_of_the_tutorial_is_there() -> None:
    """Each page has a heading, and each heading has what is better and what is not."""
    headings = re.findall(r"^## ([a-z][\w, -]+)$", TEXT, re.MULTILINE)
    assert {page for heading in headings for page in heading.split(", ")} == set(PAGES)
    assert TEXT.count("**Better:**") == TEXT.count("**Not:**") == len(headings)


def test_the_figure_of_the_page_is_true() -> None:
    """The error rate that stands in a comment is the one of the constructed reply."""
    said = (EXAMPLES / "samples" / "announcement.txt").read_text("utf-8")
    with client_of("azure", "transcribe") as client:
        assert client
        heard = client.speech_to_text(EXAMPLES / "samples" / "announcement.ogg", language="en-US")
    assert "# word error rate 3.4%" in TEXT
    assert f"{heard.compare(said).wer:.1%}" == "3.4%"
