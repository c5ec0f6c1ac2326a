"""Dangers that the code avoids: it never runs what a file says, and file names stay in their folder."""

from __future__ import annotations

import ast
import re
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cloudai
from cloudai.report.filenames import safe_name

SOURCE = Path(cloudai.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
RUNS_WHAT_IT_READS = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}


@pytest.mark.long
def test_nothing_runs_what_a_file_says() -> None:
    """No pickle, marshal or shelve is imported but by the check that a key goes into none, and nothing is evaluated."""
    for path in FILES:
        if "_contract" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name.partition(".")[0] for alias in node.names} & RUNS_WHAT_IT_READS, path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] not in RUNS_WHAT_IT_READS, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), path


def test_one_module_alone_knows_the_http_library() -> None:
    """And those that fetch addresses, and use an official client's session: their guards are never gone around."""
    imports = re.compile(r"^\s*(import|from) (httpx2?|httpcore2?|requests|urllib3|aiohttp)\b", re.MULTILINE)
    using = {path.name for path in FILES if imports.search(path.read_text("utf-8"))}
    assert using == {
        "http.py",
        "async_http.py",
        "certificates.py",
        "connections.py",
        "messages.py",
        "async_sockets.py",
        "sockets.py",
        "fetcher.py",
        "direct.py",
        "http1.py",
        "_requests.py",
    }


NASTY = st.sampled_from(
    (
        *("..", "../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "C:\\x", "\\\\host\\share", "CON", "nul.txt"),
        *("a\0b", "a/../b", ".", " ", "", "~root", "x" * 300, "홍길동" * 100, "a:b", "\u202ea", "-rf"),
    )
)


@pytest.mark.long
@given(st.integers(0, 10**6), NASTY | st.text(max_size=80), NASTY | st.text(max_size=20))
@settings(deadline=None, max_examples=300)
def test_a_name_stays_in_its_folder(item: int, stem: str, suffix: str) -> None:
    """Any name of a person or picture gives one plain file name: short enough, not hidden, no device."""
    name = safe_name(item, stem, suffix)
    for kind in (PurePosixPath, PureWindowsPath):
        assert kind(name).name == name
        assert kind(name).parts == (name,)
    assert name[0].isdigit()
    assert len(name.encode()) <= 240
    assert "\0" not in name
    assert not name.endswith((".", " "))
    assert unicodedata.is_normalized("NFC", name)


def test_twins_of_one_spelling_have_one_name() -> None:
    """NFC and NFD of one name are one name; two people of it are kept apart by their number."""
    composed, parted = "홍길동", unicodedata.normalize("NFD", "홍길동")
    assert composed != parted
    assert safe_name(1, composed, ".jpg") == safe_name(1, parted, ".jpg")
    assert safe_name(1, composed, ".jpg") != safe_name(2, composed, ".jpg")
