"""The parser of the command line: all commands, each with its arguments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from cloudai._version import __version__
from cloudai.cli import batches, commands, comparisons, films, flags, plots, reports, sharing, values
from cloudai.cli.languages import language, translate
from cloudai.cli.summary import TABLES_OF
from cloudai.models.tables import TABLES as KINDS_OF_TABLES
from cloudai.operations import OPERATIONS, REQUIRED, Command, Operation
from cloudai.wording import spoken

__all__ = ["parser_of_command"]

EPILOG = """\
examples:
  cloudai demo 사진/ --open                          faces on your own photos, with no account
  cloudai faces photos/ --csv faces.csv             every photo of a folder, as a table for Excel
  cloudai analyze "photos/*.jpg" --provider google  what is in them
  cloudai faces photos/ --provider azure --pace free --plan   first: requests, minutes, where the photos go
  cloudai faces lawmakers.csv --column 사진 --provider azure --pace 20/min --csv faces.csv
  cloudai faces 연설.mp4 --every 0.5s --csv 연설.csv   the faces of a video over time, each under a number
  cloudai read 계약서.pdf --provider azure --out text  the text of every page, one file each
  cloudai sentiment "맛있어요!" --language ko --provider google
  cloudai gallery photos/ --provider azure --pace free --tiles faces   a page that sorts, filters and searches
  cloudai cards --journal cloudai-analyze-image-azure.journal --language ko   from what is paid for: nothing is sent
  cloudai plot faces.csv --kind bars --language ko  a chart of what is kept: bars, lines, ages, a map
  cloudai voices --language ko --provider azure     who can read Korean texts aloud
  cloudai say "안녕하세요!" --provider azure --voice ko-KR-SunHiNeural --out 소리
  cloudai faces photos/ --provider azure,google,local   google answers where azure does not, and local at last
  cloudai compare faces photos/ --provider azure,google --html faces.html   whom to trust on these pictures
  cloudai doctor                                    which keys are set

exit codes: 0 all well, 1 an input failed or a limit was reached, 2 nothing (more) could be done, 74 the journal or the
table cannot be written, 75 the same command goes on later, 130 and 143 after a signal, 141 nobody reads the output

Expressions and ages are guesses about appearance; nobody is ever named.
"""


def parser_of_command() -> argparse.ArgumentParser:
    """Return the parser of the command line, whose texts are in the user's language."""
    return _parser_in(spoken())


@cache  # a program that runs several commands makes their hundreds of options once
def _parser_in(_language: str) -> argparse.ArgumentParser:
    """Return the parser of the command line in the user's language; the argument is only the key of the cache."""
    parser = _parser()
    translate(parser)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser that raises OSError if its help cannot be written to standard output, which argparse ignores."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is not None and file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="cloudai",
        description="Cloud vision, language and speech, and an engine of your own computer, by one command.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    language(parser)
    parser.add_argument("--version", action="version", version=f"cloudai {__version__}")
    # `env_file` is read before every command runs, also before one that does not have the flag.
    parser.set_defaults(env_file=None)
    subparsers = parser.add_subparsers(required=True, metavar="command")
    _demo(subparsers)
    for operation in OPERATIONS.values():
        if operation.command:
            _operation(subparsers, operation, operation.command)
    _compare(subparsers)
    _reports(subparsers)
    _plot(subparsers)
    _journal(subparsers)
    _share(subparsers)
    _cache(subparsers)
    _voices(subparsers)
    _about_providers(subparsers)
    return parser


def _demo(subparsers: Any) -> None:
    """Add the demo command, which finds faces on photos and needs no account."""
    demo = flags.add_command(subparsers, "demo", commands.demo, "find faces on real photos, with no account")
    demo.add_argument(
        "folder",
        nargs="?",
        type=values.text,
        metavar="FOLDER",
        help="your own photos; by default those of the extra demo",
    )
    demo.add_argument(
        "--out", type=values.text, default="cloudai-demo", metavar="DIR", help="where to write (default: %(default)s)"
    )
    demo.add_argument("--open", action="store_true", help="open the page in the browser")


def _compare(subparsers: Any) -> None:
    """Add the command that compares providers, and in it one for each operation whose results can be compared."""
    text = "ask several providers the same, and say how far they agree"
    compare = flags.add_command(subparsers, "compare", None, text).add_subparsers(required=True, metavar="operation")
    for operation in OPERATIONS.values():
        # Two voices that read a text have nothing in common that could be measured.
        if operation.command and operation.name != "text_to_speech":
            # A comparison writes tables and a page, and no files of single results.
            words = replace(operation.command, provider="azure,google", files=None)
            parser = _operation(compare, operation, words, tables=())
            parser.set_defaults(carry_out=comparisons.run)
            group = parser.add_argument_group("comparison")
            _comparison(group)
            parser.set_defaults(feature=None)
            if operation.name == "analyze_image":
                group.add_argument(
                    "--compared",
                    dest="feature",
                    choices=comparisons.OF_PICTURES,
                    help="what is compared (default: what is asked)",
                )


def _comparison(group: Any) -> None:
    """Add the flags of a comparison."""
    group.add_argument(
        "--truth",
        type=values.text,
        metavar="CSV",
        help="what is true: a column input, and x … height, name, text or label",
    )
    group.add_argument("--html", type=values.text, metavar="FILE", help="write all of it as a page that loads nothing")
    group.add_argument("--page-language", choices=["en", "ko"], default="en", help="the page's own words")
    group.add_argument("--table", choices=comparisons.TABLES, help="the table to print or to write")
    group.add_argument("--agreed", type=values.count, default=2, metavar="K", help="providers that agree (default: 2)")
    group.add_argument(
        "--overlap", type=float, default=0.5, metavar="X", help="boxes are one thing from X on (default: 0.5)"
    )


def _operation(
    subparsers: Any, operation: Operation, words: Command, tables: Sequence[str] | None = None
) -> argparse.ArgumentParser:
    """Add the command of an operation: its inputs, its flags, and the flags that all such commands have."""
    # Images and recordings are given as paths or URLs, and texts as arguments or as the lines of a file (--lines).
    over_texts = operation.input == "text"
    parser = flags.add_command(
        subparsers, words.name, batches.over_texts if over_texts else batches.over_files, words.help
    )
    # A comparison reads its inputs in the same way and replaces what is done with them; see `_compare`.
    parser.set_defaults(operation=operation, carry_out=batches.run)
    if over_texts:
        parser.add_argument("texts", nargs="*", metavar="TEXT", help="a text in quotes")
        parser.add_argument(
            "--lines", type=values.text, metavar="FILE", help="a file with one text a line; - reads standard input"
        )
    else:
        parser.add_argument(
            "paths",
            type=values.text,
            nargs="+",
            metavar="FILE",
            help="files, folders, patterns such as 'photos/*.jpg', URLs, or a table",
        )
        parser.add_argument("--recursive", action="store_true", help="look through the folders within folders, too")
        flags.add_fetching(parser)
    if operation.input == "image":
        films.add_flags(parser, values.number, values.count)
    for name, flag in words.flags.items():
        flags.add_flag(parser, name, flag, required=operation.options[name] is REQUIRED)
    for name, flag in words.settings.items():
        flags.add_flag(parser, name, flag)
    flags.add_output(parser, words.provider, TABLES_OF.get(operation.name, ()) if tables is None else tables)
    # `out` is read for every operation, so it needs a value even where the command has no --out.
    parser.set_defaults(out=None)
    if words.files:
        parser.add_argument("--out", type=values.text, metavar="DIR", help=words.files)
    for name, text in words.writes.items():
        if name == "compare":
            parser.add_argument("--compare", type=values.text, metavar="FILE", help=text)
        else:
            parser.add_argument(f"--{name}", action="store_true", help=text)
    if words.writes:
        parser.add_argument(
            "--out", type=values.text, metavar="DIR", help="write these files there (default: this folder)"
        )
    flags.add_batch(parser)
    return parser


def _reports(subparsers: Any) -> None:
    """Add the commands that show results as pages and pictures."""
    page = _report(
        subparsers,
        "gallery",
        reports.as_gallery,
        "a page that sorts, filters, searches and enlarges pictures",
        "the file to write (gallery.html)",
    )
    page.add_argument(
        "--tiles",
        choices=["pictures", "portraits", "faces"],
        help="a tile a picture, one of its largest face, or one a face",
    )
    page.add_argument("--columns", type=values.words, metavar="A,B", help="the columns that are shown, in this order")
    page.add_argument("--link", type=values.text, metavar="COLUMN", help="your column with the address of each tile")
    page.add_argument("--xlsx", type=values.text, metavar="FILE", help="also a workbook of Excel, with small pictures")

    cards = _report(
        subparsers,
        "cards",
        reports.as_cards,
        "a card with a caption for each picture, and a GIF of them",
        "the folder to write to (cloudai-cards)",
    )
    cards.add_argument("--formats", type=values.words, metavar="A,B", help="of gif, webp, mp4, html (gif)")
    cards.add_argument("--size", choices=["square", "story", "wide"], help="the shape of the cards (square)")
    cards.add_argument("--theme", choices=["dark", "light", "paper", "blue"], help="the colours of the cards (dark)")
    cards.add_argument("--logo", type=values.text, metavar="FILE", help="a picture for the corner of each card")
    cards.add_argument(
        "--min-confidence", type=values.fraction, metavar="0-1", help="leave out captions that are less sure"
    )
    cards.add_argument("--seconds", type=values.seconds, metavar="S", help="how long a GIF shows each card (2)")
    cards.add_argument("--font", type=values.text, metavar="FILE", help="a font that has the letters of the captions")

    drawings = _report(
        subparsers,
        "draw",
        reports.as_drawings,
        "pictures with boxes, single faces, a contact sheet, a strip, a morph, a video, its moments, a page over time",
        "the folder or file to write (cloudai-drawn)",
    )
    drawings.add_argument(
        "--make",
        choices=["drawn", "faces", "sheet", "strip", "morph", "video", "moments", "timeline"],
        default="drawn",
        help="video, moments and timeline are of the frames of videos (default: %(default)s)",
    )
    drawings.add_argument(
        "--kinds", type=values.words, metavar="A,B", help="what is drawn: face, object, person, text …"
    )
    drawings.add_argument(
        "--smooth", type=values.above, metavar="S", help="smooth the lines of a page over time in windows of S seconds"
    )
    drawings.add_argument(
        "--without",
        type=values.words,
        metavar="A,B",
        help="emotions to leave out of a page over time, for example neutral",
    )
    drawings.add_argument("--no-labels", action="store_true", help="draw boxes alone")
    drawings.add_argument("--of", choices=["faces", "pictures"], default="faces", help="what a sheet or strip shows")
    drawings.add_argument("--shape", choices=["rectangle", "rounded", "circle"], help="the shape of single faces")
    drawings.add_argument("--margin", type=values.margin, metavar="SHARE", help="the margin around a face (0.4)")
    drawings.add_argument("--aspect", type=values.aspect, metavar="W:H", help="width to height of a face (3:4)")
    drawings.add_argument("--font", type=values.text, metavar="FILE", help="a font that has the letters of the labels")


def _plot(subparsers: Any) -> None:
    """Add the command that draws charts."""
    chart = flags.add_command(
        subparsers, "plot", plots.as_plot, "a chart of a table or of results: bars, lines, ages, a map"
    )
    chart.description = (
        f"{chart.description} Made of what is kept: a table (CSV, Parquet, JSON Lines), what --json has printed, "
        "or a journal. Nothing is sent."
    )
    chart.add_argument("file", type=values.text, metavar="FILE", help="a table, a file of results, a journal, or -")
    chart.add_argument(
        "--encoding", type=values.text, metavar="NAME", help="how a table is encoded, where it is not certain"
    )
    chart.add_argument("--kind", choices=["bars", "lines", "ages", "map"], help="the kind of chart (by the columns)")
    chart.add_argument(
        "--x", type=values.text, metavar="COLUMN", help="what is along the bottom: names, times, dates, numbers"
    )
    chart.add_argument("--y", type=values.words, metavar="A,B", help="the columns of values; several need one unit")
    chart.add_argument("--by", type=values.words, metavar="A,B", help="the columns that tell the series apart")
    chart.add_argument(
        "--where",
        type=values.equal,
        action="append",
        metavar="COLUMN=VALUE",
        help="only rows with this value; several times",
    )
    chart.add_argument("--without", type=values.words, metavar="A,B", help="series to leave out, for example neutral")
    chart.add_argument(
        "--smooth", type=values.above, metavar="WIDTH", help="smooth lines in a window of this width along x"
    )
    chart.add_argument(
        "--average", action="store_true", help="draw the mean of the values of a bar, and the values on it"
    )
    chart.add_argument(
        "--picture", type=values.text, metavar="COLUMN", help="the column with the picture of each value"
    )
    chart.add_argument(
        "--born", type=values.text, metavar="DATE", help="the date of birth, for the true age: 1961-08-04"
    )
    chart.add_argument(
        "--event",
        type=values.dated,
        action="append",
        metavar="DATE=TEXT",
        help="a note at a date, or a shaded stretch of two: 2009-01-20/2017-01-20=text; several times",
    )
    chart.add_argument("--table", choices=sorted(KINDS_OF_TABLES), help="what of the results is drawn")
    chart.add_argument("--title", type=values.text, metavar="TEXT", help="the heading (the name of the file)")
    chart.add_argument("--language", choices=["en", "ko"], help="the language of the reader (en)")
    chart.add_argument(
        "--out", type=values.text, metavar="FILE", help="the file to write: .html, .png, .svg or .pdf (plot.html)"
    )


def _report(subparsers: Any, name: str, run: Any, text: str, out: str) -> argparse.ArgumentParser:
    """Add a command that shows results, with the flags that all of these have, and return its parser."""
    parser = flags.add_command(subparsers, name, run, text)
    parser.description = (
        f"{parser.description} Made of pictures, which are analysed first; or of what is kept already, without asking "
        "anybody again: a journal (--journal FILE alone), or a file that --csv or --json has written."
    )
    parser.set_defaults(operation=OPERATIONS["analyze_image"])
    parser.add_argument(
        "paths",
        type=values.text,
        nargs="*",
        metavar="FILE",
        help="pictures, folders, patterns, a table, or a file of results",
    )
    parser.add_argument("--out", type=values.text, metavar="PATH", help=out)
    parser.add_argument("--recursive", action="store_true", help="look through the folders within folders, too")
    flags.add_fetching(parser)
    parser.add_argument(
        "--photos", type=values.text, metavar="DIR", help="where the pictures of a journal or a file are now"
    )
    parser.add_argument("--name", type=values.text, metavar="COLUMN", help="your column with the names")
    parser.add_argument("--title", type=values.text, metavar="TEXT", help="the heading of the page")
    parser.add_argument("--language", choices=["en", "ko"], help="the language of the reader (en)")
    parser.add_argument("--features", type=values.words, metavar="A,B", help="what to look for in pictures")
    parser.add_argument(
        "--provider", type=values.text, default="local", metavar="NAME", help="who looks (default: %(default)s)"
    )
    parser.add_argument(
        "--method",
        choices=["classic", "generative"],
        help="what answers: a service for this very task, or the provider's chat model",
    )
    parser.add_argument("--timeout", type=values.seconds, metavar="S", help="seconds for each input, retries included")
    flags.add_env_file(parser)
    films.add_flags(parser, values.number, values.count)
    flags.add_batch(parser)
    return parser


def _journal(subparsers: Any) -> None:
    """Add the command that shows, exports, merges and edits journals."""
    journal = flags.add_command(subparsers, "journal", batches.journal, "what a journal holds, and what is in doubt")
    journal.add_argument("file", metavar="FILE", help='the journal of a batch; the word "merge" makes one of several')
    journal.add_argument("more", nargs="*", metavar="JOURNAL", help="after merge: the journals, which stay as they are")
    journal.add_argument("--out", type=values.text, metavar="FILE", help="after merge: the new journal")
    journal.add_argument("--batch", type=int, metavar="N", help="the batch to write out, where it holds several")
    journal.add_argument(
        "--csv", type=values.text, metavar="FILE", help="write what was found for Excel; - prints it as plain CSV"
    )
    journal.add_argument("--rows", action="store_true", help="with --csv: one row an input, with attempts and times")
    journal.add_argument("--json", action="store_true", help="print one JSON object an input")
    journal.add_argument(
        "--forget",
        type=values.text,
        metavar="INPUT",
        help="delete all that is kept of one input, here and in the cache",
    )


def _share(subparsers: Any) -> None:
    """Add the command that serves a journal to workers on many computers."""
    share = flags.add_command(
        subparsers, "share", sharing.share, "own one journal and one pace for workers on many computers, until Ctrl-C"
    )
    share.add_argument("--journal", type=values.text, required=True, metavar="FILE", help="the journal of all workers")
    share.add_argument(
        "--pace", type=values.text, metavar="RATE", help='requests of all workers at most: 20/min, "10/s"'
    )
    share.add_argument(
        "--listen",
        type=values.text,
        default="127.0.0.1:8399",
        metavar="HOST:PORT",
        help="where to listen; 0.0.0.0 is every network of this computer (default: %(default)s)",
    )
    share.add_argument("--cert", type=values.text, metavar="FILE", help="a certificate (PEM), for connections with TLS")
    share.add_argument("--key", type=values.text, metavar="FILE", help="its key, where that is another file")
    share.description = (
        "Own one journal and one pace, and serve them to workers on many computers. The secret that they share is in "
        "the environment variable CLOUDAI_KEEPER_SECRET, here and there. See docs/many-machines.md."
    )
    flags.add_env_file(share)


def _cache(subparsers: Any) -> None:
    """Add the command that shows the location and the size of the cache of earlier answers, or clears it."""
    cache = flags.add_command(
        subparsers, "cache", batches.cache, "the answers of earlier batches, which are not paid for again"
    )
    cache.description = (
        "Show where the answers of earlier batches are kept, and how much space they take. They are used with any "
        "journal. Replies may hold personal data. CLOUDAI_CACHE_DIR is the folder, CLOUDAI_CACHE_MB the maximum size "
        "(500; 0 turns the cache off)."
    )
    cache.add_argument("--clear", action="store_true", help="delete all of it")


def _voices(subparsers: Any) -> None:
    """Add the command that lists voices."""
    voices = flags.add_command(
        subparsers, "voices", commands.voices, "which voices can read texts aloud, for `cloudai say`"
    )
    voices.add_argument("--language", type=values.text, metavar="CODE", help="only those that speak it, e.g. ko")
    flags.add_output(voices, "local", each="a voice", asks_models=False)


def _about_providers(subparsers: Any) -> None:
    """Add the commands "providers", "models" and "doctor"."""
    providers = flags.add_command(
        subparsers, "providers", commands.providers, "what each provider can do, and since when"
    )
    providers.add_argument("name", nargs="?", help="one provider, in detail")
    providers.add_argument("--markdown", action="store_true", help="the table as Markdown")

    models = flags.add_command(subparsers, "models", commands.models, "optional models of the engine on this computer")
    models.add_argument("action", nargs="?", choices=["list", "install", "remove"], default="list")
    models.add_argument("name", nargs="?", metavar="NAME", help="the model, for example ages")
    models.add_argument("--yes", action="store_true", help="install without asking")

    doctor = flags.add_command(subparsers, "doctor", commands.doctor, "which settings are there, and which are missing")
    doctor.add_argument("name", nargs="?", help="one provider")
    doctor.add_argument(
        "--check", action="store_true", help="make the smallest call of each service; says what, and asks, before"
    )
    doctor.add_argument("--yes", action="store_true", help="with --check: send without asking")
    doctor.add_argument("--report", action="store_true", help="print what a bug report needs, without keys and values")
    flags.add_env_file(doctor)
