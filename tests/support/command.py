"""The command ``cloudai`` in a process of its own that is forked, because a new Python takes half a second to start.

Tests of signals, of closed pipes, and of what a terminal shows start a new Python instead.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.forks import Forked, forked, run_forked

__all__ = ["run_command", "started"]


def run_command(
    folder: Path, environment: Mapping[str, str], *arguments: str, timeout: float = 60.0, out: Path | None = None
) -> tuple[int, str, str]:
    """Run the command in a folder, and return its exit code, its standard output and its standard error.

    A file ``out`` is its standard output if it is given, for example a device; nothing is returned of it then.
    """
    return run_forked(_command, arguments, folder=folder, environment=environment, timeout=timeout, out=out)


def started(folder: Path, environment: Mapping[str, str], *arguments: str) -> AbstractContextManager[Forked]:
    """Start the command in a folder; it is killed if it outlives the ``with`` block."""
    return forked(_command, arguments, folder=folder, environment=environment)


def _command(*arguments: str) -> None:
    from cloudai.cli import main

    sys.argv = ["cloudai", *arguments]
    sys.exit(main(list(arguments)))
