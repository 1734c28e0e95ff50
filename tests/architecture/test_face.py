"""The face: four lists of the public names, and they are one."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

from tests.architecture.house import SOURCE
from tests.docs.generated import DOORS, promised

import progressive

ROOT = SOURCE.parents[1]


def _public() -> set[str]:
    return set(progressive.__all__)


def _typed() -> dict[str, str]:
    """Name → module, as type checkers read the face."""
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module)
        for node in ast.walk(checked)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _used(path: Path) -> set[str]:
    """Names that a file imports from the face and uses at least once."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "progressive"
        for alias in node.names
    }
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    members = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "progressive"
    }
    return (imported & names) | members


def test_every_public_name_can_be_had() -> None:
    """
    A name that is listed and not there fails in somebody's hands.
    """
    assert len(_public()) > 80
    assert len(progressive.__all__) == len(_public()), "a name is listed twice"
    for name in progressive.__all__:
        assert getattr(progressive, name) is not None


def test_the_table_and_the_list_name_the_same() -> None:
    """
    `_HOME` loads names, `__all__` promises them.
    """
    assert _public() == {*progressive._HOME, "__version__"}
    assert _public() <= set(dir(progressive))


def test_type_checkers_see_what_is_loaded() -> None:
    """
    The imports for types and the table are written by hand, both.
    """
    at_run_time = {name: f"progressive.{room}" for name, room in progressive._HOME.items()}

    assert at_run_time == _typed()


def test_a_name_lives_where_the_table_says() -> None:
    """
    A name that is only passed on by a module would load more than it needs.
    """
    for name, room in progressive._HOME.items():
        home = importlib.import_module(f"progressive.{room}")

        assert home.__name__ == getattr(home, name).__module__, name


def test_an_unknown_name_is_an_attribute_error() -> None:
    """
    `hasattr` and tab completion rely on it.
    """
    assert not hasattr(progressive, "Cnary")


def test_the_typing_test_uses_every_public_name() -> None:
    """
    A name without a use there may change its types unseen.
    """
    files = (ROOT / "tests" / "typing").glob("*.py")

    assert _public() == set().union(*map(_used, files))


def test_the_reference_names_every_public_name() -> None:
    """
    What is not in the reference does not exist for its readers; what is gone must go there too.
    """
    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `progressive\.(\w+)` \|", text, flags=re.MULTILINE))

    assert _public() == told


def test_the_reference_names_everything_behind_the_doors() -> None:
    """
    The doors are public as well: what they list is promised.
    """
    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    for door in DOORS:
        module = importlib.import_module(f"progressive.{door}")
        pattern = rf"^\| `progressive\.{door}\.(\w+)` \|"
        told = re.findall(pattern, text, flags=re.MULTILINE)

        assert sorted(promised(door)) == sorted(told), door
        for name in told:
            assert hasattr(module, name)
