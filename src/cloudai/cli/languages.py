"""Let the command speak the language of its user: the help, the errors of the arguments, and all that it prints.

The parser is made in English and translated as a whole, so that a new command or option needs no code for it: only an
entry in the catalogs, which the tests ask for.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from cloudai.wording import LANGUAGES, of_system, say

__all__ = ["chosen_language", "language", "speaking", "texts_of", "translate"]

FLAG = "--lang"
HELP = "the language of the command: en or ko; by default CLOUDAI_LANG, else that of the system"


def language(parser: argparse.ArgumentParser) -> None:
    """Add the flag for the language, which `chosen_language` has read before."""
    parser.add_argument(FLAG, choices=LANGUAGES, default=argparse.SUPPRESS, help=HELP)


def chosen_language(arguments: list[str]) -> tuple[list[str], str]:
    """Return the arguments without the flag for the language, and the language: of the flag, else of the system.

    The parser of the arguments needs the language already, so this reads the flag before. A language that there is not
    is left in the arguments, for the parser to refuse.
    """
    rest: list[str] = []
    chosen = of_system()
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        # An argument behind "--" is an input, even if it looks like a flag.
        if argument == "--":
            break
        name, equals, value = argument.partition("=")
        if name == FLAG and not equals and position + 1 < len(arguments):
            value = arguments[position + 1]
        if name == FLAG and value in LANGUAGES:
            chosen = value
            position += 1 if equals else 2
            continue
        rest.append(argument)
        position += 1
    return [*rest, *arguments[position:]], chosen


def translate(parser: argparse.ArgumentParser) -> None:
    """Put every text of a parser, and of the parsers of its commands, into the language that is spoken."""
    parser.description = parser.description and say(parser.description)
    parser.epilog = parser.epilog and say(parser.epilog)
    for group in parser._action_groups:  # noqa: SLF001  # argparse has no other way to them
        group.title = group.title and say(group.title)
    # Only what is shown is translated; the names of commands and options stay, because scripts have them.
    for action in parser._actions:  # noqa: SLF001
        action.help = action.help and say(action.help)
        if isinstance(action.metavar, str):
            action.metavar = say(action.metavar)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for choice in action._choices_actions:  # noqa: SLF001
                choice.help = choice.help and say(choice.help)
            for command in action.choices.values():
                translate(command)


def texts_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield every text of a parser, and of the parsers of its commands; the tests look each up in the catalogs."""
    yield from filter(None, (parser.description, parser.epilog))
    yield from (group.title for group in parser._action_groups if group.title)  # noqa: SLF001
    for action in parser._actions:  # noqa: SLF001
        if action.help and action.help != argparse.SUPPRESS:
            yield action.help
        if isinstance(action.metavar, str):
            yield action.metavar
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            yield from (choice.help for choice in action._choices_actions if choice.help)  # noqa: SLF001
            for command in action.choices.values():
                yield from texts_of(command)


@contextmanager
def speaking() -> Iterator[None]:
    """Have argparse say its own words, "usage:" and what is wrong with an argument, in the language that is spoken.

    argparse looks its texts up by the function ``_`` of its module, which is gettext's.
    """
    before = {name: getattr(argparse, name) for name in ("_", "ngettext")}
    # The module is changed for the time of parsing only, because other parsers of this process use it as well.
    argparse._ = say  # type: ignore[attr-defined]
    argparse.ngettext = lambda one, many, n: say(one if n == 1 else many)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(argparse, name, function)
