"""The command ``cloudai``: its language, its exit codes, and how it reports errors; ``parser.py`` has its arguments."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cloudai.cli import batches, commands
from cloudai.cli.languages import chosen_language, speaking
from cloudai.cli.outputs import discard_output, tell
from cloudai.cli.parser import parser_of_command
from cloudai.cli.running import IO_ERROR, code_of
from cloudai.errors import CloudAIError
from cloudai.wording import say, translated, using_everywhere

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit code.

    Args:
        arguments: The arguments of the command; by default those of the process.

    Returns:
        0 if all went well, 1 if an input failed or a limit was reached, 2 if nothing (more) could be done, 74 if the
        journal or a table could not be written, 75 if the same command goes on later, 130 or 143 after Ctrl-C or a
        request to end, 141 if the output is no longer read.

    Raises:
        SystemExit: The help was printed (code 0), or an argument is wrong (code 2).
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
        return code_of(error)


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
