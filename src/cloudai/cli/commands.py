"""What each command does."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cloudai.cli import inputs
from cloudai.client import Client
from cloudai.errors import HOPELESS, CloudAIError, InputError, MissingExtraError, SettingsError
from cloudai.provider import OPERATIONS, Provider, find, names
from cloudai.table import Outcome, Table, tidy

__all__ = ["demo", "doctor", "load_env_file", "over_files", "over_texts", "providers"]

OPTIONS = ("landmarks", "max_faces", "features", "max_results", "language", "speakers", "timeout")
"""Options of the command line that are options of the operation too."""


def load_env_file(path: str) -> None:
    """Read settings from a ``.env`` file; what is in the environment already goes before it."""
    try:
        from dotenv import dotenv_values
    except ImportError as error:
        raise MissingExtraError("--env-file", "cli") from error
    if not Path(path).is_file():
        raise SettingsError(f"there is no file {path}", advice="Give --env-file the path of a .env file.")
    for name, value in dotenv_values(path, encoding="utf-8-sig").items():
        if value is not None:
            os.environ.setdefault(name, value)


def over_files(options: argparse.Namespace) -> int:
    """One operation over files, folders, patterns and URLs."""
    kinds = inputs.AUDIO if options.operation == "speech_to_text" else inputs.PICTURES
    return _run(options, inputs.expand(options.paths, kinds))


def over_texts(options: argparse.Namespace) -> int:
    """Sentiment of the texts given, or of the lines of a file."""
    texts = [*options.texts, *(inputs.lines(options.lines) if options.lines else [])]
    if not texts:
        raise InputError("no text", advice='Give one in quotes, or --lines FILE ("-" reads standard input).')
    return _run(options, texts)


def _run(options: argparse.Namespace, given: list[str]) -> int:
    with Client(_provider(options)) as client:
        outcomes = list(_shown(_outcomes(client, options, given), options, len(given)))
    if options.csv:
        text = tidy(outcomes).to_csv(None if options.csv == "-" else options.csv)
        print(text if options.csv == "-" else f"wrote {options.csv}", end="" if options.csv == "-" else "\n")
    elif not options.json:
        print(tidy(outcomes).filled())
    for outcome in outcomes:
        if outcome.error:  # in full: a table cuts long cells
            print(f"{outcome.input}: {outcome.error}", file=sys.stderr)
    return int(any(outcome.error for outcome in outcomes))


def _provider(options: argparse.Namespace) -> str | Provider:
    if getattr(options, "lexicon", None):
        if options.provider != "local":
            raise SettingsError("--lexicon is for --provider local")
        from cloudai.providers.local import Local

        return Local(lexicon=options.lexicon)
    return str(options.provider)


def _outcomes(client: Client, options: argparse.Namespace, given: list[str]) -> Iterator[Outcome[Any]]:
    """The result or the error of each input; what no input can help ends the run."""
    chosen = {name: value for name in OPTIONS if (value := getattr(options, name, None))}
    operation = getattr(client, options.operation)
    for item, thing in enumerate(given):
        try:
            yield Outcome(item, thing, result=operation(thing, **chosen))
        except HOPELESS:
            raise
        except CloudAIError as error:
            yield Outcome(item, thing, error=error)


def _shown(outcomes: Iterable[Outcome[Any]], options: argparse.Namespace, n: int) -> Iterator[Outcome[Any]]:
    """Tell how far it is, where somebody watches; with --json print each outcome as it comes."""
    watched = sys.stderr.isatty() and n > 1
    for outcome in outcomes:
        if options.json:
            print(json.dumps(_as_json(outcome), ensure_ascii=False, default=str), flush=True)
        if watched:
            print(f"\r{outcome.item + 1}/{n}", end="", file=sys.stderr, flush=True)
        yield outcome
    if watched:
        print(file=sys.stderr)


def _as_json(outcome: Outcome[Any]) -> dict[str, Any]:
    head = {"item": outcome.item, "input": outcome.input}
    if outcome.result is None:
        return {
            **head,
            "status": "failed",
            "error_type": type(outcome.error).__name__,
            "error": str(outcome.error),
        }
    return {
        **head,
        "status": outcome.result.to_rows()[0]["status"],
        "result": outcome.result.model_dump(mode="json"),
        "meta": outcome.result.meta.model_dump(mode="json", exclude_none=True),
    }


def providers(options: argparse.Namespace) -> int:
    """A table of operations and providers, or one provider in detail."""
    if options.name:
        print(_detail(find(options.name)))
    elif options.markdown:
        print(markdown())
    else:
        print(Table(_able()).filled())
        print("\nMore: cloudai providers NAME")
    return 0


def markdown() -> str:
    """The table of operations and providers as Markdown: the README holds it, and a test compares."""
    rows = [{name: value.replace(", ", "<br>") for name, value in row.items()} for row in _able()]
    lines = [" | ".join(rows[0]), "|".join(["---"] * len(rows[0])), *(" | ".join(row.values()) for row in rows)]
    return "\n".join(f"|{line}|" if line.startswith("---") else f"| {line} |" for line in lines)


def _able() -> list[dict[str, str]]:
    known = {name: find(name).capabilities() for name in names()}
    return [{"operation": o, **{name: able[o].summary for name, able in known.items()}} for o in OPERATIONS]


def _detail(provider: type[Provider]) -> str:
    """Each operation in full: a table would cut the pages."""
    blocks = []
    for c in provider.capabilities().values():
        facts = [("needs", c.needs), ("note", c.note), ("since", c.since), ("until", c.until), ("page", c.page)]
        lines = [f"  {name}: {value}" for name, value in (*facts, ("checked", c.checked)) if value]
        blocks.append("\n".join([f"{c.operation}: {c.status}", *lines]))
    return "\n".join(blocks)


def doctor(options: argparse.Namespace) -> int:
    """Each setting of each provider: found where, or missing; of a key only its last four characters."""
    asked = [find(name)() for name in ([options.name] if options.name else names())]
    # In full: a path cut short helps nobody.
    print(Table([row for each in asked for row in _settings(each)], SETTING_COLUMNS, widest_cell=200))
    print()
    for provider in asked:
        print("\n".join(_readiness(provider)))
    return int(bool(options.name) and not any(_ready(asked[0])))


SETTING_COLUMNS = ("provider", "setting", "found", "where", "value", "purpose")


def _settings(provider: Provider) -> Iterator[dict[str, Any]]:
    for setting in provider.settings:
        found = provider.found(setting.name)
        yield {
            "provider": provider.name,
            "setting": setting.name,
            "found": "yes" if found else "no",
            "where": found.where if found else " or ".join(setting.env),
            "value": None if found is None else _veiled(found.value) if setting.secret else found.value,
            "purpose": setting.purpose,
        }


def _ready(provider: Provider) -> list[str]:
    """The operations that can be called with the settings at hand."""
    return [operation for operation in OPERATIONS if provider.supports(operation)]


def _readiness(provider: Provider) -> Iterator[str]:
    """A line of what can be called, and one for each thing that is missing."""
    ready = _ready(provider)
    hosts = ", ".join(provider.hosts) or "nothing leaves this computer"
    can = f"ready for {', '.join(ready)}" if ready else "not ready"
    yield f"{provider.name}: {can} ({hosts})"
    lacking: dict[str, list[str]] = {}
    for operation, able in provider.capabilities().items():
        if able.available and (problem := provider.missing(operation)):
            lacking.setdefault(problem, []).append(operation)
    for problem, operations in lacking.items():
        yield f"  {', '.join(operations)}: {problem}"


SHORT = 8


def _veiled(secret: str) -> str:
    """Enough of a key to recognise it; of a short one nothing, for it would be half of it."""
    return f"…{secret[-4:]}" if len(secret) > SHORT else "…"


def demo(options: argparse.Namespace) -> int:
    """Both examples on photos that installed packages ship."""
    from cloudai.cli.demo import run

    return run(Path(options.out))
