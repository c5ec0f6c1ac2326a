"""Programs of this machine that the local engine runs: they are found on the PATH, and are no part of cloudai."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from cloudai.errors import CloudAIError, InputError, SettingsError

__all__ = ["MissingProgramError", "listing", "path_of", "run"]

LONGEST = 300.0
"""Seconds that a program may run. A call gives up at its own deadline; this ends what would run on behind it."""
TOLD = 200
"""Characters of what a program says about its failure that an error repeats."""


class MissingProgramError(SettingsError):
    """A program, or a package that no extra brings, is not installed; the text says how to install it."""


def path_of(name: str, path: str | None) -> str | None:
    """Return the path of a program: the one that is set, else where the PATH has it; None if it is nowhere."""
    return path or shutil.which(name)


def run(arguments: Sequence[str], given: bytes, *, env: Mapping[str, str] | None = None) -> bytes:
    """Run a program with these bytes as its standard input, and return its standard output.

    Raises:
        InputError: The program has refused the input, or has not come to an end.
        SettingsError: The program cannot be run.
    """
    name = os.path.basename(arguments[0])  # noqa: PTH119  # a path of Windows, too
    failure: CloudAIError
    try:
        done = subprocess.run(  # noqa: S603  # no shell, and no argument is a text of the user
            arguments, input=given, capture_output=True, timeout=LONGEST, check=False, env={**os.environ, **(env or {})}
        )
    except subprocess.TimeoutExpired:
        failure = InputError(f"{name} has not come to an end in {LONGEST:.0f} s", advice="Give a smaller input.")
    except OSError as error:
        failure = SettingsError(f"{name} cannot be run ({error.strerror or error})", advice="Install it anew.")
    else:
        if not done.returncode:
            return done.stdout
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:TOLD]
        failure = InputError(f"{name} has failed ({said or f'exit code {done.returncode}'})")
    raise failure  # outside of the blocks above, so that the input is in no chained error


def listing(path: str, flag: str, name: str, setting: str) -> list[str]:
    """Return the lines in which a program lists what it has, without their heading.

    Args:
        path: The path of the program.
        flag: The argument that makes it list something.
        name: What the program should be, for the error.
        setting: The environment variable with its path.

    Raises:
        SettingsError: The program cannot be run, has failed or has listed nothing: it is another one, or broken.
    """
    try:
        lines = run([path, flag], b"").decode("utf-8", "replace").splitlines()
        problem = f"{os.path.basename(path)} lists nothing"  # noqa: PTH119  # a path of Windows, too
    except InputError as error:  # no input of the user was given to it
        lines, problem = [], error.message
    if not lines:
        raise SettingsError(f"{name} cannot be used: {problem}", advice=f"Set {setting} to the path of {name}.")
    return lines[1:]
