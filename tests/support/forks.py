"""Code in a process of its own that is forked, because a new Python takes half a second to start and to import.

The server of `multiprocessing` imports once what the processes need, and each process is a fork of that server. What
happens before the first line of a program or after its last one is Python's own: a test of that starts a new Python.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

__all__ = ["Forked", "Piped", "execute", "forked", "piped", "run_code", "run_forked"]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        *("cloudai.cli.batches", "cloudai.client", "cloudai.session", "cloudai.batch.batch", "cloudai.batch.plan"),
        *("cloudai.transport.connections", "cloudai.providers.azure", "cloudai.providers.azure.language"),
        *("cloudai.async_client", "tests.made_up.runs"),
    ]
)


def run_code(
    code: str,
    *arguments: object,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> tuple[int, str, str]:
    """Run the text of a program as ``python -c`` does, and return its exit code, what it printed, and its errors."""
    given = (code, *map(str, arguments))
    return run_forked(execute, given, folder=folder, environment=environment, timeout=timeout)


def run_forked(
    function: Callable[..., None],
    arguments: tuple[Any, ...],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    out: Path | None = None,
) -> tuple[int, str, str]:
    """Call a function in a forked process, and return its exit code, its standard output and its standard error.

    Args:
        function: The function, of a module that can be imported in little time.
        arguments: Its arguments, which can be pickled.
        folder: The folder of the process; by default the one of this process.
        environment: Its environment; by default that of this process.
        timeout: Seconds after which the process is killed and a TimeoutError is raised.
        out: The file that is its standard output, for example a device; nothing is returned of it then.
    """
    with forked(function, arguments, folder=folder, environment=environment, out=out) as process:
        return process.ended(timeout)


@dataclass(frozen=True)
class Forked:
    """A forked process that runs, and the files that are its standard streams."""

    process: BaseProcess
    out: Path | None
    err: Path

    def ended(self, timeout: float = 60.0) -> tuple[int, str, str]:
        """Wait until it ends, and return its exit code, its standard output and its standard error."""
        self.process.join(timeout)
        code = self.process.exitcode
        if code is None:
            raise TimeoutError(f"{self.process.name} has not ended within {timeout:g} s")
        return code, self.out.read_text("utf-8") if self.out else "", self.err.read_text("utf-8")

    def kill(self) -> None:
        """Kill it by SIGKILL, and wait until it is dead."""
        self.process.kill()
        self.process.join()


@contextmanager
def forked(
    function: Callable[..., None],
    arguments: tuple[Any, ...],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    out: Path | None = None,
) -> Iterator[Forked]:
    """Yield a forked process that calls a function, as `run_forked` does; it is killed if it outlives the block."""
    with TemporaryDirectory() as kept:
        streams = out or Path(kept, "out"), Path(kept, "err")
        place = str(folder or Path.cwd()), dict(os.environ if environment is None else environment)
        given = (function, arguments, *place, *map(str, streams))
        process = FORKS.Process(target=_call, args=given, name=f"{function.__name__}{arguments}")
        process.start()
        running = Forked(process, None if out else streams[0], streams[1])
        try:
            yield running
        finally:
            if process.exitcode is None:
                running.kill()
            process.close()


def _move(folder: str, environment: Mapping[str, str]) -> None:
    """Take over the folder and the environment of the test, which the server of the forks does not have."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)


def _call(
    function: Callable[..., None],
    arguments: tuple[Any, ...],
    folder: str,
    environment: Mapping[str, str],
    out: str,
    err: str,
) -> None:
    """Be the process: with this folder and environment, and with files in place of the standard streams."""
    _move(folder, environment)
    for path, number, name in ((out, 1, "stdout"), (err, 2, "stderr")):
        with open(path, "wb") as file:  # noqa: PTH123
            os.dup2(file.fileno(), number)
        setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    function(*arguments)


def execute(code: str, *arguments: str) -> None:
    """Run the text of a program in this process, as ``python -c`` does."""
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<code of a test>", "exec"), {"__name__": "__main__"})  # noqa: S102


class Piped:
    """A forked process that reads lines from its standard input and writes lines to its standard output."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self.stdin, self.stdout = stdin, stdout

    def ask(self, line: str) -> str:
        """Write a line to the process, and return the next line of it."""
        self.stdin.write(f"{line}\n")
        self.stdin.flush()
        return self.stdout.readline()


@contextmanager
def piped(function: Callable[..., None], *arguments: str) -> Iterator[Piped]:
    """Yield a process that calls a function, with pipes as its standard input and output; it ends with its input."""
    theirs_in, ours_in = FORKS.Pipe(duplex=False)
    ours_out, theirs_out = FORKS.Pipe(duplex=False)
    place = str(Path.cwd()), dict(os.environ)
    process = FORKS.Process(target=_call_piped, args=(function, arguments, *place, theirs_in, theirs_out))
    process.start()
    theirs_in.close()
    theirs_out.close()
    with (
        open(ours_out.fileno(), encoding="utf-8", closefd=False) as stdout,
        open(ours_in.fileno(), "w", encoding="utf-8", closefd=False) as stdin,
    ):
        try:
            yield Piped(stdin, stdout)
        finally:
            ours_in.close()
            process.join(10)
            ended = process.exitcode is not None
            process.kill()
            ours_out.close()
    assert ended, "the process does not end with its input"


def _call_piped(
    function: Callable[..., None],
    arguments: tuple[str, ...],
    folder: str,
    environment: Mapping[str, str],
    given: Any,
    told: Any,
) -> None:
    """Be the process: with pipes in place of the standard streams, apart from that for errors."""
    _move(folder, environment)
    os.dup2(given.fileno(), 0)
    os.dup2(told.fileno(), 1)
    given.close()
    told.close()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    function(*arguments)
