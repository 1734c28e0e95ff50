"""The rooms of the tests on real parts: what may be moved or cut without a look around."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOMS = Path(__file__).resolve().parents[1] / "real"


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{one.name}" for one in node.names)
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names)


def test_no_file_imports_from_a_test_on_real_parts() -> None:
    """
    What several tests need lives in `stage`, or beside them in their room.
    """
    files = [
        one
        for folder in (ROOMS.parent, ROOMS.parents[1] / "benchmarks")
        for one in folder.rglob("*.py")
    ]
    found = [
        f"{file.relative_to(ROOMS.parents[1])}: {name}"
        for file in files
        for name in _imported(file)
        if name.startswith("tests.real.") and ".test_" in name
    ]

    assert len(files) > len(list(ROOMS.rglob("*.py"))) > 60
    assert [] == sorted(found)


def test_no_two_files_of_tests_on_real_parts_have_the_same_name() -> None:
    """
    A parallel run keeps a file on one worker by its name (`tests/conftest.py`).
    """
    names = Counter(one.name for one in ROOMS.rglob("test_*.py"))

    assert [] == [name for name, times in names.items() if times > 1]
