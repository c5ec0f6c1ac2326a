"""The commands about cloudai itself: its providers, their settings, and the demo."""

from __future__ import annotations

import argparse
import io
import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cloudai.batch.shared.address import CA, SECRET
from cloudai.cli.outputs import require_one_output, require_writable, tell, write_table
from cloudai.cli.running import provider_names
from cloudai.cli.summary import print_table
from cloudai.client import Client
from cloudai.errors import InputError, MissingExtraError, SettingsError
from cloudai.operations import OPERATIONS
from cloudai.providers.base import Provider, Retirement
from cloudai.providers.registry import find, usable
from cloudai.providers.settings import Lookup, is_file, shown
from cloudai.reading import text_of
from cloudai.table import Table, json_of
from cloudai.text import inert
from cloudai.wording import say, translated

__all__ = ["demo", "doctor", "load_env_file", "models", "providers", "voices"]


def load_env_file(path: str) -> None:
    """Read settings from a ``.env`` file into the environment; variables that are set already keep their values.

    Only variables that cloudai knows are set: the settings of the providers, what the vendors' logins read, and
    cloudai's own. A file that came with a project must not choose the proxy, the certificates or the programs of this
    process.

    Raises:
        MissingExtraError: python-dotenv is not installed.
        SettingsError: There is no such file, or it cannot be read.
    """
    try:
        from dotenv import dotenv_values
    except ImportError as error:
        raise MissingExtraError("--env-file", "cli") from error
    # `is_file` raises no error, whatever the text is: one with a NUL, or one that is too long for a path, is no file.
    if not is_file(path) or not Path(path).is_file():
        raise SettingsError(f"there is no file {path}", advice="Give --env-file the path of a .env file.")
    known, unknown = _known_variables(), []
    # The file is read by cloudai's own reader, which knows the encodings of Windows, and by dotenv as a text.
    for name, value in dotenv_values(stream=io.StringIO(text_of(path, SettingsError))).items():
        if value is None:
            continue  # the line has no "=": what looks like a name may be a key
        if not known(name):
            unknown.append(name)
        elif "\0" in value:
            raise SettingsError(f"{name} in {path} holds a NUL", advice="Write the file anew, as text.")
        else:
            # A variable that is set already goes before the file, so that a file of the project cannot change the
            # user's own settings.
            os.environ.setdefault(name, value)
    # Only what looks like a variable is named: a line may be anything, also a secret with "=" in it.
    if names := [name for name in unknown if VARIABLE.fullmatch(name)]:
        log.warning("%s: passed over, for cloudai does not know it: %s", path, ", ".join(names))


VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,60}")
log = logging.getLogger("cloudai")

OWN_VARIABLES = (
    *("CLOUDAI_CACHE_DIR", "CLOUDAI_CACHE_MB", "CLOUDAI_DATA_DIR", "CLOUDAI_STATE_DIR", "CLOUDAI_FONT"),
    *(SECRET, CA),
)
"""cloudai's own variables that are no settings of a provider."""


def _known_variables() -> Callable[[str], bool]:
    """Return a function that says whether an env file may set a variable."""
    kinds = usable()[0].values()
    names = {variable for kind in kinds for setting in kind.settings if setting.from_file for variable in setting.env}
    patterns = [re.compile(pattern) for kind in kinds for pattern in kind.variables]
    # A variable that may not come from a file stays forbidden, whatever pattern of another vendor allows it.
    never = {
        variable for kind in kinds for setting in kind.settings if not setting.from_file for variable in setting.env
    }
    names |= {*OWN_VARIABLES}

    def known(name: str) -> bool:
        return name not in never and (name in names or any(pattern.fullmatch(name) for pattern in patterns))

    return known


def providers(options: argparse.Namespace) -> int:
    """Print a table of operations and providers, or one provider in detail, and return the exit code 0."""
    if options.name:
        kind = find(options.name)
        print(_detail(kind))
        if kind.retirements:
            print("\n".join(["", say("Switched off, or about to be:"), *map(_ended, kind.retirements)]))
        if told := kind().guide():
            print(f"\n{told}")
    elif options.markdown:
        print(markdown())
    else:
        print_table(Table(_able()), say(WIDER))
        print(
            "\n".join(["", *(translated(str(problem)) for problem in usable()[1]), say("More: cloudai providers NAME")])
        )
    return 0


def markdown() -> str:
    """Return the table of operations and providers as Markdown, as the README has it."""
    rows = [{name: value.replace(", ", "<br>") for name, value in row.items()} for row in _able()]
    lines = [" | ".join(rows[0]), "|".join(["---"] * len(rows[0])), *(" | ".join(row.values()) for row in rows)]
    return "\n".join(f"|{line}|" if line.startswith("---") else f"| {line} |" for line in lines)


def _able() -> list[dict[str, str]]:
    known = {name: kind.capabilities() for name, kind in usable()[0].items()}
    return [{"operation": o, **{name: able[o].summary for name, able in known.items()}} for o in OPERATIONS]


def _detail(provider: type[Provider]) -> str:
    """Return the facts about each operation in full, because a table would cut the addresses of the pages."""
    blocks = []
    for c in provider.capabilities().values():
        facts = [("needs", c.needs), ("note", c.note), ("since", c.since), ("until", c.until), ("page", c.page)]
        facts += [("free tier", c.free), ("unit", c.unit), ("limits", c.limits)]
        free = say("{n} units a month", n=f"{c.free_units:,}") if c.free_units else None
        facts += [("free", free), ("checked", c.checked)]
        lines = [f"  {say(name)}: {translated(str(value))}" for name, value in facts if value]
        if c.generative:
            told = [say("needs {what}", what=translated(c.generative.needs)), c.generative.note]
            told.append(say("checked {date}", date=c.generative.checked))
            lines.append(f"  {say('generative')}: {'; '.join(map(translated, told))}")
        blocks.append("\n".join([f"{c.operation}: {say(c.status)}", *lines]))
    return "\n".join(blocks)


def _ended(retirement: Retirement) -> str:
    service, what, instead = map(translated, (retirement.service, retirement.what, retirement.instead))
    return f"  {retirement.date}  {service}: {what} ({say('instead')}: {instead})"


def voices(options: argparse.Namespace) -> int:
    """Print the voices of a provider, as a table, as JSON or as CSV, and return the exit code 0."""
    require_one_output(options)
    require_writable(options.csv, [options.env_file])
    # A list of voices costs nothing, so no journal and no plan are needed.
    names = provider_names(options)
    with Client(names[0] if len(names) == 1 else names) as client:
        voices = client.voices(options.language, timeout=options.timeout)
    if options.json:
        for voice in voices:
            print(json_of(voice.model_dump()))
    if options.csv:
        write_table(voices.table(), options.csv, None)
    elif not options.json:
        rows = [{**voice.model_dump(), "languages": " ".join(voice.languages)} for voice in voices]
        print_table(Table(rows).filled(), say("--csv FILE writes all of it.")) if rows else print(voices)
    if options.language and not len(voices):
        tell(
            say(
                "{provider} has no voice for {language}. Leave out --language to see all voices.",
                provider=options.provider,
                language=options.language,
            )
        )
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Print where each setting of each provider was found, or that it is missing; show only the end of a key.

    Returns:
        The exit code: with ``--check`` that of `cli.check.check`, and 0 with ``--report``. Otherwise it is 1 if a
        provider was named and none of its operations can be called, else 0.

    Raises:
        InputError: Options exclude each other, or one has no effect.
        SettingsError: There is no provider of the name.
    """
    classes, problems = ({options.name: find(options.name)}, []) if options.name else usable()
    if options.report and options.check:
        raise InputError("--report and --check do different things", advice="Leave one out.")
    if options.yes and not options.check:
        raise InputError("--yes goes with --check", advice="Give both, or none.")
    asked, rows, readiness = list[Provider](), list[dict[str, Any]](), list[str]()
    for name, kind in classes.items():
        try:
            provider = kind()
            seen = [*_settings(provider)], [*_readiness(provider)]
        # One provider that is broken must not hide the settings of the others.
        except Exception as error:  # noqa: BLE001  # a provider of another distribution may raise anything
            readiness.append(inert(f"{name}: {say('unusable')} ({type(error).__name__}: {translated(str(error))})"))
        else:
            asked.append(provider)
            rows += seen[0]
            readiness += seen[1]
    # Cells are not cut, because a path that is cut short is of no use.
    settings = Table(rows, SETTING_COLUMNS, widest_cell=200)
    readiness += [translated(str(problem)) for problem in problems]
    if options.report:
        from cloudai.cli.check import report

        print(report(settings, readiness))
        return 0
    if options.check:
        from cloudai.cli.check import check

        return check(asked, yes=options.yes)
    print_table(settings, say(WIDER), most=len(settings))
    print()
    print("\n".join(readiness))
    # Without a name the table is the answer: hardly anybody has set up all vendors.
    return int(bool(options.name) and not any(map(_ready, asked)))


WIDER = "A wider window shows them."
"""The advice for a table with more columns than the window of the terminal has room for."""
SETTING_COLUMNS = ("provider", "setting", "found", "where", "value", "purpose")
"""Columns of the table of settings."""


def _settings(provider: Provider) -> Iterator[dict[str, Any]]:
    for setting in provider.settings:
        try:
            lookup, problem = provider.unchecked(setting.name), None
            if lookup:
                lookup = provider.lookup(setting.name)
        except SettingsError as error:
            lookup, problem = None, error
        yield {
            "provider": provider.name,
            "setting": setting.name,
            "found": say("unusable") if problem else say("yes") if lookup else say("no"),
            "where": _source(lookup)
            if lookup
            else translated(str(problem))
            if problem
            else say(" or ").join(setting.env),
            "value": shown(setting, lookup.value) if lookup else None,
            "purpose": say(setting.purpose),
        }


def _source(lookup: Lookup) -> str:
    where = translated(lookup.where)
    return say("{where}, without the quotation marks", where=where) if lookup.quoted else where


def _ready(provider: Provider) -> list[str]:
    """Return the operations that can be called with the settings at hand."""
    able = provider.capabilities()
    return [each for each in OPERATIONS if able[each].available and _missing(provider, each) is None]


def _missing(provider: Provider, operation: str) -> str | None:
    """Return what an operation lacks, or why a setting of it cannot be used; None where it can be called."""
    try:
        return provider.missing(operation)
    except SettingsError as error:
        return str(error)


def _readiness(provider: Provider) -> Iterator[str]:
    """Yield a line that says what can be called, and a line for each thing that is missing."""
    ready = _ready(provider)
    hosts = ", ".join(map(translated, _destinations(provider))) or say("nothing leaves this computer")
    can = say("ready for {operations}", operations=", ".join(ready)) if ready else say("not ready")
    yield f"{provider.name}: {can} ({hosts})"
    # Several operations often lack the same key, which is told once.
    lacking: dict[str, list[str]] = {}
    for operation, able in provider.capabilities().items():
        if able.available and (problem := _missing(provider, operation)):
            lacking.setdefault(problem, []).append(operation)
    for problem, operations in lacking.items():
        yield f"  {', '.join(operations)}: {translated(problem)}"
    if provider.generative:
        yield f"  --method generative: {translated(provider.generative_missing() or say('ready'))}"
        if notice := provider.generative_notice():
            yield f"  {translated(notice)}"


def _destinations(provider: Provider) -> tuple[str, ...]:
    try:
        return provider.destinations()
    except SettingsError:
        return provider.hosts  # what cannot be used is in the table


def demo(options: argparse.Namespace) -> int:
    """Run both examples on photos, and return the exit code; see `cli.demo.run`."""
    from cloudai.cli.demo import run

    return run(Path(options.out), options.folder, open_page=options.open)


def models(options: argparse.Namespace) -> int:
    """List, install or remove optional models, and return the exit code; see `cli.models.run`."""
    from cloudai.cli.models import run

    return run(options)
