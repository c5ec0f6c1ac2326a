"""Play a script of commands as a user types them, and return what the terminal shows.

A script is a text: a line that begins with "$ " is typed, and what follows up to the next one is the expected screen.
``cloudai`` is called in this process, and a ``.py`` file of the folder is run in it. ``COLUMNS=80`` before a command is
the width of the window. What differs between two runs and two computers is replaced by a word.
"""

from __future__ import annotations

import io
import os
import re
import runpy
import shlex
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from cloudai.cli import main

__all__ = ["play", "typed"]

PROMPT = "$ "
GREP = " | grep "
"""The command that filters lines: behind it stands their pattern, if other lines change with every new command."""
VARYING = (
    (re.compile(r"cloudai \d+\.\d+\.\d+\S*, Python .*"), "cloudai VERSION, Python …"),
    (re.compile(r"httpx2 \d.*"), "PACKAGES …"),
    (re.compile(r"\d+\.\d s\)"), "0.1 s)"),
    (re.compile(r"\d+\.\d초\)"), "0.1초)"),
    (re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d"), "2026-01-31 09:00"),
    (re.compile(r"20\d\d-\d\d-\d\dT\S+"), "2026-01-31T…        "),
)
"""The parts of a screen that change from run to run, and the texts that replace them."""


def typed(script: str) -> Iterator[str]:
    """Yield the lines of a script that are typed."""
    yield from (line.removeprefix(PROMPT) for line in script.splitlines() if line.startswith(PROMPT))


def play(script: str, folder: Path, language: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Carry out what is typed in a script, in a folder and a language, and return the script with what is shown."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CLOUDAI_LANG", language)
    screens = []
    for line in typed(script):
        words = shlex.split(line.partition(GREP)[0])
        settings = {}
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            name, _, settings[name] = words.pop(0).partition("=")
        pattern = line.partition(GREP)[2]
        shown = _shown(words, settings, folder)
        if pattern:
            shown = "".join(f"{each}\n" for each in shown.splitlines() if re.search(pattern, each))
        screens.append(f"{PROMPT}{line}\n{shown}")
    return "".join(screens)


def _shown(words: list[str], settings: Mapping[str, str], folder: Path) -> str:
    """Return what one command prints, on both streams in their order, and its exit code if it is not 0."""
    screen, code = io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(screen), redirect_stderr(screen):
        for name, value in settings.items():
            patch.setenv(name, value)
        if words[0] == "cloudai":
            try:
                code = main(words[1:])
            except SystemExit as end:  # argparse has told what is wrong with the arguments
                code = int(end.code or 0)
        else:
            runpy.run_path(words[1], run_name="__main__")
    shown = screen.getvalue().replace(f"{folder}{os.sep}", "").replace(str(folder), "FOLDER")
    for pattern, word in VARYING:
        shown = pattern.sub(word, shown)
    lines = [line.rstrip() for line in shown.splitlines()]
    return "".join(f"{line}\n" for line in [*lines, *([f"[{code}]"] if code else [])])
