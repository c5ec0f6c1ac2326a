"""Ctrl-C while the command loads, which takes about a second in which nothing of cloudai runs yet."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import cloudai.cli
from tests.support.paths import ROOT

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console, and to this test"),
]

SCRIPT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]["cloudai"]
MODULE, _, FUNCTION = SCRIPT.partition(":")
WAYS = {
    "module": "import runpy; runpy.run_module('cloudai', run_name='__main__', alter_sys=True)",
    "script": f"from {MODULE} import {FUNCTION} as main; sys.exit(main())",  # as installers write it
}
"""What ``python -m cloudai`` and the installed command run."""
WAITS = """
import sys

class Waits:
    def find_spec(self, name, *_):
        if name == {name!r}:
            print("불러오는 중", flush=True)
            try:
                sys.stdin.readline()
            except KeyboardInterrupt:
                raise ImportError("누가 Ctrl-C를 눌렀습니다")  # as some packages hide it while they are imported

sys.meta_path.insert(0, Waits())
"""
"""Makes the import of one module wait for a line on standard input, after it has said so on standard output."""


@contextmanager
def loading(way: str, name: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start ``cloudai --version`` in one of the ways, and wait until it imports a module; kill it after the block."""
    code = WAITS.format(name=name) + WAYS[way]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-X", "utf8", "-c", code, "--version"]
    with subprocess.Popen(command, encoding="utf-8", **pipes, **options) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "불러오는 중\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["cloudai.cli", "pydantic", "cloudai.cli.sharing"])
def test_ctrl_c_while_the_command_loads(name: str, way: str) -> None:
    """The process ends with 130 and prints nothing, however far it has come, and whoever catches the interrupt."""
    # The tests themselves may be run in the background, and the process would ignore Ctrl-C as they do.
    heed = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    with loading(way, name, **heed) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


def test_a_command_in_the_background_goes_on() -> None:
    """A shell starts it with Ctrl-C ignored, and so it stays while the command loads."""
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    with loading("script", "pydantic", **ignore) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate("\n", timeout=60)
    assert (process.returncode, out, err) == (0, f"cloudai {cloudai.__version__}\n", "")


def test_ctrl_c_before_the_arguments_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code is 130 also while the language is chosen, in which the arguments are read."""

    def interrupted(_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(cloudai.cli, "chosen_language", interrupted)
    assert cloudai.cli.main(["providers"]) == 130
