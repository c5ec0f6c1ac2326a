"""The table of operations: its rows, and the words they have for the command line."""

from __future__ import annotations

import inspect
from argparse import ArgumentParser
from typing import Any

import pytest

from cloudai.cli.parser import parser_of_command
from cloudai.operations import OPERATIONS, REQUIRED, Command, Operation
from cloudai.providers.registry import find

COMMANDS = [operation for operation in OPERATIONS.values() if operation.command]


def words_of(operation: Operation) -> Command:
    """Return the words of an operation that has a command."""
    assert operation.command is not None
    return operation.command


def test_each_command_has_a_name_of_its_own() -> None:
    """No two operations have the same command."""
    names = [words_of(operation).name for operation in COMMANDS]
    assert len(set(names)) == len(names) > 4


@pytest.mark.parametrize("operation", COMMANDS, ids=lambda operation: operation.name)
def test_the_flags_of_a_command_are_options_of_its_operation(operation: Operation) -> None:
    """Each flag is an option, what has no default has a flag, and each setting is one that its provider takes."""
    words = words_of(operation)
    assert words.flags.keys() <= operation.options.keys()
    assert {name for name, default in operation.options.items() if default is REQUIRED} <= words.flags.keys()
    assert words.settings.keys() <= inspect.signature(find(words.settings_of or words.provider)).parameters.keys()
    assert all((flag.metavar is None) == (flag.kind in ("switch", "off")) for flag in words.flags.values())


@pytest.mark.parametrize("operation", COMMANDS, ids=lambda operation: operation.name)
def test_a_flag_that_is_not_given_leaves_the_default_to_the_table(operation: Operation) -> None:
    """A command without flags passes no option, but for those that must be given."""
    words = words_of(operation)
    required = [name for name, default in operation.options.items() if default is REQUIRED]
    given = [argument for name in required for argument in (f"--{name}", "ko")]
    parser: ArgumentParser = parser_of_command()
    options: dict[str, Any] = vars(parser.parse_args([words.name, "x", *given]))
    assert [name for name in (*words.flags, *words.settings) if options[name] is not None] == required
    assert options["provider"] == words.provider
