"""The law of the house: who may know whom, and how large a room may be."""

from __future__ import annotations

import re
import sys
from collections import Counter

from tests.architecture.house import SOURCE, modules, room_of

GROUND = frozenset({"errors", "_model", "_redaction"})

FLOORS: dict[str, tuple[int, frozenset[str]]] = {
    "_redaction": (1, frozenset()),
    "errors": (1, frozenset({"_redaction"})),
    "_log": (1, frozenset({"_redaction"})),
    "_model": (2, frozenset({"errors", "_redaction"})),
    "ports": (3, GROUND),
    # pure rooms: values in, values out
    "_analysis": (3, GROUND),
    "_documents": (3, GROUND),
    "_mesh": (3, GROUND),
    "_kube": (3, GROUND | {"ports"}),
    # the deciding wing and the world wing do not know each other
    "_run": (4, GROUND | {"_log", "ports", "_analysis"}),
    "_scenario": (4, GROUND | {"ports", "_documents", "_run"}),
    "_adapters": (4, GROUND | {"_log", "ports", "_mesh", "_kube"}),
    # doors
    "clusters": (5, frozenset({"_adapters", "ports"})),
    "metrics": (5, frozenset({"_adapters", "_mesh", "ports"})),
    "routers": (5, frozenset({"_adapters", "_mesh", "plugins", "ports"})),
    "stores": (5, frozenset({"_adapters", "_run", "ports"})),
    "notifiers": (5, frozenset({"_adapters", "ports"})),
    "plugins": (5, frozenset({"errors"})),
    "aio": (5, frozenset({"_run"})),
    "testing": (5, frozenset({"_adapters", "_contract", "_model", "_run", "_scenario", "ports"})),
    "_contract": (5, GROUND | {"ports"}),
    "_release": (
        5,
        GROUND
        | {"_log", "ports", "_analysis", "_documents", "_kube", "_run", "_adapters"}
        | {"clusters", "metrics", "notifiers", "plugins", "routers", "stores"},
    ),
    "_demo": (5, GROUND | {"ports", "_run", "_adapters"}),
    "_cli": (
        5,
        GROUND
        | {"_log", "ports", "_documents", "_run", "_scenario", "_adapters", "_release", "_demo"}
        | {"clusters", "plugins", "__init__"},
    ),
    "__init__": (5, GROUND | {"_analysis", "_run", "_release"}),
    "__main__": (5, frozenset({"__init__", "_cli"})),
}  # fmt: skip
"""Room → its floor, and the rooms that it may import beside itself."""

HEAVY = frozenset(
    {"kubernetes", "requests", "urllib3", "prometheus_api_client", "tenacity", "yaml", "botocore"}
)
"""Imported inside the function that needs them, or for types alone: a run that does not need
one does not pay for it."""

LIBRARIES: dict[str, tuple[str, ...]] = {
    "attrs": ("_", "ports/"),
    "cattrs": ("_analysis/journal.py",),
    "click": ("_cli/",),
    "rich": ("_cli/progress.py",),
    "yaml": (
        "_documents/files.py",
        "_adapters/cluster/environment.py",
        "_adapters/envoy/text.py",
    ),
    "kubernetes": ("_adapters/",),
    "requests": ("_adapters/",),
    "urllib3": ("_adapters/",),
    "prometheus_api_client": ("_adapters/",),
    "tenacity": ("_adapters/",),
    "botocore": ("_adapters/aws/calls.py",),
}
"""Library → beginnings of the paths that may import it; all other libraries are refused."""

LINES, FUNCTION_LINES, FILES = 400, 50, 14
"""How long a file and a function may be, and how many files a folder may hold."""


def test_a_module_knows_only_the_floors_below() -> None:
    """
    What decides must not touch the world, and what touches the world must not decide.
    """
    wrong = []
    for module in modules():
        assert module.room in FLOORS, f"{module}: a new room needs a floor in this table"
        _, allowed = FLOORS[module.room]
        for one in module.imports:
            room = room_of(one.module)
            own = one.module.split(".")[0] == "progressive"
            if own and room != module.room and room not in allowed:
                wrong.append(f"{module}:{one.line} imports {one.module}")

    assert [] == wrong


def test_no_room_looks_up() -> None:
    """
    The table itself must be a house: whatever it allows is on the same floor or below.
    """
    up = [
        f"{room} may import {other}"
        for room, (floor, allowed) in FLOORS.items()
        for other in allowed
        if FLOORS[other][0] > floor
    ]

    assert [] == up
    assert not FLOORS["_run"][1] & {"_mesh", "_kube", "_documents", "_adapters"}
    assert not FLOORS["_adapters"][1] & {"_analysis", "_run", "_documents"}


def test_no_module_knows_itself_through_others() -> None:
    """
    A circle that only types or deferred imports close is still a circle to a reader.
    """
    known = {module.name: {one.module for one in module.imports} for module in modules()}
    done: set[str] = set()
    circles: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circles.append(" → ".join((*path[path.index(name) :], name)))
        elif name not in done:
            for other in sorted(known[name] & known.keys()):
                visit(other, (*path, name))
            done.add(name)

    for name in known:
        visit(name, ())

    assert [] == circles


def test_a_library_is_imported_where_it_belongs() -> None:
    """
    A client library that leaves the adapters takes its errors and its cost along.
    """
    wrong = []
    for module in modules():
        for one in module.imports:
            top = one.module.split(".")[0]
            if top == "progressive" or top in sys.stdlib_module_names:
                continue
            if not str(module).startswith(LIBRARIES.get(top, ("nowhere",))):
                wrong.append(f"{module}:{one.line} imports {top}, which belongs elsewhere")
            elif top in HEAVY and not (one.deferred or one.for_types):
                wrong.append(f"{module}:{one.line} imports {top} before it is needed")

    assert [] == wrong


def test_a_module_says_on_which_floor_it_is() -> None:
    """
    The first lines of a file tell a reader what it may know, before the imports do.
    """
    said = {str(one): re.findall(r"Floor (\d)", one.docstring)[:1] for one in modules()}

    assert {str(one): [str(FLOORS[one.room][0])] for one in modules()} == said


def test_a_file_has_a_size_that_can_be_read() -> None:
    """
    What is larger does two things.
    """
    long = [f"{one}: {one.lines} lines" for one in modules() if one.lines > LINES]
    long += [
        f"{module}: {name}() has {lines} lines"
        for module in modules()
        for name, lines in module.functions
        if lines > FUNCTION_LINES
    ]

    assert [] == long


def test_a_folder_can_be_seen_at_a_glance() -> None:
    """
    A folder of many files hides its order.
    """
    folders = Counter(str(module.path.parent.relative_to(SOURCE)) for module in modules())

    assert {} == {folder: count for folder, count in folders.items() if count > FILES}


def test_there_is_something_to_look_at() -> None:
    """
    A gate that can find nothing must fail.
    """
    found = modules()
    libraries = {one.module.split(".")[0] for module in found for one in module.imports}

    assert len(found) > 80
    assert {"errors", "ports", "_model", "_analysis", "_run", "_mesh", "_adapters"} <= {
        module.room for module in found
    }
    assert {"attrs", "cattrs", "click", "yaml", "kubernetes", "requests"} <= libraries
    assert sum(len(module.functions) for module in found) > 500
    assert any(one.deferred for module in found for one in module.imports)
    assert any(one.for_types for module in found for one in module.imports)
