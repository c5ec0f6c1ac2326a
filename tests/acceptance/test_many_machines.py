"""docs/many-machines.md works as it is written, on one machine with three processes."""

from __future__ import annotations

import csv
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cloudai import share
from tests.support.length import length
from tests.support.paths import ROOT

pytest.importorskip("vaderSentiment")

pytestmark = [pytest.mark.loopback, pytest.mark.long, pytest.mark.enable_socket]

PAGE = (ROOT / "docs" / "many-machines.md").read_text("utf-8")
SCRIPTS = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def check(folder: Path) -> None:
    """Require that the table has all texts, with their moods."""
    with (folder / "moods.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    moods = [row["label"] for row in rows if row["sentence"] in ("", "-1")]
    assert moods == ["positive", "negative"] * 30


def test_the_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The scripts of the page, one after the other in this process, carry the work out and write the table."""
    assert list(SCRIPTS) == ["parts.py", "work.py", "table.py"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLOUDAI_KEEPER_SECRET", "a secret of this test")
    with share("run.journal", listen="127.0.0.1:0") as keeper:
        for name, body in SCRIPTS.items():
            Path(name).write_text(body.replace("keeper://127.0.0.1:8399", keeper.address), "utf-8")
        runpy.run_path("parts.py")
        for number in (2, 0, 1, 0):
            monkeypatch.setattr(sys, "argv", ["work.py", f"part-{number}.pickle"])
            runpy.run_path("work.py")
        runpy.run_path("table.py")
    assert "{'submitted': 60, 'done': 60," in capsys.readouterr().out
    check(tmp_path)


@pytest.mark.skipif(length(True, False, False), reason="the processes take several seconds")
def test_the_page(tmp_path: Path) -> None:
    """The commands of the page, in the order of the page, in a shell."""
    for name, body in SCRIPTS.items():
        (tmp_path / name).write_text(body, "utf-8")
    begin, work = SHELL
    waits = f"until {sys.executable} -c 'import socket; socket.create_connection((\"127.0.0.1\", 8399))' 2>/dev/null\n"
    script = "set -e\ntrap 'kill $(jobs -p)' TERM\n"
    script += f"{begin}\n{waits}do sleep 0.1; done\n{work}\npython table.py\nkill %1; wait %1 || true\n"
    script += "cloudai journal run.journal\n"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    shell = subprocess.Popen(
        ["bash", "-m", "-c", script],  # noqa: S607  # that of the PATH
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        out, _ = shell.communicate(timeout=100)
    finally:
        if shell.poll() is None:
            shell.terminate()  # the trap ends the jobs, each of which has a process group of its own
            time.sleep(1)
            os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == 0, out
    assert "part 1: 20 texts" in out
    assert "{'submitted': 60, 'done': 60," in out
    check(tmp_path)
