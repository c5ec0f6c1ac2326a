"""Galleries and cards of a batch that ended early: what there is until then is written, and the error says so."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import PIL.Image
import pytest

from cloudai import Client, Google, PausedError, Request, Response
from cloudai.report import portrait_gallery
from tests.made_up.vendors import Vendors


@pytest.fixture
def people(tmp_path: Path) -> list[tuple[str, Path]]:
    """Return twenty people with a photo each."""
    for n in range(20):
        PIL.Image.new("RGB", (90, 80), (12 * n, 90, 120)).save(tmp_path / f"{n}.png")
    return [(f"<b>의원</b> {n}", tmp_path / f"{n}.png") for n in range(20)]


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the table of faces."""
    return list(csv.DictReader(io.StringIO((folder / "faces.csv").read_text("utf-8-sig"))))


def test_a_spent_quota_leaves_the_page(people: list[tuple[str, Path]], tmp_path: Path) -> None:
    """The page and the table have everybody; who was not come to says so, and the error names the page."""
    out, vendors = tmp_path / "결과", Vendors()
    spent = Response(429, {"retry-after": "7200"}, b'{"error": {"code": 429, "message": "quota"}}')

    def send(request: Request) -> Response:
        return spent if vendors.requests else vendors(request)

    google = Google(api_key="not-a-real-key-of-a-gallery")
    with Client(google, send=send, max_concurrency=1) as client, pytest.raises(PausedError) as caught:
        portrait_gallery(client, people, out, language="ko")
    assert "gallery.html has what there is until then" in str(caught.value)
    assert [row["status"] for row in rows_of(out)].count("not_started") == len(people) - 16
    assert len({row["item"] for row in rows_of(out)}) == len(people)
    assert (out / "gallery.html").read_text("utf-8").count("<li") == len(people)


def test_ctrl_c_leaves_the_page(people: list[tuple[str, Path]], tmp_path: Path) -> None:
    """KeyboardInterrupt is raised again once the files are written."""
    out = tmp_path / "결과"

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with Client("local") as client, pytest.raises(KeyboardInterrupt):
        portrait_gallery(client, people, out, features=["faces"], progress=interrupt)
    assert len({row["item"] for row in rows_of(out)}) == len(people)
