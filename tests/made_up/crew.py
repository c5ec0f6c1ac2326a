"""A keeper and workers in processes of their own, to be killed: `main` starts one for every line that it is given.

The process stays; each keeper and each worker is a child of it, made by fork, so that nothing has to be imported again.
A line is JSON: a keeper has the path of its ``journal`` and where it is to ``listen``; a worker has the ``keeper``, the
``url`` of the vendor, the ``operation``, the number ``n`` of texts, the ``parts`` and their order.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from cloudai import Client, share
from cloudai.batch.shared import link
from cloudai.errors import CloudAIError
from tests.made_up.runs import Far, texts_of
from tests.support.forks import Piped, piped

__all__ = ["Crew", "crew"]


def keep(wish: dict[str, Any]) -> None:
    """Be a keeper until a signal comes; the file ``ready`` says where it listens."""
    with share(wish["journal"], pace=wish.get("pace"), listen=wish["listen"], grace=wish.get("grace", 0.3)) as keeper:
        with open(wish["ready"] + ".new", "w") as file:  # noqa: PTH123
            file.write(keeper.address)
        os.replace(wish["ready"] + ".new", wish["ready"])  # noqa: PTH105
        while True:
            time.sleep(60)


def work(wish: dict[str, Any]) -> None:
    """Carry out parts, one after the other; a keeper that is away is waited for."""
    link.PING = 0.2
    with (
        Client(Far(wish["url"])) as client,
        client.batch(
            wish["operation"], texts_of(wish["n"]), journal=wish["keeper"], concurrency=wish["workers"]
        ) as job,
    ):
        parts = job.partition(wish["parts"])
        # A first request takes a process longer than the pace allows between its turn and the vendor, so it comes
        # before the parts.
        client.sentiment("first")
        for number in wish["order"]:
            outcomes = parts[number].run()
            assert [outcome.item for outcome in outcomes] == list(range(parts[number].of.first, outcomes[-1].item + 1))
            assert all(outcome.status in ("ok", "none_found") for outcome in outcomes)


class Crew:
    """The process whose children are the keeper and the workers."""

    def __init__(self, process: Piped) -> None:
        self._process = process

    def _told(self, wish: dict[str, Any]) -> int:
        return int(self._process.ask(json.dumps(wish)))

    def start(self, **wish: Any) -> int:
        """Start a keeper or a worker, and return the number of its process."""
        return self._told(wish)

    def ended(self, child: int, seconds: float = 60.0) -> int:
        """Wait until a child has ended, and return how."""
        until = time.monotonic() + seconds
        while (code := self._told({"child": child})) == RUNS:
            assert time.monotonic() < until, "a child does not end"
            time.sleep(0.01)
        return code

    def kill(self, child: int) -> None:
        """Kill a child as the kernel does when there is no memory, and wait until it is gone."""
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        self.ended(child)


RUNS = 1000
"""The code of a child that has not ended."""


@contextmanager
def crew() -> Iterator[Crew]:
    """Yield the process whose children are the keeper and the workers; whatever still runs at the end is killed."""
    with piped(main) as process:
        yield Crew(process)


def main() -> None:
    """Fork a child for each line and tell its number, or tell how the child has ended that the line asks for."""
    children: dict[int, int] = {}
    for line in sys.stdin:
        wish = json.loads(line)
        if "child" in wish:
            child = wish["child"]
            if children[child] == RUNS:
                pid, status = os.waitpid(child, os.WNOHANG)
                children[child] = os.waitstatus_to_exitcode(status) if pid else RUNS
            print(children[child], flush=True)  # noqa: T201  # its caller reads it
            continue
        child = os.fork()
        if not child:
            code = 3
            try:
                os.environ.update(wish.get("environment", {}))
                (keep if "listen" in wish else work)(wish)
                code = 0
            except CloudAIError as error:
                print(repr(error), file=sys.stderr)  # noqa: T201
            finally:
                sys.stderr.flush()
                os._exit(code)
        children[child] = RUNS
        print(child, flush=True)  # noqa: T201
    for child in [child for child, code in children.items() if code == RUNS]:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
