"""List every text that the command can print, and add those that a catalog lacks to it, with an empty translation.

``python tools/texts_of_command.py ko`` prints what src/cloudai/locale/ko.po lacks; with ``--write`` it is appended, for
a translator to fill in. tests/unit/cli/test_translations.py fails as long as something is missing.

The texts are found in six places: in calls of `say`, in those of the pages' templates, in the parser of the command
line, in argparse itself, in the errors and warnings of the library, and in what the providers declare about themselves.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "cloudai"
sys.path.insert(0, str(ROOT / "src"))

from cloudai import errors  # noqa: E402
from cloudai.batch.journal import PROBLEMS  # noqa: E402
from cloudai.cli.languages import texts_of  # noqa: E402
from cloudai.cli.parser import parser_of_command  # noqa: E402
from cloudai.providers.registry import BUILT_IN, find  # noqa: E402
from cloudai.wording import LANGUAGES, catalog, using  # noqa: E402

NOT_OF_THE_COMMAND = ("testing", "bridges", "core/drivers/awaiting.py")
"""Parts of the library whose errors no command meets."""
ASKED_OF_MODELS = "providers/_generative/"
"""The part of the library whose sentences are sent to chat models, and printed by nobody, unless an error says them."""
ERRORS = {name for name in errors.__all__ if name.endswith("Error")} | {"MissingFontError", "UnfetchedError"}
HOLES = re.compile(r"%[-0-9.]*[srdf]")
OF_ARGPARSE = (
    *("usage: ", "positional arguments", "options", "show this help message and exit"),
    *(
        "show program's version number and exit",
        "argument %(argument_name)s: %(message)s",
        "%(prog)s: error: %(message)s\n",
    ),
    *("the following arguments are required: %s", "unrecognized arguments: %s", "expected one argument"),
    *("expected at least one argument", "expected at most one argument", "not allowed with argument %s"),
    *("invalid choice: %(value)r (choose from %(choices)s)", "invalid %(type)s value: %(value)r"),
    *("ignored explicit argument %r", "ambiguous option: %(option)s could match %(matches)s"),
    "since {0} ages need Microsoft's approval: Azure(face_approved=True).",
    "Or, since {0}, with Microsoft's approval: Azure(face_approved=True).",
    "unknown parser %(parser_name)r (choices: %(choices)s)",
)
"""The texts of argparse that a user can meet."""
ELSEWHERE = (
    *("No such file or directory", "Permission denied", "No space left on device", "Is a directory", "File exists"),
    *("Connection refused", "[Errno 111] Connection refused", "Not a directory"),
    *("the endpoint you set", "the URLs you set", "given in code", "and", "or"),
    *("shrunk", "converted", "turned or recoded", "encoded anew", "unit", "limits", "needs", "note", "since", "until"),
    *("when the service answers", "tomorrow", "next month", "later", "after {0}", "its reply came", "this"),
    *("Available from: {0}.", "No provider in cloudai has it yet.", "an image", "audio", "a file"),
    *("Korean", "English", "Japanese", "Chinese", "of an earlier version", "damaged"),
    *("there is no model of ages on this computer", "Run: cloudai models install ages"),
    "Run: cloudai models install ages, or give Local(age_model=…).",
    "Ages and expressions are a baseline model's guesses from appearance.",
    "Ages and expressions are guesses from appearance.",
    *("with a lexicon of yours", "by your lexicon", "not installed", 'most; extra "text" for those of one script'),
    *('yes; better with extra "korean"', "in English", "no data", "in the language of your voice of Piper"),
    *("yes; hard to understand with espeak-ng", "faces, colours, English sentiment", "languages that share a script"),
    *("the nouns of Korean key phrases", "text in pictures (tesseract)", "speech (espeak-ng)", "names of colours"),
    *("speech that sounds natural (a voice of Piper)", "estimate_age: how old faces look; a baseline model's guess"),
    *("{0} has a value that is not known", "{0} is no key", "{0} is no region", "{0} is no project"),
    *("lexicon= names no file that is there", "the provider {0} of {1}"),
    *("feature", "attribute"),
    *("{0} is no path of a file", "the cell in column {0} is empty", "{0} has more than {1} MB"),
    *("Available: {0}.", "Known: {0}.", "Did you mean {0}?"),
    *("(Windows: setx, then open a new window).", "(Windows: setx, then open a new window)"),
    *("and {0} (Windows: setx, then open a new window)."),
    *("folders (--recursive looks into them)", "without an ending", "that are no regular files"),
    *("page", "free tier", "free", "checked", "open", "limited", "deprecated", "retired", "absent"),
)
"""Texts that are put together at run time, or come from the system; texts_put_together.txt has whole sentences."""


def _lines(name: str) -> list[str]:
    return (ROOT / "tools" / name).read_text("utf-8").splitlines()


@cache
def sources() -> dict[str, str]:
    """Return every text by which the catalogs are looked up, each with a place where it stands."""
    texts: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        tree = ast.parse(path.read_text("utf-8"))
        texts |= dict.fromkeys(_said(tree), name)
        if name.startswith("providers/") and not name.startswith(ASKED_OF_MODELS):
            texts |= dict.fromkeys(_sentences(tree), name)
        if not name.startswith(NOT_OF_THE_COMMAND):
            texts |= {text: texts.get(text, name) for text in _raised_and_logged(tree)}
    texts |= dict.fromkeys(texts_of(_english_parser()), "cli")
    texts |= dict.fromkeys(OF_ARGPARSE, "argparse")
    texts |= dict.fromkeys((*ELSEWHERE, *_lines("texts_put_together.txt")), "elsewhere")
    texts |= dict.fromkeys(_declared(), "providers")
    texts |= dict.fromkeys(_in_templates(), "report/templates")
    texts |= dict.fromkeys(
        (text for _, what, advice in PROBLEMS for text in (f"{{0}} {what}", advice)), "batch/journal.py"
    )
    return {text: place for text, place in texts.items() if WORDED.search(text)}


WORDED = re.compile(r"[A-Za-z]{2}(?![^{]*\})|\{[a-z]")
"""Matches a text that has a word of its own, or whose values have names: only these may change their order."""


@cache
def _nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


def _english_parser() -> argparse.ArgumentParser:
    with using(None):
        return parser_of_command()


def _said(tree: ast.Module) -> Iterator[str]:
    """Yield what is given to `say`: a text, one of two, or the texts of a constant of the module."""
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    } | {
        node.target.id: node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
    }
    calls = [node for node in _nodes(tree) if isinstance(node, ast.Call) and _name(node.func) == "say"]
    if calls:
        for name in ("THINGS", "INPUTS", "ENDINGS", "OTHERS"):
            values = constants.get(name)
            yield from _texts_in(ast.Tuple(values.values) if isinstance(values, ast.Dict) else ast.Tuple([]))
    for call in calls:
        given = call.args[0]
        yield from _templates(constants.get(given.id, given) if isinstance(given, ast.Name) else given, tree)


def _texts_in(node: ast.AST) -> Iterator[str]:
    yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _raised_and_logged(tree: ast.Module) -> Iterator[str]:
    """Yield the messages and the advice of errors, and the warnings that are logged, with numbers as names of holes."""
    for node in _nodes(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        given = [keyword.value for keyword in node.keywords if keyword.arg == "advice"]
        if name in ERRORS or name == "warning":
            given += node.args[:1]
        if name == "MissingExtraError":
            given = node.args[:1]
        for value in given:
            yield from map(_numbered, _templates(value, tree))


def _sentences(tree: ast.Module) -> Iterator[str]:
    """Yield the whole sentences of a module: advice that stands in a constant or a table, and is no docstring."""
    documents = {
        node.body[0].value
        for node in _nodes(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    documents |= {node.value for node in _nodes(tree) if isinstance(node, ast.Expr)}
    parts = {part for node in _nodes(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in _nodes(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node not in documents and node not in parts:
            yield from (text for text in _templates(node, tree) if SENTENCE.fullmatch(text))


SENTENCE = re.compile(r"[A-Z].* .*\.")


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _numbered(text: str) -> str:
    """Return a text of logging with {0}, {1} … in place of %s."""
    numbers = iter(range(len(text)))
    return HOLES.sub(lambda _: f"{{{next(numbers)}}}", text)


def _templates(node: ast.expr, tree: ast.Module, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the texts that an expression may be, with {0}, {1} … for the values that are filled in."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr():
            numbers = iter(range(len(node.values)))
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else f"{{{next(numbers)}}}" for part in node.values
            )
        case ast.IfExp():
            yield from _templates(node.body, tree, seen)
            yield from _templates(node.orelse, tree, seen)
        case ast.BoolOp():
            for value in node.values:
                yield from _templates(value, tree, seen)
        case ast.Call(func=ast.Attribute(attr="strip"), args=[]):
            yield from _templates(node.func.value, tree, seen)  # type: ignore[attr-defined]
        case ast.Name() if node.id not in seen:
            for value in _assigned(tree).get(node.id, ()):
                if isinstance(value, ast.JoinedStr | ast.Constant | ast.IfExp):
                    yield from _templates(value, tree, seen | {node.id})


@cache
def _assigned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """Return what is assigned to each name, anywhere in a module."""
    values: dict[str, list[ast.expr]] = {}
    for node in _nodes(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, []).append(node.value)
    return values


def _declared() -> Iterator[str]:
    """Yield what the built-in providers say about their operations and their settings."""
    for name in BUILT_IN:
        kind = find(name)
        yield from (setting.purpose for setting in kind.settings if setting.purpose)
        yield from (setting.advice for setting in kind.settings if setting.advice)
        for each in kind.capabilities().values():
            for able in filter(None, (each, each.generative)):
                yield from (text for text in (able.needs, able.note, able.unit, able.limits) if text)
        for end in kind.retirements:
            yield from (end.service, end.what, end.instead)


def _in_templates() -> Iterator[str]:
    """Yield what the templates of pages give to `say`."""
    for path in sorted((SOURCE / "report" / "templates").glob("*.html")):
        yield from IN_TEMPLATE.findall(path.read_text("utf-8"))


IN_TEMPLATE = re.compile(r'\bsay\("([^"]+)"')


OF_PYTHON = re.compile(
    r"(?<![-\w])[a-z_]{2,}=(?!value)|\b[A-Z]\w+\(|\b(client|file|Batch)\.\w+\(|AsyncClient|\b(callable|dict|uint8|generator)s?\b"
)
"""Matches texts for those who write Python: the names of arguments, calls, and types."""


def of_python_alone(text: str) -> bool:
    """Return whether a text speaks of Python, and no command meets it: texts_for_python.txt lists such texts.

    Any other that speaks of Python needs words of the command in locale/en.po, and a translation of these.
    """
    return OF_PYTHON.search(text) is not None and text not in catalog("en") and text in for_python()


@cache
def for_python() -> frozenset[str]:
    """Return the texts of the library that only those meet who write Python."""
    return frozenset(_lines("texts_for_python.txt"))


def without_words() -> list[str]:
    """Return the texts that speak of Python, which a command may meet, and for which locale/en.po has no words."""
    met = (text for text in sources() if OF_PYTHON.search(text) and text not in for_python())
    return [text for text in met if text not in catalog("en")]


def missing(language: str) -> dict[str, str]:
    """Return the texts that a catalog lacks, each with a place where it stands."""
    known = catalog(language)
    lacking = {text: place for text, place in sources().items() if text not in known}
    return {text: place for text, place in lacking.items() if not of_python_alone(text)}


def main() -> int:
    """Print what a catalog lacks, or append it, and return 1 if something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("language", choices=[name for name in LANGUAGES if name != "en"])
    parser.add_argument("--write", action="store_true", help="append what is missing to the catalog")
    options = parser.parse_args()
    lacking = missing(options.language)
    entries = [f'#: {place}\nmsgid {quoted(text)}\nmsgstr ""\n' for text, place in lacking.items()]
    if options.write:
        with (SOURCE / "locale" / f"{options.language}.po").open("a", encoding="utf-8") as file:
            file.writelines(f"\n{entry}" for entry in entries)
    else:
        print("\n".join(entries))
    return int(bool(lacking))


def quoted(text: str) -> str:
    """Return a text as a string of a catalog."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


if __name__ == "__main__":
    sys.exit(main())
