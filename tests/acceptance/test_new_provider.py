"""`new_provider.md`, followed to the letter, gives a provider that works; so does the example in the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cloudai
from tests.support.paths import ROOT

PAGE = Path(cloudai.__file__).parent / "providers" / "new_provider.md"
FILE = re.compile(r"^`([\w.]+)`\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)

USED = """
import cloudai, PIL.Image
from cloudai.testing import replaying
with replaying("gureum", "mood.json") as client:
    mood = client.sentiment("맛있어요!", language="ko")
print(cloudai.names(), mood.score, mood.meta.provider, cloudai.Client("gureum").supports("sentiment"))
"""


def python(*arguments: str, folder: Path, site: Path) -> str:
    """Return what a fresh process prints, with the installed distribution and this tree beside it."""
    path = os.pathsep.join([str(site), str(Path(cloudai.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(folder: Path) -> Path:
    """Build and install a distribution by pip into a folder of its own, without a network, and return that folder."""
    site = folder.parent / "site"
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check")
    python("-m", "pip", "install", *offline, "--target", str(site), str(folder), folder=folder, site=site)
    return site


@pytest.fixture(scope="module")
def gureum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files of the page."""
    folder = tmp_path_factory.mktemp("구름") / "gureum"
    folder.mkdir()
    for name, text in FILE.findall(PAGE.read_text("utf-8")):
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def site(gureum: Path) -> Path:
    """Return the folder in which the distribution of the page is installed."""
    return installed(gureum)


def test_the_page_has_a_module_a_line_and_a_test(gureum: Path) -> None:
    """All files are found, and the module is one."""
    assert sorted(path.name for path in gureum.iterdir()) == [
        *("cloudai_gureum.py", "faces.json", "mood.json", "pyproject.toml", "test_gureum.py")
    ]
    assert (gureum / "pyproject.toml").read_text("utf-8").count("gureum:Gureum") == 1


def test_its_own_test_passes(gureum: Path, site: Path) -> None:
    """The test that the page shows passes when it is run as the page says: `python -m pytest` in its folder."""
    assert "2 passed" in python("-m", "pytest", "-p", "no:cacheprovider", folder=gureum, site=site)


def test_it_is_used_by_its_name_in_a_fresh_process(gureum: Path, site: Path) -> None:
    """`Client("gureum")`, from a cassette; without a key it says so of itself."""
    out = python("-c", USED, folder=gureum, site=site)
    assert out.split("]")[0].endswith("'gureum'")
    assert out.split("] ")[1].split() == ["0.9", "gureum", "False"]


def test_the_command_line_knows_it(gureum: Path, site: Path) -> None:
    """`cloudai providers` has its column, `cloudai doctor` its setting."""
    assert "gureum" in python("-m", "cloudai", "providers", folder=gureum, site=site).splitlines()[0]
    assert "free tier: 20/min" in python("-m", "cloudai", "providers", "gureum", folder=gureum, site=site)
    assert "GUREUM_API_KEY" in python("-m", "cloudai", "doctor", folder=gureum, site=site)


def test_what_the_page_points_to_is_there() -> None:
    """Files named in its table exist."""
    named = re.findall(r"\| `([\w/]+(?:\.py)?)` \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(named) > 8
    places = (PAGE.parent, PAGE.parents[2], ROOT)
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_the_example_in_the_tree_is_installed_and_used_by_its_name(tmp_path: Path) -> None:
    """Rekognition comes to cloudai through its entry point alone."""
    pytest.importorskip("botocore")
    folder = tmp_path / "사본"
    shutil.copytree(
        ROOT / "examples" / "provider_plugin", folder, ignore=shutil.ignore_patterns("__pycache__", "tests")
    )
    site = installed(folder)
    code = (
        "import cloudai; print(cloudai.names()[-1], cloudai.Client('rekognition', offline=True).supports('translate'))"
    )
    assert python("-c", code, folder=tmp_path, site=site).split() == ["rekognition", "False"]
    assert "estimate_age: open" in python("-m", "cloudai", "providers", "rekognition", folder=tmp_path, site=site)
