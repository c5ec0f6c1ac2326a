"""The command ``cloudai``: its arguments, its exit codes, and how it reports errors."""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

from cloudai._version import __version__
from cloudai.cli import batches, commands, comparisons, films, plots, reports, sharing
from cloudai.cli.languages import chosen_language, language, speaking, translate
from cloudai.cli.outputs import discard_output, tell
from cloudai.cli.running import IO_ERROR
from cloudai.cli.summary import TABLES_OF
from cloudai.errors import CloudAIError, JournalError, OutputError
from cloudai.models.tables import TABLES as KINDS_OF_TABLES
from cloudai.operations import OPERATIONS, REQUIRED, Command, Flag, Operation
from cloudai.wording import say, spoken, translated, using_everywhere

__all__ = ["main", "parser_of_command"]

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit code.

    Args:
        arguments: The arguments of the command; by default those of the process.

    Returns:
        0 if all went well, 1 if an input failed or a limit was reached, 2 if nothing (more) could be done, 74 if the
        journal or a table could not be written, 75 if the same command goes on later, 130 or 143 after Ctrl-C or a
        request to end, 141 if the output is no longer read.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            # A character that the console cannot show must not stop the run.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        # The language is chosen before the parser is made, because its help and its errors are in it, too.
        given, language = chosen_language(sys.argv[1:] if arguments is None else list(arguments))
        if language == "ko" and not all(map(_shows_hangul, (sys.stdout, sys.stderr))):
            language = "en"  # question marks help nobody
        with using_everywhere(language):
            return _run(given)
    # A batch catches Ctrl-C itself, and drains; this one came before or after it. 130 is what a shell expects of
    # SIGINT.
    except KeyboardInterrupt:
        return 130


def _shows_hangul(stream: Any) -> bool:
    """Return whether a stream can show Korean, as far as that is known."""
    try:
        "한".encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeError, LookupError):
        return False
    return True


def _run(arguments: list[str]) -> int:
    """Run the command that the arguments name, and return its exit code; print the help if they name none."""
    try:
        code = _parsed_and_run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()  # an error that comes only when Python ends would not give our exit code
    except BrokenPipeError:  # for example, `head` has read enough in `cloudai … | head`
        discard_output()
        return batches.UNREAD
    # Errors of files that are read are errors of cloudai by now. What is left comes from writing.
    except OSError as error:
        tell(
            say(
                "{file} cannot be written ({why})",
                file=error.filename or say("standard output"),
                why=translated(error.strerror or ""),
            )
        )
        discard_output()
        return IO_ERROR
    return code


def _parsed_and_run(arguments: list[str]) -> int:
    parser = parser_of_command()
    try:
        with speaking():
            if not arguments:
                parser.print_help()
                return 0
            options, unknown = parser.parse_known_args(arguments)
            if unknown:  # the parser of the command would show the usage of `cloudai` alone
                options.parser.error(say("unrecognized arguments: %s") % " ".join(unknown))
    except SystemExit:  # the help is printed, or an argument is wrong
        if sys.stdout is not None:
            sys.stdout.flush()
        raise
    return _code_of(options)


def _code_of(options: argparse.Namespace) -> int:
    """Run the command that was chosen, and return its exit code; print an error of cloudai on standard error."""
    try:
        # Warnings are shown while the command runs, and the handler is taken away again: the library itself must not
        # touch the logging of a program that calls main().
        with _told():
            _load_env_file(options)
            return int(options.run(options))
    except CloudAIError as error:
        tell(error)
        return IO_ERROR if isinstance(error, JournalError | OutputError) else 2


class _Teller(logging.Handler):
    """Prints what is logged on standard error, safely for the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        tell(translated(self.format(record)))


@contextmanager
def _told() -> Iterator[None]:
    """Print the warnings of the library on standard error, while the block runs."""
    log, handler = logging.getLogger("cloudai"), _Teller()
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


def _load_env_file(options: argparse.Namespace) -> None:
    if options.env_file:
        commands.load_env_file(options.env_file)


def parser_of_command() -> argparse.ArgumentParser:
    """Return the parser of the command line, in the language that is spoken."""
    return _parser_in(spoken())


@cache  # a program that runs several commands makes their hundreds of options once
def _parser_in(_language: str) -> argparse.ArgumentParser:
    """Return the parser of the command line in a language, which must be the one that is spoken."""
    parser = _parser()
    translate(parser)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser that does not keep silent when its help cannot be written, as that of argparse does."""

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

    demo = _command(subparsers, "demo", commands.demo, "find faces on real photos, with no account")
    demo.add_argument(
        "folder", nargs="?", type=_text, metavar="FOLDER", help="your own photos; by default those of the extra demo"
    )
    demo.add_argument(
        "--out", type=_text, default="cloudai-demo", metavar="DIR", help="where to write (default: %(default)s)"
    )
    demo.add_argument("--open", action="store_true", help="open the page in the browser")

    for operation in OPERATIONS.values():
        if operation.command:
            _operation(subparsers, operation, operation.command)
    _compare(subparsers)

    _reports(subparsers)
    _plot(subparsers)

    journal = _command(subparsers, "journal", batches.journal, "what a journal holds, and what is in doubt")
    journal.add_argument("file", metavar="FILE", help='the journal of a batch; the word "merge" makes one of several')
    journal.add_argument("more", nargs="*", metavar="JOURNAL", help="after merge: the journals, which stay as they are")
    journal.add_argument("--out", type=_text, metavar="FILE", help="after merge: the new journal")
    journal.add_argument("--batch", type=int, metavar="N", help="the batch to write out, where it holds several")
    journal.add_argument(
        "--csv", type=_text, metavar="FILE", help="write what was found for Excel; - prints it as plain CSV"
    )
    journal.add_argument("--rows", action="store_true", help="with --csv: one row an input, with attempts and times")
    journal.add_argument("--json", action="store_true", help="print one JSON object an input")
    journal.add_argument(
        "--forget", type=_text, metavar="INPUT", help="delete all that is kept of one input, here and in the cache"
    )

    share = _command(
        subparsers, "share", sharing.share, "own one journal and one pace for workers on many computers, until Ctrl-C"
    )
    share.add_argument("--journal", type=_text, required=True, metavar="FILE", help="the journal of all workers")
    share.add_argument("--pace", type=_text, metavar="RATE", help='requests of all workers at most: 20/min, "10/s"')
    share.add_argument(
        "--listen",
        type=_text,
        default="127.0.0.1:8399",
        metavar="HOST:PORT",
        help="where to listen; 0.0.0.0 is every network of this computer (default: %(default)s)",
    )
    share.add_argument("--cert", type=_text, metavar="FILE", help="a certificate (PEM), for connections with TLS")
    share.add_argument("--key", type=_text, metavar="FILE", help="its key, where that is another file")
    share.description = (
        "Own one journal and one pace, and serve them to workers on many computers. The secret that they share is in "
        "the environment variable CLOUDAI_KEEPER_SECRET, here and there. See docs/many-machines.md."
    )
    _env_file(share)

    cache = _command(subparsers, "cache", batches.cache, "the answers of earlier batches, which are not paid for again")
    cache.description = (
        "Show where the answers of earlier batches are kept, and how much space they take. They are used with any "
        "journal. Replies may hold personal data. CLOUDAI_CACHE_DIR is the folder, CLOUDAI_CACHE_MB the maximum size "
        "(500; 0 turns the cache off)."
    )
    cache.add_argument("--clear", action="store_true", help="delete all of it")

    voices = _command(subparsers, "voices", commands.voices, "which voices can read texts aloud, for `cloudai say`")
    voices.add_argument("--language", type=_text, metavar="CODE", help="only those that speak it, e.g. ko")
    _output(voices, "local", each="a voice", asks_models=False)

    providers = _command(subparsers, "providers", commands.providers, "what each provider can do, and since when")
    providers.add_argument("name", nargs="?", help="one provider, in detail")
    providers.add_argument("--markdown", action="store_true", help="the table as Markdown")

    models = _command(subparsers, "models", commands.models, "optional models of the engine on this computer")
    models.add_argument("action", nargs="?", choices=["list", "install", "remove"], default="list")
    models.add_argument("name", nargs="?", metavar="NAME", help="the model, for example ages")
    models.add_argument("--yes", action="store_true", help="install without asking")

    doctor = _command(subparsers, "doctor", commands.doctor, "which settings are there, and which are missing")
    doctor.add_argument("name", nargs="?", help="one provider")
    doctor.add_argument(
        "--check", action="store_true", help="make the smallest call of each service; says what, and asks, before"
    )
    doctor.add_argument("--yes", action="store_true", help="with --check: send without asking")
    doctor.add_argument("--report", action="store_true", help="print what a bug report needs, without keys and values")
    _env_file(doctor)
    return parser


def _command(subparsers: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}."
    )
    parser.set_defaults(run=run, parser=parser)
    language(parser)
    return parser


def _compare(subparsers: Any) -> None:
    """Add the command that compares providers, and in it one for each operation whose results can be compared."""
    text = "ask several providers the same, and say how far they agree"
    compare = _command(subparsers, "compare", None, text).add_subparsers(required=True, metavar="operation")
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
        "--truth", type=_text, metavar="CSV", help="what is true: a column input, and x … height, name, text or label"
    )
    group.add_argument("--html", type=_text, metavar="FILE", help="write all of it as a page that loads nothing")
    group.add_argument("--page-language", choices=["en", "ko"], default="en", help="the page's own words")
    group.add_argument("--table", choices=comparisons.TABLES, help="the table to print or to write")
    group.add_argument("--agreed", type=_count, default=2, metavar="K", help="providers that agree (default: 2)")
    group.add_argument(
        "--overlap", type=float, default=0.5, metavar="X", help="boxes are one thing from X on (default: 0.5)"
    )


def _operation(
    subparsers: Any, operation: Operation, words: Command, tables: Sequence[str] | None = None
) -> argparse.ArgumentParser:
    """Add the command of an operation: its inputs, its flags, and the flags that all such commands have."""
    # Pictures and recordings are named by files, and texts stand on the command line themselves.
    over_texts = operation.input == "text"
    parser = _command(subparsers, words.name, batches.over_texts if over_texts else batches.over_files, words.help)
    # A comparison reads its inputs in the same way and replaces what is done with them; see `_compare`.
    parser.set_defaults(operation=operation, carry_out=batches.run)
    if over_texts:
        parser.add_argument("texts", nargs="*", metavar="TEXT", help="a text in quotes")
        parser.add_argument(
            "--lines", type=_text, metavar="FILE", help="a file with one text a line; - reads standard input"
        )
    else:
        parser.add_argument(
            "paths",
            type=_text,
            nargs="+",
            metavar="FILE",
            help="files, folders, patterns such as 'photos/*.jpg', URLs, or a table",
        )
        parser.add_argument("--recursive", action="store_true", help="look through the folders within folders, too")
        _fetching(parser)
    if operation.input == "image":
        films.add_flags(parser, _number, _count)
    for name, flag in words.flags.items():
        _flag(parser, name, flag, required=operation.options[name] is REQUIRED)
    for name, flag in words.settings.items():
        _flag(parser, name, flag)
    _output(parser, words.provider, TABLES_OF.get(operation.name, ()) if tables is None else tables)
    # `out` is read for every command, also for one whose results are no files.
    parser.set_defaults(out=None)
    if words.files:
        parser.add_argument("--out", type=_text, metavar="DIR", help=words.files)
    for name, text in words.writes.items():
        if name == "compare":
            parser.add_argument("--compare", type=_text, metavar="FILE", help=text)
        else:
            parser.add_argument(f"--{name}", action="store_true", help=text)
    if words.writes:
        parser.add_argument("--out", type=_text, metavar="DIR", help="write these files there (default: this folder)")
    _batch(parser)
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
    page.add_argument("--columns", type=_words, metavar="A,B", help="the columns that are shown, in this order")
    page.add_argument("--link", type=_text, metavar="COLUMN", help="your column with the address of each tile")
    page.add_argument("--xlsx", type=_text, metavar="FILE", help="also a workbook of Excel, with small pictures")

    cards = _report(
        subparsers,
        "cards",
        reports.as_cards,
        "a card with a caption for each picture, and a GIF of them",
        "the folder to write to (cloudai-cards)",
    )
    cards.add_argument("--formats", type=_words, metavar="A,B", help="of gif, webp, mp4, html (gif)")
    cards.add_argument("--size", choices=["square", "story", "wide"], help="the shape of the cards (square)")
    cards.add_argument("--theme", choices=["dark", "light", "paper", "blue"], help="the colours of the cards (dark)")
    cards.add_argument("--logo", type=_text, metavar="FILE", help="a picture for the corner of each card")
    cards.add_argument("--min-confidence", type=_share, metavar="0-1", help="leave out captions that are less sure")
    cards.add_argument("--seconds", type=_seconds, metavar="S", help="how long a GIF shows each card (2)")
    cards.add_argument("--font", type=_text, metavar="FILE", help="a font that has the letters of the captions")

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
    drawings.add_argument("--kinds", type=_words, metavar="A,B", help="what is drawn: face, object, person, text …")
    drawings.add_argument(
        "--smooth", type=_above, metavar="S", help="smooth the lines of a page over time in windows of S seconds"
    )
    drawings.add_argument(
        "--without", type=_words, metavar="A,B", help="emotions to leave out of a page over time, for example neutral"
    )
    drawings.add_argument("--no-labels", action="store_true", help="draw boxes alone")
    drawings.add_argument("--of", choices=["faces", "pictures"], default="faces", help="what a sheet or strip shows")
    drawings.add_argument("--shape", choices=["rectangle", "rounded", "circle"], help="the shape of single faces")
    drawings.add_argument("--margin", type=float, metavar="SHARE", help="the margin around a face (0.4)")
    drawings.add_argument("--aspect", type=_aspect, metavar="W:H", help="width to height of a face (3:4)")
    drawings.add_argument("--font", type=_text, metavar="FILE", help="a font that has the letters of the labels")


def _plot(subparsers: Any) -> None:
    """Add the command that draws charts."""
    chart = _command(subparsers, "plot", plots.as_plot, "a chart of a table or of results: bars, lines, ages, a map")
    chart.description = (
        f"{chart.description} Made of what is kept: a table (CSV, Parquet, JSON Lines), what --json has printed, "
        "or a journal. Nothing is sent."
    )
    chart.add_argument("file", type=_text, metavar="FILE", help="a table, a file of results, a journal, or -")
    chart.add_argument("--encoding", type=_text, metavar="NAME", help="how a table is encoded, where it is not certain")
    chart.add_argument("--kind", choices=["bars", "lines", "ages", "map"], help="the kind of chart (by the columns)")
    chart.add_argument(
        "--x", type=_text, metavar="COLUMN", help="what is along the bottom: names, times, dates, numbers"
    )
    chart.add_argument("--y", type=_words, metavar="A,B", help="the columns of values; several need one unit")
    chart.add_argument("--by", type=_words, metavar="A,B", help="the columns that tell the series apart")
    chart.add_argument(
        "--where", type=_equal, action="append", metavar="COLUMN=VALUE", help="only rows with this value; several times"
    )
    chart.add_argument("--without", type=_words, metavar="A,B", help="series to leave out, for example neutral")
    chart.add_argument("--smooth", type=_above, metavar="WIDTH", help="smooth lines in a window of this width along x")
    chart.add_argument(
        "--average", action="store_true", help="draw the mean of the values of a bar, and the values on it"
    )
    chart.add_argument("--picture", type=_text, metavar="COLUMN", help="the column with the picture of each value")
    chart.add_argument("--born", type=_text, metavar="DATE", help="the date of birth, for the true age: 1961-08-04")
    chart.add_argument(
        "--event",
        type=_dated,
        action="append",
        metavar="DATE=TEXT",
        help="a note at a date, or a shaded stretch of two: 2009-01-20/2017-01-20=text; several times",
    )
    chart.add_argument("--table", choices=sorted(KINDS_OF_TABLES), help="what of the results is drawn")
    chart.add_argument("--title", type=_text, metavar="TEXT", help="the heading (the name of the file)")
    chart.add_argument("--language", choices=["en", "ko"], help="the language of the reader (en)")
    chart.add_argument(
        "--out", type=_text, metavar="FILE", help="the file to write: .html, .png, .svg or .pdf (plot.html)"
    )


def _report(subparsers: Any, name: str, run: Any, text: str, out: str) -> argparse.ArgumentParser:
    """Add a command that shows results, with the flags that all of these have, and return its parser."""
    parser = _command(subparsers, name, run, text)
    parser.description = (
        f"{parser.description} Made of pictures, which are analysed first; or of what is kept already, without asking "
        "anybody again: a journal (--journal FILE alone), or a file that --csv or --json has written."
    )
    parser.set_defaults(operation=OPERATIONS["analyze_image"])
    parser.add_argument(
        "paths",
        type=_text,
        nargs="*",
        metavar="FILE",
        help="pictures, folders, patterns, a table, or a file of results",
    )
    parser.add_argument("--out", type=_text, metavar="PATH", help=out)
    parser.add_argument("--recursive", action="store_true", help="look through the folders within folders, too")
    _fetching(parser)
    parser.add_argument("--photos", type=_text, metavar="DIR", help="where the pictures of a journal or a file are now")
    parser.add_argument("--name", type=_text, metavar="COLUMN", help="your column with the names")
    parser.add_argument("--title", type=_text, metavar="TEXT", help="the heading of the page")
    parser.add_argument("--language", choices=["en", "ko"], help="the language of the reader (en)")
    parser.add_argument("--features", type=_words, metavar="A,B", help="what to look for in pictures")
    parser.add_argument(
        "--provider", type=_text, default="local", metavar="NAME", help="who looks (default: %(default)s)"
    )
    parser.add_argument(
        "--method",
        choices=["classic", "generative"],
        help="what answers: a service for this very task, or the provider's chat model",
    )
    parser.add_argument("--timeout", type=_seconds, metavar="S", help="seconds for each input, retries included")
    _env_file(parser)
    films.add_flags(parser, _number, _count)
    _batch(parser)
    return parser


def _fetching(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say what is done with inputs that are URLs."""
    parser.add_argument("--fetch-urls", action="store_true", help="fetch URLs here and send what is there")
    parser.add_argument(
        "--keep-fetched",
        type=_text,
        metavar="DIR",
        help="with --fetch-urls: keep the fetched files there, for pages; without it none is kept",
    )


def _equal(text: str) -> tuple[str, str]:
    column, equals, value = text.partition("=")
    if not column or not equals:
        raise argparse.ArgumentTypeError(say("{text} is not COLUMN=VALUE", text=text))
    return column, value


def _dated(text: str) -> tuple[str, str]:
    at, equals, words = text.partition("=")
    if not at or not equals:
        raise argparse.ArgumentTypeError(say("{text} is not DATE=TEXT", text=text))
    return at, words


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 0 to 1")
    return share


# A ratio may also be written as one number: "1.5" is 1.5:1.
def _aspect(text: str) -> float:
    width, _, height = text.partition(":")
    try:
        return float(width) / float(height or 1)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text} is no ratio such as 3:4") from None


def _flag(parser: argparse.ArgumentParser, name: str, flag: Flag, *, required: bool = False) -> None:
    """Add a flag from the table of operations; its value is None if the user does not give it."""
    spelling = f"--{name.replace('_', '-')}"
    if flag.kind in ("switch", "off"):
        # The value of a flag that is not given is None, and neither True nor False, so that the default of the
        # operation counts.
        spelling = spelling if flag.kind == "switch" else f"--no-{spelling[2:]}"
        parser.add_argument(spelling, dest=name, action="store_const", const=flag.kind == "switch", help=flag.help)
        return
    # The table of operations names kinds and no functions, because it must not import the command.
    kinds = {"count": _count, "number": _number, "words": _words, "text": _text, "file": _text}
    parser.add_argument(spelling, type=kinds[flag.kind], required=required, metavar=flag.metavar, help=flag.help)


def _output(
    parser: argparse.ArgumentParser,
    provider: str,
    tables: Sequence[str] = (),
    *,
    each: str = "an input",
    asks_models: bool = True,
) -> None:
    who = "who is asked" if "," in provider else "who answers; of azure,google the second what the first does not"
    parser.add_argument(
        "--provider", type=_text, default=provider, metavar="NAME", help=f"{who} (default: %(default)s)"
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
        type=_text,
        metavar="FILE",
        help="write the table for Excel (.csv, .xlsx), or as .parquet or .jsonl; - prints it as plain CSV",
    )
    parser.set_defaults(table=None)
    if len(tables) > 1:
        parser.add_argument("--table", choices=tables, help="only what is of this kind, with columns of its own")
    parser.add_argument(
        "--timeout", type=_seconds, metavar="S", help="seconds for each call, retries included; above 0"
    )
    _env_file(parser)


def _batch(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("many inputs")
    group.add_argument("--plan", action="store_true", help="say what would be sent, where and how long; send nothing")
    group.add_argument(
        "--pace",
        type=_text,
        metavar="RATE",
        help='requests at most: 20/min, "10/s, 1000/day", or free for the free tier',
    )
    group.add_argument(
        "--journal",
        type=_text,
        metavar="FILE",
        help="file that keeps what is paid for, so that the same command goes on from it; by default a file in this "
        "folder if many inputs go to a provider; the word none keeps nothing",
    )
    group.add_argument("--column", type=_text, metavar="NAME", help="the column of a CSV or TSV that holds the inputs")
    group.add_argument(
        "--encoding", type=_text, metavar="NAME", help="how the table or the lines are encoded, where it is not certain"
    )
    group.add_argument(
        "--max-requests", type=_whole, metavar="N", help="billed requests at most, all runs together; exit code 1"
    )
    group.add_argument(
        "--max-units", type=_whole, metavar="N", help="billed units at most, all runs together; exit code 1"
    )
    group.add_argument("--price", type=float, metavar="USD", help="price of 1,000 units; the plan tells the cost")
    group.add_argument("--concurrency", type=_count, metavar="N", help="requests in flight at most")
    group.add_argument("--in-doubt", choices=["resend", "skip"], help="inputs that were sent before without an answer")
    group.add_argument("--no-cache", action="store_true", help="ask anew for what earlier batches have paid for")
    group.add_argument("--quiet", action="store_true", help="show no progress")


def _env_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--env-file", type=_text, metavar="FILE", help="read settings from this file, e.g. .env")


def _words(text: str) -> list[str]:
    return [word for word in (part.strip() for part in _text(text).split(",")) if word]


def _text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError(say("it is empty"))
    return text


def _count(text: str) -> int:
    # int() alone would take "+3" and "1_000", which are typing errors here.
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(say("{text} is no whole number from 1", text=text))
    return int(text)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(say("{text} is no whole number from 0", text=text))
    return int(text)


def _number(text: str) -> float:
    if math.isnan(number := _finite(text)):
        raise argparse.ArgumentTypeError(say("{text} is no number", text=text))
    return number


def _above(text: str) -> float:
    # No comparison with NaN is true, so the negated comparison refuses NaN, too.
    if not (number := _finite(text)) > 0:
        raise argparse.ArgumentTypeError(say("{text} is no number above 0", text=text))
    return number


def _seconds(text: str) -> float:
    if not (seconds := _finite(text)) > 0:
        raise argparse.ArgumentTypeError(say("{text} is no number of seconds above 0", text=text))
    return seconds


def _finite(text: str) -> float:
    """Return the number that a text spells, or NaN where it spells none, or one that is not finite."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
