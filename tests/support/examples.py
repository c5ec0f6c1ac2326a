"""An example run in the process of the test, because a process of its own takes half a second to start."""

from __future__ import annotations

import io
import os
import runpy
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from tests.support.paths import EXAMPLES

__all__ = ["Ran", "hangul_font", "run_example"]


class Ran(NamedTuple):
    """The outcome of an example."""

    returncode: int
    stderr: str


@cache
def hangul_font() -> str:
    """Return the path of a font that has Hangul."""
    spec = find_spec("koreanize_matplotlib")
    assert spec
    assert spec.origin
    return str(Path(spec.origin).parent / "fonts" / "NanumGothic.ttf")


def run_example(name: str, *arguments: str, **environment: str) -> Ran:
    """Run an example with these arguments and a font that has Hangul, as a process of its own would run it."""
    command = [str(EXAMPLES / f"{name}.py"), *arguments]
    with (
        patch.object(sys, "argv", command),
        patch.dict(os.environ, {"CLOUDAI_FONT": hangul_font(), **environment}),
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()) as err,
    ):
        code = runpy.run_path(command[0])["main"]()
    return Ran(code, err.getvalue())
