"""Inputs at s3://, gcs:// and the like are read through fsspec; the tests use its file system in memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudai import Client, Google, InputError, MissingExtraError, share
from cloudai.cli.inputs import expand
from cloudai.media import Image
from tests.made_up.merging import google, picture

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(autouse=True)
def _files() -> Iterator[None]:
    memory = fsspec.filesystem("memory")
    for number in range(3):
        memory.pipe_file(f"/통/사진 {number}.png", picture(number))
    yield
    memory.store.clear()


ADDRESSES = [f"memory://통/사진 {number}.png" for number in range(3)]


def test_read_when_it_is_needed() -> None:
    """The bytes at the address are those of the input, whose name is the address without a signature."""
    image = Image(f"{ADDRESSES[1]}?signature=hunter2")
    assert (image.is_stored, image.uri, image.path) == (True, None, None)
    assert "hunter2" not in image.name
    assert Image(ADDRESSES[1]).data == picture(1)
    assert Image(ADDRESSES[1].replace("memory", "MEMORY")).data == picture(1)
    assert Image(ADDRESSES[1]).key == Image(picture(1)).key


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("memory://통/없음.png", "there is no file"),
        ("s3://bucket/a.png", "Install s3fs"),
        ("memory://통/a::memory://통/b", "an address in an address"),
    ],
)
def test_what_cannot_be_read(address: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file, and what to install where the file system is missing."""
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(InputError, match=says):
        _ = Image(address).data


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without fsspec the error has the line that installs it."""
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match="fsspec"):
        _ = Image(ADDRESSES[0]).data


@pytest.mark.parametrize("given", ["hunter://x/y.png", "s3:/bucket/a.png", "./s3://a"])
def test_what_is_a_path(given: str) -> None:
    """Nothing but the known addresses is opened through fsspec."""
    assert not Image(given).is_stored


@pytest.mark.loopback
@pytest.mark.enable_socket
def test_parts_of_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan says how many inputs are read where a part runs; parts with the same list have the same keys."""
    monkeypatch.setenv("CLOUDAI_KEEPER_SECRET", "a secret of this test")
    with (
        share(tmp_path / "일지.journal", listen="127.0.0.1:0") as keeper,
        Client(Google(api_key="not-a-real-key"), send=google) as client,
        client.batch("detect_faces", [*ADDRESSES, picture(0)], journal=keeper.address) as job,
    ):
        plan = job.plan()
        assert (plan.stored, plan.duplicates, plan.requests) == (3, 1, 1)
        assert "3: read through fsspec" in str(plan)
        for part in job.partition(2):
            part.run()
        assert job.books["done"] == 4
        assert [row["input"] for row in job.table()][:3] == ADDRESSES


def test_a_command_takes_them() -> None:
    """The command passes such an address on, also one with a sign that stands for many files in a folder."""
    assert expand(["s3://bucket/a[1].png"], frozenset({".png"})) == ["s3://bucket/a[1].png"]
