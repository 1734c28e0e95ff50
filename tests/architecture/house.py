"""The house as it is: every module of the library, what it imports, and its size.

Read from the source by `ast`, so imports inside functions and those for types alone count too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import frozen

SOURCE = Path(__file__).resolve().parents[2] / "src" / "progressive"


@frozen(kw_only=True)
class Import:
    """
    One import.

    Attributes:
        module: What is imported, as far as it is a module.
        line: Where.
        deferred: Inside a function, so that it costs nothing until that is called.
        for_types: Under `TYPE_CHECKING`, so that it costs nothing at all.
    """

    module: str
    line: int
    deferred: bool
    for_types: bool


@frozen(kw_only=True)
class Module:
    """
    One file of the library.

    Attributes:
        name: Such as ``progressive._model.plan``.
        path: Where it is.
        docstring: Of the module; empty: none.
        lines: How long it is.
        imports: All of them.
        functions: Name of each function and method, and the lines of its body: the signature of a
            command lists its options, which is no work.
    """

    name: str
    path: Path
    docstring: str
    lines: int
    imports: tuple[Import, ...]
    functions: tuple[tuple[str, int], ...]

    @property
    def room(self) -> str:
        """The folder, or the file, directly below the package; ``__init__`` for the face."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else "__init__"

    def __str__(self) -> str:
        return str(self.path.relative_to(SOURCE))


def room_of(module: str) -> str:
    """The room that an imported module of the library is in."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@cache
def modules() -> tuple[Module, ...]:
    """All modules of the library, sorted by name."""
    paths = {_name(path): path for path in sorted(SOURCE.rglob("*.py"))}
    return tuple(_module(name, path, frozenset(paths)) for name, path in paths.items())


def _name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module(name: str, path: Path, known: frozenset[str]) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    functions = tuple(
        (node.name, (node.end_lineno or node.lineno) - node.body[0].lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return Module(
        name=name,
        path=path,
        docstring=ast.get_docstring(tree) or "",
        lines=len(text.splitlines()),
        imports=tuple(_imports(tree, known, deferred=False, for_types=False)),
        functions=functions,
    )


def _imports(
    node: ast.AST, known: frozenset[str], *, deferred: bool, for_types: bool
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            for module in _named(child, known):
                yield Import(
                    module=module, line=child.lineno, deferred=deferred, for_types=for_types
                )
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield from _imports(
            child, known, deferred=deferred or inside, for_types=for_types or typing
        )


def _named(node: ast.Import | ast.ImportFrom, known: frozenset[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    assert node.level == 0, f"line {node.lineno}: imports name the whole path"
    assert node.module is not None
    for alias in node.names:
        whole = f"{node.module}.{alias.name}"
        yield whole if whole in known else node.module
