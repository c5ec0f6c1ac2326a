"""The flags that several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cloudai.cli import values
from cloudai.cli.languages import language
from cloudai.operations import Flag

__all__ = ["add_batch", "add_command", "add_env_file", "add_fetching", "add_flag", "add_output"]


def add_command(subparsers: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    """Add a command that calls ``run``, and return its parser; ``text`` says in the help what it is for."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}."
    )
    parser.set_defaults(run=run, parser=parser)
    language(parser)
    return parser


def add_flag(parser: argparse.ArgumentParser, name: str, flag: Flag, *, required: bool = False) -> None:
    """Add a flag from the table of operations; its value is None if the user does not give it."""
    spelling = f"--{name.replace('_', '-')}"
    if flag.kind in ("switch", "off"):
        # The value of a flag that is not given is None, and neither True nor False, so that the default of the
        # operation counts.
        spelling = spelling if flag.kind == "switch" else f"--no-{spelling[2:]}"
        parser.add_argument(spelling, dest=name, action="store_const", const=flag.kind == "switch", help=flag.help)
        return
    # The table of operations names kinds and no functions, because it must not import the command.
    kinds = {
        "count": values.count,
        "number": values.number,
        "words": values.words,
        "text": values.text,
        "file": values.text,
    }
    parser.add_argument(spelling, type=kinds[flag.kind], required=required, metavar=flag.metavar, help=flag.help)


def add_output(
    parser: argparse.ArgumentParser,
    provider: str,
    tables: Sequence[str] = (),
    *,
    each: str = "an input",
    asks_models: bool = True,
) -> None:
    """Add the flags that say who answers, and how the answers are written.

    Args:
        parser: The parser of the command.
        provider: The provider, or the providers, that are asked by default.
        tables: The kinds of tables that the answers can be divided into.
        each: The thing that each line of JSON stands for.
        asks_models: Whether a chat model can answer, too.
    """
    who = "who is asked" if "," in provider else "who answers; of azure,google the second what the first does not"
    parser.add_argument(
        "--provider", type=values.text, default=provider, metavar="NAME", help=f"{who} (default: %(default)s)"
    )
    if asks_models:
        parser.add_argument(
            "--method",
            choices=["classic", "generative"],
            help="what answers: a service for this very task, or the provider's chat model",
        )
    parser.add_argument("--json", action="store_true", help=f"print one JSON object {each} instead of a table")
    parser.add_argument(
        "--csv",
        type=values.text,
        metavar="FILE",
        help="write the table for Excel (.csv, .xlsx), or as .parquet or .jsonl; - prints it as plain CSV",
    )
    parser.set_defaults(table=None)
    if len(tables) > 1:
        parser.add_argument("--table", choices=tables, help="only what is of this kind, with columns of its own")
    parser.add_argument(
        "--timeout", type=values.seconds, metavar="S", help="seconds for each call, retries included; above 0"
    )
    add_env_file(parser)


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a batch: its plan, its pace, its journal and its limits."""
    group = parser.add_argument_group("many inputs")
    group.add_argument("--plan", action="store_true", help="say what would be sent, where and how long; send nothing")
    group.add_argument(
        "--pace",
        type=values.text,
        metavar="RATE",
        help='requests at most: 20/min, "10/s, 1000/day", or free for the free tier',
    )
    group.add_argument(
        "--journal",
        type=values.text,
        metavar="FILE",
        help="file that keeps what is paid for, so that the same command goes on from it; by default a file in this "
        "folder if many inputs go to a provider; the word none keeps nothing",
    )
    group.add_argument(
        "--column", type=values.text, metavar="NAME", help="the column of a CSV or TSV that holds the inputs"
    )
    group.add_argument(
        "--encoding",
        type=values.text,
        metavar="NAME",
        help="how the table or the lines are encoded, where it is not certain",
    )
    group.add_argument(
        "--max-requests", type=values.whole, metavar="N", help="billed requests at most, all runs together; exit code 1"
    )
    group.add_argument(
        "--max-units", type=values.whole, metavar="N", help="billed units at most, all runs together; exit code 1"
    )
    group.add_argument("--price", type=float, metavar="USD", help="price of 1,000 units; the plan tells the cost")
    group.add_argument("--concurrency", type=values.count, metavar="N", help="requests in flight at most")
    group.add_argument("--in-doubt", choices=["resend", "skip"], help="inputs that were sent before without an answer")
    group.add_argument("--no-cache", action="store_true", help="ask anew for what earlier batches have paid for")
    group.add_argument("--quiet", action="store_true", help="show no progress")


def add_env_file(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names a file of settings."""
    parser.add_argument("--env-file", type=values.text, metavar="FILE", help="read settings from this file, e.g. .env")


def add_fetching(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say what is done with inputs that are URLs."""
    parser.add_argument("--fetch-urls", action="store_true", help="fetch URLs here and send what is there")
    parser.add_argument(
        "--keep-fetched",
        type=values.text,
        metavar="DIR",
        help="with --fetch-urls: keep the fetched files there, for pages; without it none is kept",
    )
