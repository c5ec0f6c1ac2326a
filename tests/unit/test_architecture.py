"""The shape of the source tree: no import cycles, no class that does everything, no word with many meanings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import cloudai

SOURCE = Path(cloudai.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

LONGEST_CLASS, MOST_FIELDS = 250, 15
RENAMED = {
    *("place", "family", "together", "raised", "found", "alone"),
    *("Standing", "Entered", "Held", "Verdict"),
}
"""Words that stood for several things: a cache scope, a step of a flow and a landmark were all a "place"."""


def test_no_files_import_each_other_in_a_circle() -> None:
    """No chain of imports leads back to where it began, those inside functions and for type checkers included."""
    grimp = pytest.importorskip("grimp")
    graph = grimp.build_graph("cloudai", exclude_type_checking_imports=False, cache_dir=None)
    left = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    # Take away what imports nothing that is left, until nothing can be taken away: what remains is a circle, or above.
    while free := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in free}
    assert left == {}


@pytest.mark.long
def test_no_import_waits_for_its_package() -> None:
    """Two threads that import at the same time never wait for each other.

    A package that imports its own modules holds its lock meanwhile. Who imports one of these modules first would hold
    the module's lock, and want the package's.
    """
    loading = set()
    for path in SOURCE.rglob("__init__.py"):
        package = ".".join(["cloudai", *path.parent.relative_to(SOURCE).parts])
        body = ast.parse(path.read_text("utf-8")).body
        if any(isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}.") for node in body):
            loading.add(package)
    for path in FILES:
        inside = ".".join(["cloudai", *path.relative_to(SOURCE).with_suffix("").parts])
        seen: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (module := node.module):
                package = module.rpartition(".")[0]
                assert package not in loading or package in seen or inside.startswith(package), (inside, module)
                seen.add(module)


def fields(kind: ast.ClassDef) -> set[str]:
    """Return the fields of a class: what is annotated in it, and what its methods assign to ``self``."""
    names = {
        node.target.id
        for node in kind.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and "ClassVar" not in ast.dump(node)
    }
    for node in ast.walk(kind):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            names.add(node.attr)
    return names


@pytest.mark.parametrize("path", sorted((SOURCE / "batch").glob("*.py")), ids=lambda path: path.name)
def test_no_class_of_a_batch_does_everything(path: Path) -> None:
    """A class of cloudai.batch has 250 lines and 15 fields at most: a larger one holds two subjects."""
    for kind in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(kind, ast.ClassDef):
            assert (kind.end_lineno or 0) - kind.lineno < LONGEST_CLASS, kind.name
            assert len(fields(kind)) <= MOST_FIELDS, kind.name


def identifiers(tree: ast.AST) -> Iterator[str]:
    """Yield every name that the code gives to something, or asks for."""
    for node in ast.walk(tree):
        match node:
            case ast.Name():
                yield node.id
            case ast.Attribute():
                yield node.attr
            case ast.arg() | ast.keyword():
                yield node.arg or ""
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.alias():
                yield from (node.name, node.asname or "")
            case ast.MatchAs() | ast.MatchStar():
                yield node.name or ""


@pytest.mark.long
def test_no_word_stands_for_many_things() -> None:
    """No identifier is one of the words that were given up because they had several meanings."""
    for path in FILES:
        assert not RENAMED & set(identifiers(ast.parse(path.read_text("utf-8")))), path
