"""The README's Python runs, and its table is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloudai.cli.commands import markdown

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_the_first_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """What a newcomer pastes prints a box."""
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102  # our own words
    assert "x=" in capsys.readouterr().out


def test_every_example_is_python() -> None:
    """Those that need a key at least compile."""
    for code in re.findall(r"```python.*?\n(.*?)```", README, re.DOTALL):
        import ast

        compile(code, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_table_of_providers_is_true() -> None:
    """It is what `cloudai providers --markdown` prints: operation by provider, with the dates."""
    assert markdown() in README
