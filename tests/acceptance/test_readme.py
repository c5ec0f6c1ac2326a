"""The README's Python runs, and its table is what the code says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from cloudai.cli.commands import markdown
from cloudai.cli.parser import parser_of_command
from cloudai.providers.registry import find
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", ROOT / "README.ko.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_first_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The first example of the README runs as it stands, and prints a box."""
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102  # our own words
    assert "x=" in capsys.readouterr().out


def test_the_korean_page_shows_the_same_example() -> None:
    """Its first program is that of the README, its comments aside, and it begins with the installation on Windows."""
    korean = (ROOT / "README.ko.md").read_text("utf-8")
    codes = [re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0] for page in (README, korean)]
    assert ast.dump(ast.parse(codes[0])) == ast.dump(ast.parse(codes[1]))
    assert korean.index("py -3.11 -m pip install") < korean.index("```python")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_is_python(page: Path) -> None:
    """Those that need a key at least compile."""
    for code in re.findall(r"```python.*?\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        compile(code, page.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file that is there."""
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_setting_is_in_the_page_of_settings() -> None:
    """A variable that is read is documented; but for the regions, which are said to be like the endpoints."""
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for name in ("azure", "google", "watson"):
        variables = [v for setting in find(name).settings for v in setting.env if not v.endswith("_REGION")]
        assert [v for v in variables if f"`{v}" not in page] == []


def test_the_table_of_providers_is_true() -> None:
    """It is what `cloudai providers --markdown` prints: operation by provider, with the dates."""
    assert markdown() in README


def test_every_command_is_in_the_readme() -> None:
    """A user who looks for a command in the README sees each of them."""
    (commands,) = [action.choices for action in parser_of_command()._actions if isinstance(action.choices, dict)]
    assert commands
    assert [name for name in commands if f"cloudai {name}" not in README] == []


@pytest.mark.parametrize("page", ["README.md", "README.ko.md", "docs/gallery.md"])
def test_every_example_is_listed(page: str) -> None:
    """Both READMEs and the gallery name each example."""
    text = (ROOT / page).read_text("utf-8")
    examples = [path.name for path in (ROOT / "examples").glob("*.py")]
    assert len(examples) >= 13
    assert [name for name in examples if f"`{name}`" not in text] == []


def test_the_pictures_of_the_gallery() -> None:
    """Each example has a picture, and all of them together have less than a megabyte."""
    pictures = {path.stem: path.stat().st_size for path in (ROOT / "docs" / "pictures").glob("*.webp")}
    assert pictures.keys() == {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert sum(pictures.values()) < 1_000_000


def test_every_example_is_run_by_make() -> None:
    """`make demo-all` runs each example."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (named,) = re.findall(r"^EXAMPLES := (.*?[^\\])$", makefile, re.DOTALL | re.MULTILINE)
    run = {*named.replace("\\", " ").split(), *re.findall(r"examples/(\w+)\.py", makefile)}
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} <= run
