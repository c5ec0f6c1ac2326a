"""The commands over many inputs: each is a batch, with its plan, pace and journal."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from cloudai.batch import Batch, records
from cloudai.batch.journal import Journal
from cloudai.batch.kept import outcomes, table_of
from cloudai.cli import inputs
from cloudai.client import Client
from cloudai.errors import InputError, JournalError, PausedError, SettingsError
from cloudai.provider import Provider, find
from cloudai.reading import TABLES, read_table
from cloudai.table import Outcome, Table, tidy

__all__ = ["IO_ERROR", "PAUSED", "journal", "over_files", "over_texts"]

OPTIONS = ("landmarks", "max_faces", "features", "max_results", "language", "speakers", "timeout")
"""Options of the command line that are options of the operation too."""
BATCH = ("pace", "max_requests", "max_units", "concurrency", "in_doubt", "price")
"""Those that are a batch's."""

IO_ERROR = 74
"""Exit code where the journal cannot be written: EX_IOERR of sysexits.h."""
PAUSED = 75
"""Exit code where the same command goes on later: EX_TEMPFAIL."""
INTERRUPTED = 128
"""Added to the number of the signal."""


def over_files(options: argparse.Namespace) -> int:
    """One operation over files, folders, patterns and URLs, or over a column of a table."""
    kinds = inputs.AUDIO if options.operation == "speech_to_text" else inputs.PICTURES
    return _run(options, _of_column(options, options.paths) or inputs.expand(options.paths, kinds))


def over_texts(options: argparse.Namespace) -> int:
    """Sentiment of the texts given, of the lines of a file, or of a column of a table."""
    if table := _of_column(options, options.texts):
        return _run(options, table)
    texts = [*options.texts, *(inputs.lines(options.lines) if options.lines else [])]
    if not texts:
        raise InputError("no text", advice='Give one in quotes, or --lines FILE ("-" reads standard input).')
    return _run(options, texts)


def _of_column(options: argparse.Namespace, paths: list[str]) -> Table | None:
    """The table whose column holds the inputs, where one was named."""
    if not options.column:
        return None
    if len(paths) != 1 or Path(paths[0]).suffix.lower() not in TABLES:
        raise InputError("--column goes with one table", advice="Give a .csv or .tsv file.")
    table = read_table(paths[0])
    if options.column not in table.columns:
        raise InputError(f"no column {options.column}", advice=f"The file has: {', '.join(table.columns)}.")
    return table


def _run(options: argparse.Namespace, given: list[str] | Table) -> int:
    chosen = {name: value for name in OPTIONS if (value := getattr(options, name, None))}
    settings = {name: value for name in BATCH if (value := getattr(options, name)) is not None}
    if options.column:
        settings["column"] = options.column
    where = _journal_path(options, len(given))
    with (
        Client(_provider(options), fetch_urls=getattr(options, "fetch_urls", False)) as client,
        client.batch(
            options.operation,
            given,
            options=chosen,
            journal=where,
            progress=not options.quiet and len(given) > 1,
            **settings,
        ) as job,
    ):
        if options.plan:
            print(job.plan())
            return 0
        return _carried_out(job, options, where)


def _carried_out(job: Batch[Any], options: argparse.Namespace, where: Path | None) -> int:
    with _signals(job) as caught:
        try:
            for outcome in job:
                if options.json:
                    print(json.dumps(_as_json(outcome), ensure_ascii=False, default=str), flush=True)
        except (PausedError, JournalError) as error:
            print(error, file=sys.stderr)
            code = IO_ERROR if isinstance(error, JournalError) else PAUSED
        else:
            code = PAUSED if job.paused else int(any(n for name, n in job.books.items() if name in NOT_WELL))
    _written(job, options)
    if caught:
        code = INTERRUPTED + caught[0]
    if code > 1 and where is not None:
        print(f"{where} has what is finished: the same command goes on from there.", file=sys.stderr)
    return code if job.balanced else code or IO_ERROR


NOT_WELL = ("failed", "in_doubt", "skipped", "not_started")


def _written(job: Batch[Any], options: argparse.Namespace) -> None:
    """The table, and each error in full: a table cuts long cells."""
    table = job.tidy()
    if options.csv == "-":
        print(table.to_csv(), end="")
    elif options.csv:
        table.to_csv(options.csv)
        print(f"wrote {options.csv}")
    elif not options.json:
        print(table.filled())
    told: dict[str, list[str]] = {}
    if n := job.books["not_started"]:
        print(f"{n} not started", file=sys.stderr)
    for row in table:
        if row.get("error") and row["status"] != "not_started":
            told.setdefault(str(row["error"]), []).append(str(row["input"]))
    for error, names in told.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        print(f"{names[0]}{more}: {error}", file=sys.stderr)


@contextmanager
def _signals(job: Batch[Any]) -> Iterator[list[int]]:
    """Ctrl-C, or a request to end, stops the batch and waits for what is on its way; once more stops at once."""
    caught: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        caught.append(number)
        if len(caught) > 1:
            job.stop(wait=0)
        else:
            job.stop()
            print("\nstopping: what is on its way is waited for; once more stops at once", file=sys.stderr)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield caught
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _journal_path(options: argparse.Namespace, n: int) -> Path | None:
    """As told; else a file in this folder where many inputs are paid for, none where nothing is or there is but one."""
    if options.journal == "none":
        return None
    if options.journal:
        return Path(options.journal)
    if n < 2 or options.plan or not find(options.provider).hosts:  # noqa: PLR2004
        return None
    return Path(f"cloudai-{options.operation.replace('_', '-')}-{options.provider}.journal")


def _provider(options: argparse.Namespace) -> str | Provider:
    if getattr(options, "lexicon", None):
        if options.provider != "local":
            raise SettingsError("--lexicon is for --provider local")
        from cloudai.providers.local import Local

        return Local(lexicon=options.lexicon)
    return str(options.provider)


def _as_json(outcome: Outcome[Any]) -> dict[str, Any]:
    head = {"item": outcome.item, "input": outcome.input, **({"row": outcome.row} if outcome.row else {})}
    if outcome.result is None:
        return {
            **head,
            "status": outcome.status,
            "error_type": type(outcome.error).__name__,
            "error": str(outcome.error),
        }
    return {
        **head,
        "status": outcome.status,
        "result": outcome.result.model_dump(mode="json"),
        "meta": outcome.result.meta.model_dump(mode="json", exclude_none=True),
    }


# -- a journal by itself -----------------------------------------------------------------------------------------


def journal(options: argparse.Namespace) -> int:
    """What a journal holds: its books, its table, or what is found in its inputs; or forget one of them."""
    if not Path(options.file).is_file():
        raise JournalError(f"there is no file {options.file}", advice="Check the path.")
    held = Journal(options.file)
    try:
        if options.forget:
            n = held.ask(records.forget(options.forget))
            print(f"forgot {n} entries of {options.forget}, and what was answered for it")
            return int(not n)
        found = held.read(records.batches)
        if options.csv or options.json:
            _exported(held, found, options)
        else:
            print(Table([_shown(batch) for batch in found]).filled())
            if doubts := held.read(records.doubts):
                print(f"\n{doubts} in doubt: sent, and what became of them is not known")
            print("\nReplies may hold personal data: --forget INPUT deletes what is kept of one.")
        return 0
    finally:
        held.close()


def _exported(held: Journal, found: list[dict[str, Any]], options: argparse.Namespace) -> None:
    wanted = [batch for batch in found if options.batch in (None, batch["batch"])]
    if not wanted:
        raise InputError(f"no batch {options.batch} in {options.file}", advice=f"It has 1 to {len(found)}.")
    if len(wanted) > 1 and options.csv:
        raise InputError(f"{options.file} holds {len(wanted)} batches", advice="Say which with --batch N.")
    for batch in wanted:
        kept = outcomes(held, batch["batch"], batch["operation"])
        if options.json:
            for outcome in kept:
                print(json.dumps(_as_json(outcome), ensure_ascii=False, default=str))
            continue
        table = table_of(kept, batch["operation"]) if options.rows else tidy(kept)
        text = table.to_csv(None if options.csv == "-" else options.csv)
        print(text if options.csv == "-" else f"wrote {options.csv}", end="" if options.csv == "-" else "\n")


def _shown(batch: dict[str, Any]) -> dict[str, Any]:
    books = {"done": 0, **batch["books"]}
    books["done"] += books.pop("ok", 0) + books.pop("none_found", 0)
    names = ("batch", "provider", "operation", "runs", "requests", "started_at")
    return {**{name: batch[name] for name in names}, **books, "options": batch["options"]}
