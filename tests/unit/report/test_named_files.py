"""Pictures in a folder are named by the number and the name of their input."""

from __future__ import annotations

from pathlib import Path

import PIL.Image
import pytest

from cloudai import InputError
from cloudai.report.filenames import LONGEST
from cloudai.report.named_files import NamedFiles


@pytest.mark.parametrize("name", ["홍길동", "", "가" * 80, "ㄱ" * 300, "a" * 300])
def test_faces_of_one_input_have_files_of_their_own(name: str, tmp_path: Path) -> None:
    """Two faces of one input get two names, however long its name is, and neither is too long for a file system."""
    picture = PIL.Image.new("RGB", (8, 8))
    with NamedFiles(tmp_path) as files:
        paths = [files.save(picture, 3, name, {}) for _ in range(3)]
    assert len({path.name for path in paths}) == 3
    assert all(path.is_file() and len(path.name.encode()) <= LONGEST for path in paths)
    assert name.startswith(paths[0].stem[len("0003-") :])
    with NamedFiles(tmp_path) as files:
        assert [files.save(picture, 3, name, {}) for _ in range(3)] == paths, "a second run writes other files"


@pytest.mark.parametrize(
    "index", ["file,x\n0001-a.jpg,1\n", "item,name,file\n,a,0001-a.jpg\n", "item,name,file\n1,a\n"]
)
def test_an_index_of_somebody_else_is_never_overwritten(index: str, tmp_path: Path) -> None:
    """A table called index.csv that lacks a column or a number of ours is left as it is, and that is told."""
    (tmp_path / "index.csv").write_text(index, "utf-8")
    with pytest.raises(InputError, match=r"index\.csv was not written by cloudai"):
        NamedFiles(tmp_path)
    assert (tmp_path / "index.csv").read_text("utf-8") == index
