"""The command ``cloudai`` in a process of its own that is forked, because a new Python takes half a second to start.

The server of `multiprocessing` imports once what the command needs, and each command is a fork of that server. Tests of
signals, of closed pipes, and of what a terminal shows start a new Python instead.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["run_command"]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        *("cloudai.cli.batches", "cloudai.client", "cloudai.session", "cloudai.batch.batch", "cloudai.batch.plan"),
        *("cloudai.transport.connections", "cloudai.providers.azure", "cloudai.providers.azure.language"),
    ]
)


def run_command(
    folder: Path, environment: Mapping[str, str], *arguments: str, timeout: float = 60.0
) -> tuple[int, str, str]:
    """Run the command in a folder, and return its exit code, its standard output and its standard error."""
    with TemporaryDirectory() as kept:
        out, err = Path(kept, "out"), Path(kept, "err")
        process = FORKS.Process(target=_command, args=(arguments, str(folder), dict(environment), str(out), str(err)))
        process.start()
        process.join(timeout)
        code = process.exitcode
        if code is None:
            process.kill()
            raise TimeoutError(f"cloudai {' '.join(arguments)} has not ended within {timeout:g} s")
        process.close()
        return code, out.read_text("utf-8"), err.read_text("utf-8")


def _command(arguments: tuple[str, ...], folder: str, environment: Mapping[str, str], out: str, err: str) -> None:
    """Be the command: with this folder and environment, and with files in place of the standard streams."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for path, number, name in ((out, 1, "stdout"), (err, 2, "stderr")):
        with open(path, "wb") as file:  # noqa: PTH123
            os.dup2(file.fileno(), number)
        setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    from cloudai.cli import main

    sys.argv = ["cloudai", *arguments]
    sys.exit(main(list(arguments)))
