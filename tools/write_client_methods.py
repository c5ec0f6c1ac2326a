"""Write src/cloudai/client_methods.py: the operations as typed methods of both clients.

Each operation of the table (cloudai/operations.py) becomes a method of `Client` and one of `AsyncClient`: the signature
and the docstring are those of the method of `Provider`, the defaults those of the table. `batch` and `map` get an
overload for each operation, by which a type checker knows what they give.

`make format` runs this. With ``--check`` (`make lint`) nothing is written: the exit code is 1 where the file is out of
date.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent, wrap
from typing import Any

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "src" / "cloudai" / "client_methods.py"

sys.path.insert(0, str(ROOT / "src"))

# None of these imports the file that is written here, so the script runs even if that file is broken.
from cloudai.batch import settings  # noqa: E402
from cloudai.batch.mixins import AsyncBatching, Batching  # noqa: E402
from cloudai.operations import OPERATIONS, REQUIRED, Operation  # noqa: E402
from cloudai.providers import base  # noqa: E402

TAKEN = {"image": "ImageInput", "audio": "AudioInput", "text": "str"}
"""The type of each kind of input, as the clients accept it."""

HEAD = '''\
"""The operations as methods of both clients, and the types of their batches.

tools/write_client_methods.py wrote this file from the table of operations, the methods of `Provider` and the batches of
cloudai.batch.mixins: change those, and run `make format`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from cloudai.batch.mixins import AsyncBatching, Batching

# The annotations alone need these: most programs use few of the results, and to load them all takes time at the start.
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

    from typing_extensions import Unpack

    from cloudai.batch.batch import AsyncBatch, Batch, Mapped
    from cloudai.batch.settings import BatchOptions
    from cloudai.media import AudioInput, ImageInput
    from cloudai.options import CallOptions
'''

CLASS = '''
class {name}({base}):
    """The operations and the batches of {a_client}."""
'''

METHOD = """
    {async_}def {name}(self, {parameters}, **options: Unpack[CallOptions]) -> {result}:
{docstring}
        try:
            program = self._session.program("{name}", {given}, {{{chosen}}}, options)
        finally:
            del {given}, options  # trackers of errors collect variables
        result: {result} = {await_}self._session.driver.run(program)
        return result
"""

OVERLOAD = """
    @overload
    {async_}def {name}(self, operation: {operation}, inputs: Iterable[{item}], {rest}) -> {returned}[{result}]: ...
"""

BATCH = """
    {async_}def {name}(self, operation: {operation}, inputs: Iterable[Any], {rest}) -> {returned}[Any]:
{docstring}
        return {await_}self._{name}(operation, inputs, **{keywords})
"""


def module() -> str:
    """Return the text of the file before it is formatted."""
    clients = (
        ("ClientMethods", Batching, "a blocking client", "Batch", "", ""),
        ("AsyncClientMethods", AsyncBatching, "an awaiting client", "AsyncBatch", "async ", "await "),
    )
    parts = [HEAD, *imports(), "\n__all__ = ['AsyncClientMethods', 'ClientMethods']\n"]
    for name, batching, a_client, batch, async_, await_ in clients:
        parts.append(CLASS.format(name=name, base=batching.__name__, a_client=a_client))
        parts += [method(operation, async_, await_) for operation in OPERATIONS.values()]
        parts += batches("batch", batching._batch, batch, "", "")  # noqa: SLF001
        parts += batches("map", batching._map, "Mapped", async_, await_)  # noqa: SLF001
    return "".join(parts)


def imports() -> Iterator[str]:
    """Yield an import of each result, and of each name in the annotations of the options."""
    tree = ast.parse(Path(base.__file__).read_text("utf-8"))
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    known = {alias.name: node.module for node in statements for alias in node.names}
    for operation in OPERATIONS.values():
        annotations = [parameter.annotation for parameter in parameters_of(operation)[1:]]
        names = {node.id for text in annotations for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        for name in names - set(dir(builtins)):
            yield f"    from {known.get(name, base.__name__)} import {name}\n"
        yield f"    from {operation.result.__module__} import {operation.result.__name__}\n"


def parameters_of(operation: Operation) -> list[inspect.Parameter]:
    """Return the parameters of the provider's method, the input first.

    Raises:
        SystemExit: The method differs from the operation's row in the table in its options or its result.
    """
    signature = inspect.signature(getattr(base.Provider, operation.name))
    parameters = list(signature.parameters.values())[1:]
    if (options := [each.name for each in parameters[1:]]) != list(operation.options):
        raise SystemExit(f"Provider.{operation.name} takes {options}, its row has {list(operation.options)}")
    if signature.return_annotation != (result := f"Flow[{operation.result.__name__}]"):
        raise SystemExit(f"Provider.{operation.name} returns {signature.return_annotation}, its row says {result}")
    return parameters


def method(operation: Operation, async_: str, await_: str) -> str:
    """Return one operation as a method of a client."""
    given, *options = parameters_of(operation)
    parameters = [f"{given.name}: {TAKEN[operation.input]}", *(["*"] if options else [])]
    for option in options:
        default = operation.options[option.name]
        parameters.append(f"{option.name}: {option.annotation}" + ("" if default is REQUIRED else f" = {default!r}"))
    text = inspect.getdoc(getattr(base.Provider, operation.name)) or ""
    arguments = text[text.index("Args:\n") :].partition("\n\n")[0]
    return METHOD.format(
        async_=async_,
        await_=await_,
        name=operation.name,
        parameters=", ".join(parameters),
        result=operation.result.__name__,
        docstring=docstring(text.replace(arguments, f"{arguments}\n    options: `CallOptions`.")),
        given=given.name,
        chosen=", ".join(f'"{option.name}": {option.name}' for option in options),
    )


def batches(name: str, body: Callable[..., Any], returned: str, async_: str, await_: str) -> Iterator[str]:
    """Yield the code of `batch` or `map`: an overload for each operation, and the method itself.

    Args:
        name: "batch" or "map".
        body: The method that does the work, of which it has the signature and the docstring.
        returned: The generic class that it returns.
        async_: "async " for an awaiting method, else empty.
        await_: "await " for an awaiting method, else empty.
    """
    _, operation, _, keywords = inspect.signature(body).parameters.values()
    common = {"name": name, "returned": returned, "async_": async_, "rest": f"**{keywords.name}: {keywords.annotation}"}
    for each in OPERATIONS.values():
        item = "str" if name == "map" and each.input == "text" else "Any"
        yield OVERLOAD.format(operation=f'Literal["{each.name}"]', item=item, result=each.result.__name__, **common)
    if "Sequence" in operation.annotation:
        for kind in dict.fromkeys(each.input for each in OPERATIONS.values()):
            of_kind = [each for each in OPERATIONS.values() if each.input == kind]
            words = ", ".join(f'"{each.name}"' for each in of_kind)
            results = " | ".join(each.result.__name__ for each in of_kind)
            yield OVERLOAD.format(
                operation=f"list[Literal[{words}]] | tuple[Literal[{words}], ...]", item="Any", result=results, **common
            )
        yield OVERLOAD.format(operation="Sequence[str]", item="Any", result="Any", **common)
    yield BATCH.format(
        operation=operation.annotation,
        docstring=docstring(with_options(inspect.getdoc(body) or "")),
        keywords=keywords.name,
        await_=await_,
        **common,
    )


def with_options(text: str) -> str:
    """Return the docstring of `batch` with each of its settings in the place of the argument ``settings``."""
    before, mark, rest = text.partition("    settings: ")
    if not mark:
        return text
    after = rest[rest.index("\n\n") :]
    tree = ast.parse(Path(settings.__file__).read_text("utf-8"))
    (options,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "BatchOptions"]
    fields = [node for node in options.body if isinstance(node, ast.AnnAssign)]
    docs = [ast.literal_eval(node.value) for node in options.body[1:] if isinstance(node, ast.Expr)]
    lines: list[str] = []
    for field, doc in zip(fields, docs, strict=True):
        words = " ".join(f"{ast.unparse(field.target)}: {doc}".split())
        lines += wrap(words, 108, initial_indent=" " * 4, subsequent_indent=" " * 8)
    return before + "\n".join(lines) + after


def docstring(text: str) -> str:
    """Return a docstring as a literal, indented as in a method's body."""
    opening = 'r"""' if "\\" in text else '"""'
    closing = '\n"""' if "\n" in text else '"""'
    return indent(opening + text + closing, " " * 8)


def formatted(text: str) -> str:
    """Return the text with sorted imports, formatted by ruff like the other files."""
    for command in (("check", "--select", "I,F401", "--fix-only", "--quiet"), ("format", "--quiet")):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(TARGET), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, encoding="utf-8", check=True, cwd=ROOT).stdout
    return text


def main() -> int:
    """Write the file, or only check that it is up to date, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where it is out of date")
    only_check = parser.parse_args().check
    text = formatted(module())
    if TARGET.is_file() and TARGET.read_text("utf-8") == text:
        return 0
    if only_check:
        print(f"{TARGET.relative_to(ROOT)} is out of date: run `make format`.")
        return 1
    TARGET.write_text(text, "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
