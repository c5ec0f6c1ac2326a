"""The command ``cloudai compare``, which asks several providers for the same inputs and says how far they agree."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cloudai.batch.journal import copy_of
from cloudai.batch.shared.address import is_address
from cloudai.cli.batches import provider_of, settings_of
from cloudai.cli.outputs import require_one_output, require_writable, tell, write_table
from cloudai.cli.running import IO_ERROR, PAUSED, code_of, fetch_rules, journal_path, provider_names, tell_where
from cloudai.client import Client
from cloudai.compare.choosing import OF_PICTURES
from cloudai.compare.results import Comparison
from cloudai.errors import OutputError, PausedError, SettingsError
from cloudai.media.video import Frames
from cloudai.table import Table, json_of
from cloudai.wording import say, translated

__all__ = ["OF_PICTURES", "TABLES", "run"]

TABLES = ("pairs", "inputs", "matches", "providers", "truth", "agreed")
"""The tables of a comparison, by the names that ``--table`` has for them."""


def run(options: argparse.Namespace, given: list[str] | Table | Frames, read: Iterable[str | None]) -> int:
    """Plan a comparison or carry it out, and return the exit code.

    Args:
        options: The arguments of the command.
        given: The inputs.
        read: The files that hold the inputs, which the table must not overwrite.
    """
    require_one_output(options)
    _require_sense(options)
    chosen, settings = settings_of(options)
    # Each provider has a price of its own.
    if settings.pop("price", None) is not None:
        raise SettingsError(
            "--price is of one provider", advice="Leave it out: a comparison in Python takes a price for each provider."
        )
    where = journal_path(options, given)
    for path, is_table, flag in ((options.csv, True, "--csv"), (options.html, False, "--html")):
        require_writable(path, [*read, options.truth, options.env_file, where], is_table=is_table, flag=flag)
    settings |= {"options": chosen, "journal": where}
    name = options.operation.name
    with Client(provider_of(options), fetch_urls=fetch_rules(options) or False) as client:
        if options.plan:
            # A plan writes nothing into the journal, and can be made while the comparison runs.
            with copy_of(where if isinstance(where, Path) else None) as (copied, _):
                _plan(client, options, given, {**settings, "journal": copied})
            return 0
        how = {"truth": options.truth, "overlap": options.overlap, "feature": options.feature}
        try:
            compared = client.compare(name, given, **how, **settings)
        except (KeyboardInterrupt, PausedError):
            tell_where(where)
            raise
    try:
        _written_as_page(compared, options)
    finally:  # what was paid for is shown also if the page cannot be written
        _written(compared, options, where)
    _tell_errors(compared)
    # That the journal cannot be written, or that the same command goes on later, matters more to a script than that an
    # input has failed.
    codes = {code_of(problem) for problem in compared.problems.values()}
    for code in (IO_ERROR, PAUSED):
        if code in codes:
            return code
    return int(any(outcome.result is None for each in compared.outcomes.values() for outcome in each))


def _require_sense(options: argparse.Namespace) -> None:
    """Raise SettingsError for options that ask for nothing, or for what no comparison has."""
    if is_address(options.journal):  # a plan would not say it, because it opens no journal of a keeper
        raise SettingsError("a keeper cannot keep the journal of this", advice="Give the path of a file.")
    several = len(provider_names(options))
    if several < 2:  # noqa: PLR2004
        raise SettingsError("one provider cannot be compared", advice="Give several: --provider azure,google.")
    if options.table == "truth" and not options.truth:
        raise SettingsError("there is no reference", advice="Give --truth CSV.")
    if options.agreed > several:
        raise SettingsError(f"--agreed {options.agreed}", advice=f"Give 1 to {several}, the number of providers.")


def _tell_errors(compared: Comparison) -> None:
    """Print why a provider has not answered everything, each reason once."""
    # The errors that ended a whole provider are told before those of single inputs.
    reasons = dict.fromkeys(map(str, compared.problems.values()), 0)
    for outcomes in compared.outcomes.values():
        for outcome in outcomes:
            if outcome.result is None and outcome.status != "not_started":
                reasons[str(outcome.error)] = reasons.get(str(outcome.error), 0) + 1
    for reason, n in reasons.items():
        said = translated(reason)
        tell(say("{reason} ({n} inputs)", reason=said, n=n) if n > 1 else said)


def _plan(client: Client, options: argparse.Namespace, given: Any, settings: dict[str, Any]) -> None:
    """Print what each provider would be sent."""
    for provider in client.providers:
        with (
            Client(provider, fetch_urls=fetch_rules(options) or False) as one,
            one.batch(options.operation.name, given, **settings) as job,
        ):
            print(f"{provider.name}\n{job.plan()}")


def _written_as_page(compared: Comparison, options: argparse.Namespace) -> None:
    """Write the page, if one is asked for."""
    if not options.html:
        return
    from cloudai.report import save_comparison  # it comes with all of the reports

    try:
        title = f"{compared.operation}: {', '.join(compared.providers)}"
        save_comparison(compared, options.html, title=title, language=options.page_language)
    except OutputError as error:
        error.advice = "Give --html another name."
        raise
    print(say("wrote {file}", file=options.html))


def _written(compared: Comparison, options: argparse.Namespace, where: Any) -> None:
    """Print the comparison, or print or write one table of it."""
    if not (options.table or options.csv or options.json):
        shown = str(compared)
        for text in (*(f"{provider}: {why}" for provider, why in compared.unanswered.items()), compared.method):
            shown = shown.replace(text, translated(text))
        print(shown)
        return
    table = _table(compared, options)
    if options.json:
        for row in table:
            print(json_of(row))
    if options.csv:
        write_table(table, options.csv, where)
    elif not options.json:
        print(table.filled())


def _table(compared: Comparison, options: argparse.Namespace) -> Table:
    """Return the table that the user wants; by default that of the inputs."""
    tables = {
        "pairs": compared.per_pair,
        "inputs": compared.per_input,
        "matches": compared.per_match,
        "providers": compared.per_provider,
        "truth": compared.against_truth,
    }
    name = options.table or "inputs"
    return compared.agreed(options.agreed) if name == "agreed" else tables[name]()
