"""`docs/new_operation.md`, followed to the letter in a copy of the tree, gives an operation that works everywhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytest.importorskip("ruff")

PAGE = (ROOT / "docs" / "new_operation.md").read_text("utf-8")
BLOCK = re.compile(r"^`([\w./]+)`\n\n```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
GENERATOR = "tools/write_client_methods.py"

BOTH_CLIENTS = """
import asyncio
from cloudai import AsyncClient, Client, Summary
from cloudai.testing import replaying

TEXT = "김치가 맛있어요. 또 올게요!"
with replaying("gureum", "tests/unit/providers/gureum/summarize.json") as client:
    blocking = client.summarize(TEXT, sentences=1, language="ko")

async def awaited():
    async with replaying("gureum", "tests/unit/providers/gureum/summarize.json") as client:
        return await client.summarize(TEXT, sentences=1, language="ko")

awaiting = asyncio.run(awaited())
assert blocking == awaiting == Summary(sentences=("김치가 맛있다.",))
print(blocking.meta.provider, awaiting.meta.operation)
"""

BATCHES = """
import json, sys
from cloudai import Client, Response
from cloudai.testing import Script

def reply(request):
    return Response(200, {}, json.dumps({"sentences": [request.json["text"]] * request.json["sentences"]}).encode())

with Client("gureum", send=Script(*[reply] * 4), offline=True) as client:
    with client.batch("summarize", ["하나", "둘"], journal=sys.argv[1], options={"sentences": 2}) as job:
        print(sorted((outcome.item, outcome.status, *outcome.result) for outcome in job))
        print(job.tidy().columns[-4:-2])
    print([list(summary) for summary in client.map("summarize", ["셋"], sentences=1).values()])
    print(list(client.summarize("넷")))
"""

TYPES = """
from typing import assert_type
from cloudai import AsyncBatch, AsyncClient, Batch, Client, Summary
from cloudai.batch.batch import Mapped

async def typed(client: Client, awaiting: AsyncClient) -> None:
    assert_type(client.summarize("x", sentences=1, timeout=5.0), Summary)
    assert_type(client.batch("summarize", ["x"]), Batch[Summary])
    assert_type(client.map("summarize", ["x"], sentences=1), Mapped[Summary])
    assert_type(await awaiting.summarize("x", language="ko"), Summary)
    assert_type(awaiting.batch("summarize", ["x"]), AsyncBatch[Summary])
    assert_type(await awaiting.map("summarize", ["x"]), Mapped[Summary])
"""

COMMANDS = """
import contextlib, io, json, sys
from functools import partial
from cloudai import Client
from cloudai.cli import batches, main
from cloudai.testing import replay

batches.Client = partial(Client, send=replay("tests/unit/providers/gureum/summarize.json"), offline=True)
done = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            code = main(arguments)
        except SystemExit as ended:  # argparse ends the process after a help text
            code = ended.code
    done.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(done))
"""


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, on the copy's own sources."""
    ours = {"PYTHONPATH": str(tree / "src"), "PYTHONIOENCODING": "utf-8"}
    environment = {**os.environ, **ours}
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, encoding="utf-8", check=False
    )


def printed(tree: Path, *arguments: str) -> str:
    """Return what Python prints in the copy, where all goes well."""
    done = run(tree, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def patched(source: str, diff: str) -> str:
    """Return the source with the lines of the diff that have a plus; the others must stand in it, once."""
    for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        lines = hunk.splitlines(keepends=True)
        assert {line[0] for line in lines} <= {" ", "+"}
        before = "".join(line[1:] for line in lines if line[0] != "+")
        assert source.count(before) == 1, before
        source = source.replace(before, "".join(line[1:] for line in lines))
    return source


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the sources, do what the page says, and make what it says is made."""
    tree = tmp_path_factory.mktemp("사본")
    for name in ("src", "tools"):  # with what Python has compiled, or the first process would compile everything anew
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    (tree / "docs").mkdir()
    for name in ("Makefile", "README.md", "pyproject.toml", "docs/vendors.md"):
        shutil.copy(ROOT / name, tree / name)
    assert run(tree, GENERATOR, "--check").returncode == 0
    for name, language, text in BLOCK.findall(PAGE):
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(patched(path.read_text("utf-8"), text) if language == "diff" else text, "utf-8")
    outdated = run(tree, GENERATOR, "--check")
    assert (outdated.returncode, "is out of date" in outdated.stdout) == (1, True)
    recipe = (tree / "Makefile").read_text("utf-8").partition("\nformat:")[2].partition("\n\n")[0]
    for script in re.findall(r"^\t\$\(BIN\)/python (\S+)$", recipe, re.MULTILINE):
        printed(tree, script)
    return tree


def test_only_a_row_a_result_and_a_method_are_written_by_hand() -> None:
    """Beside the files of the vendor the page changes these three, and the list of public names."""
    assert [name for name, _, _ in BLOCK.findall(PAGE)] == [
        *("src/cloudai/models/summary.py", "src/cloudai/operations.py", "src/cloudai/providers/base.py"),
        *("src/cloudai/providers/gureum.py", "src/cloudai/providers/registry.py"),
        *("tests/unit/providers/gureum/summarize.json", "tests/unit/providers/gureum/test_summarize.py"),
        "src/cloudai/__init__.py",
    ]


def test_its_own_test_passes(tree: Path) -> None:
    """The test of the page holds in the copy, the contract included."""
    assert "2 passed" in printed(tree, "-m", "pytest", "-v", "-p", "no:cacheprovider", "tests/unit/providers/gureum")


def test_both_clients_have_it(tree: Path) -> None:
    """Client and AsyncClient give the same result, in a fresh process."""
    assert printed(tree, "-c", BOTH_CLIENTS).split() == ["gureum", "summarize"]


def test_batches_and_map_have_it(tree: Path, tmp_path: Path) -> None:
    """A batch with a journal has its outcomes and its table, `map` its results, a call the default of the row."""
    assert printed(tree, "-c", BATCHES, str(tmp_path / "일.journal")).splitlines() == [
        "[(0, 'ok', '하나', '하나'), (1, 'ok', '둘', '둘')]",
        "['sentence', 'text']",
        "[['셋']]",
        "['넷', '넷', '넷']",
    ]


def test_a_type_checker_knows_it(tree: Path, tmp_path: Path) -> None:
    """mypy infers the new result for a call, a batch and `map` of both clients."""
    pytest.importorskip("mypy")
    (tmp_path / "typed.py").write_text(TYPES, "utf-8")
    if (ROOT / ".mypy_cache").is_dir():  # of make types: what mypy knows of other packages need not be found out anew
        shutil.copytree(ROOT / ".mypy_cache", tmp_path / "mypy")
    printed(tree, "-m", "mypy", "--cache-dir", str(tmp_path / "mypy"), str(tmp_path / "typed.py"))


def test_the_command_line_has_it(tree: Path, tmp_path: Path) -> None:
    """`cloudai summarize` takes texts and the flags of the row, and asks who the row says; `providers` lists it."""
    (tmp_path / "기사.txt").write_text("김치가 맛있어요. 또 올게요!\n", "utf-8")
    flags = ("summarize", "--lines", str(tmp_path / "기사.txt"), "--sentences", "1", "--language", "ko")
    commands = [
        [*flags, "--json"],
        ["summarize", "--help"],
        ["--help"],
        ["summarize", "글", "--provider", "local"],
        ["providers", "gureum"],
    ]
    done = json.loads(printed(tree, "-c", COMMANDS, json.dumps(commands)))
    assert [code for code, _, _ in done] == [0, 0, 0, 1, 0]
    (results, help_text, all_commands, _, providers), refused = [out for _, out, _ in done], done[3][2]
    line = json.loads(results)
    assert (line["operation"], line["result"]) == ("summarize", {"sentences": ["김치가 맛있다."]})
    assert "most sentences (default: 3)" in help_text
    assert "(default: gureum)" in help_text
    assert "who answers; of azure,google the second what the first" in help_text
    assert "say in a few sentences what texts say" in all_commands
    assert "Available from: gureum." in refused
    assert "summarize: open" in providers


def test_the_table_of_the_readme_has_it(tree: Path) -> None:
    """The generated table of the README has a row for the new operation."""
    assert "| summarize | - | - | - | open | - |" in (tree / "README.md").read_text("utf-8")


def test_the_copy_passes_the_linter(tree: Path) -> None:
    """The code of the page and of the generator is formatted as the linter wants it."""
    printed(tree, "-m", "ruff", "check", "--no-cache", "src", "tools", "tests")
    printed(tree, "-m", "ruff", "format", "--no-cache", "--check", "src", "tools", "tests")
    assert run(tree, GENERATOR, "--check").returncode == 0


def test_a_method_that_does_not_fit_its_row_is_told(tree: Path, tmp_path: Path) -> None:
    """The generator names the method and the row, where one has an option more."""
    copy = tmp_path / "사본"
    shutil.copytree(tree, copy)
    row = copy / "src" / "cloudai" / "operations.py"
    row.write_text(row.read_text("utf-8").replace('options={"sentences": 3, ', "options={"), "utf-8")
    done = run(copy, GENERATOR)
    assert (done.returncode, "Provider.summarize takes ['sentences', 'language']" in done.stderr) == (1, True)
