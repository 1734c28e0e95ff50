"""The parts of the reference that are made from the code itself.

``python -m tests.docs.generated`` writes them anew, between ``<!-- generated: NAME -->`` and
``<!-- end -->``; `test_generated.py` fails while they are not current.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable
from copy import copy
from datetime import timedelta
from enum import Enum
from itertools import takewhile
from pathlib import Path
from typing import Any

import click
from attrs import evolve
from tests.docs.snippets import ROOT
from tests.unit.analysis.graph import FIRST, REPAIR, SMALL, answers, interruptions, key
from tests.unit.analysis.world import CHANGED, latest, started

import progressive
from progressive import (
    Action,
    AskReady,
    Finish,
    Measure,
    MetricCheck,
    Phase,
    Read,
    Side,
    Target,
    Wait,
    plugins,
)
from progressive._adapters.mesh.router import MeshRouter
from progressive._analysis.machine import ANSWERS
from progressive._cli.main import cli
from progressive._mesh.queries import promql
from progressive._mesh.queries.known import BLIND, DIALECTS
from progressive._mesh.standing import StatusCodec
from progressive.testing import MemoryCluster

REFERENCE = ROOT / "docs" / "reference"
DOORS = (
    "aio",
    "clusters",
    "metrics",
    "notifiers",
    "plugins",
    "ports",
    "routers",
    "stores",
    "testing",
)
_SECTION = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)
_ROOMS = {
    "_release.load": "A release as a whole",
    "_run.sync": "The runner",
    "_analysis.machine": "The state machine",
    "_model.plan": "Policy",
    "_model.origin": "What a run was made of",
    "_model.traffic": "Address, order, answer",
    "_model.checks": "Checks and verdicts",
    "_model.actions": "Orders of the machine",
    "_model.events": "What the machine is told",
    "_model.record": "The record of a run",
    "_model.report": "What became of it",
    "_model.release": "Problems of a document",
    "errors": "Errors",
}


def render(page: Path) -> str:
    """A page with all its generated parts as they must be."""

    def section(found: re.Match[str]) -> str:
        return f"{found['begin']}\n{GENERATED[found['name']]()}\n\n{found['end']}"

    return _SECTION.sub(section, page.read_text(encoding="utf-8"))


def generated_pages() -> list[Path]:
    """Pages with a generated part."""
    pages = sorted(REFERENCE.glob("*.md"))
    return [one for one in pages if _SECTION.search(one.read_text(encoding="utf-8"))]


# api.md


def names() -> str:
    """Every public name, one line each, in the order of the face."""
    rows = ["### The package", "", *_table([("`progressive.__version__`", "The version.")])]
    for room, title in _ROOMS.items():
        own = [name for name in progressive.__all__ if progressive._HOME.get(name) == room]
        told = [(f"`progressive.{name}`", first_words(getattr(progressive, name))) for name in own]
        rows += ["", f"### {title}", "", *_table(told)]
    return "\n".join(rows)


def doors() -> str:
    """Everything behind the doors."""
    rows: list[str] = []
    for door in DOORS:
        module = importlib.import_module(f"progressive.{door}")
        told = [(f"`progressive.{door}.{name}`", _said(module, name)) for name in promised(door)]
        title = first_words(module).removeprefix("Door: ").removeprefix("The door for ")
        rows += [f"### `progressive.{door}`", "", f"{title[0].upper()}{title[1:]}", ""]
        rows += [*_table(told), ""]
    return "\n".join(rows).rstrip()


def promised(door: str) -> list[str]:
    """What a door lists; one without a list promises every public name that it defines."""
    module = importlib.import_module(f"progressive.{door}")
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return list(listed)
    tree = ast.parse(inspect.getsource(module))
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [one.id for one in node.targets if isinstance(one, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.append(node.target.id)
    return [name for name in found if not name.startswith("_")]


def _said(module: Any, name: str) -> str:
    """The words about a name: of its class or function, else of the text below it."""
    value = getattr(module, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        return first_words(value)
    lines = _source(module).splitlines()
    begun = next(number for number, line in enumerate(lines) if line.startswith(f"{name}"))
    for line in takewhile(str.strip, lines[begun + 1 :]):
        if line.startswith('"""'):
            return line.strip('"').rstrip().replace("``", "`")
    return f"`{value}`"


def _source(module: Any) -> str:
    """The text of a module; of a door that is a folder, that of its modules."""
    file = Path(inspect.getfile(module))
    files = sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]
    return "\n".join(one.read_text(encoding="utf-8") for one in files)


def first_words(value: Any) -> str:
    """The first sentence of a docstring, on one line."""
    text = inspect.getdoc(value) or ""
    if value is not inspect.getmodule(value) and not getattr(value, "__doc__", None):
        text = ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    sentence = re.split(r"(?<=[.!?]) (?=[A-Z`])", paragraph)[0]
    return sentence.replace("``", "`").replace("|", "\\|")


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    told = list(rows)
    missing = [name for name, words in told if not words]
    assert not missing, f"without a docstring: {missing}"
    return ["| name | what it is |", "|---|---|", *(f"| {a} | {b} |" for a, b in told)]


# cli.md


def options() -> str:
    """The help of every command."""
    group = click.Context(cli)
    told = [_help([])]
    for name in cli.list_commands(group):
        told += [f"## `progressive {name}`", "", _help([name])]
    return "\n".join(told)


def _help(command: list[str]) -> str:
    # in a process of its own: click remembers a command's help option from whoever asked first
    call = "from progressive._cli.main import cli; cli(prog_name='progressive', terminal_width=96)"
    words = [sys.executable, "-c", call, *command, "--help"]
    told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return f"```text\n{told.stdout.rstrip()}\n```\n"


# state-machine.md


def answers_table() -> str:
    """`ANSWERS`, as a table."""
    rows = ["| phase | order | answered by | then |", "|---|---|---|---|"]
    for (phase, order, why), (answer, rule) in ANSWERS.items():
        shown = f"`{order.__name__}`" + (f" ({why})" if why is not None else "")
        rows.append(f"| {phase} | {shown} | `{answer.__name__}` | {first_words(rule)} |")
    return "\n".join(rows)


def phases_table() -> str:
    """The phases and what they mean."""
    return "\n".join(["| phase | meaning |", "|---|---|", *_members(Phase)])


def _members(kind: type[Enum]) -> list[str]:
    lines = inspect.getsource(kind).splitlines()
    rows = []
    for number, line in enumerate(lines):
        if found := re.fullmatch(r"    [A-Z_]+ = \"([\w-]+)\"", line):
            rows.append(f"| {found[1]} | {lines[number + 1].strip().strip(chr(34))} |")
    return rows


def diagram() -> str:
    """The phases and every way between them, walked through with a small plan."""
    ways: dict[tuple[str, str], set[str]] = {}
    for situation in (CHANGED, FIRST, REPAIR, None):
        _walk(started(_SHORT, situation), ways)
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> pending"]
    for situation in (CHANGED, FIRST, REPAIR, None):
        ways.setdefault(("pending", str(started(_SHORT, situation).phase)), set()).add("Started")
    order = [str(one) for one in Phase]
    for (here, there), events in sorted(
        ways.items(), key=lambda way: (order.index(way[0][0]), order.index(way[0][1]))
    ):
        lines.append(f"    {here} --> {there}: {', '.join(sorted(events))}")
    return "\n".join([*lines, "    finished --> [*]", "```"])


_SHORT = evolve(SMALL, threshold=1, deadlines=evolve(SMALL.deadlines, undecided_rounds=1))
"""The same ways between phases as with more patience, and fewer states to walk through."""


def _walk(begin: Any, ways: dict[tuple[str, str], set[str]]) -> None:
    queue, seen = deque([begin]), {key(begin)}
    while queue:
        analysis = queue.popleft()
        if analysis.done:
            continue
        for event in (*answers(analysis), *interruptions(latest(analysis))):
            following = copy(analysis)
            following.receive(event)
            if following.phase is not analysis.phase:
                way = (str(analysis.phase), str(following.phase))
                ways.setdefault(way, set()).add(type(event).__name__)
            here = key(following)
            if here not in seen:
                seen.add(here)
                queue.append(following)


def orders_table() -> str:
    """Every order of the machine, and whether it changes the world."""
    rows = ["| order | what is to be done | changes the world |", "|---|---|---|"]
    for name in progressive.__all__:
        order = getattr(progressive, name)
        if not inspect.isclass(order) or not issubclass(order, Action) or order is Action:
            continue
        acts = "no" if order in (Read, Measure, AskReady, Wait, Finish) else "yes"
        rows.append(f"| `{name}` | {first_words(order)} | {acts} |")
    return "\n".join(rows)


# queries.md

_SHOP = Target(
    namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80
)
_MINUTE = timedelta(minutes=1)


def dialects() -> str:
    """Who reports in each mesh, and what a person must know."""
    rows = ["| dialect | views, in order | to know |", "|---|---|---|"]
    for name, dialect in DIALECTS.items():
        views = ", ".join(view.name for view in dialect.views)
        rows.append(f"| `{name}` | {views} | {dialect.note} |")
    rows += [f"| `{name}` | none | {why} |" for name, why in BLIND.items()]
    return "\n".join(rows)


def queries() -> str:
    """Every dialect's questions as PromQL."""
    rate, latency = MetricCheck.success_rate(at_least=99), MetricCheck.latency(at_most=500)
    told = []
    for name, dialect in DIALECTS.items():
        views, counting = dialect.views, dialect.counting()
        told += [f"### `{name}`", ""]
        for title, asked, by in (
            ("Success rate, percent", promql.promql(rate, _SHOP, Side.CANARY, dialect), views),
            ("p99, milliseconds", promql.promql(latency, _SHOP, Side.CANARY, dialect), views),
            ("Share of the canary, 0 to 1", promql.share(_SHOP, dialect, _MINUTE), counting),
            (
                "Requests of the canary",
                promql.requests(_SHOP, Side.CANARY, dialect, _MINUTE),
                counting,
            ),
        ):
            blocks = [f"# {v.name}\n{text}" for v, text in zip(by, asked, strict=True)]
            told += [f"{title}:", "", "```text", "\n\n".join(blocks), "```", ""]
    return "\n".join(told).rstrip()


# routers.md


def routers() -> str:
    """What every router can, as its class says it."""
    rows = [
        "| router | objects | weights up to | match | mirror | stickiness | accepted "
        "| built-in checks | settles |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in sorted(plugins.ROUTERS):
        made = plugins.router(name)
        if not (isinstance(made, type) and issubclass(made, MeshRouter)):
            continue
        router: Any = made(cluster=MemoryCluster([]))  # type: ignore[call-arg]
        can, codec = router.capabilities, router._codec
        page = REFERENCE / "routers" / f"{name}.md"
        kinds = ", ".join(dict.fromkeys(one.kind for one in codec.kinds))
        told = "by its status" if isinstance(codec, StatusCodec) else "not told"
        rows.append(
            f"| [`{name}`](routers/{page.name}) | {kinds} | {can.max_total} | {_yes(can.match)} "
            f"| {_yes(can.mirror)} | {_yes(can.sticky)} "
            f"| {'by istiod, if asked' if name == 'istio' else told} "
            f"| {f'`{can.dialect}`' if can.dialect else 'own queries'} "
            f"| {can.settle.total_seconds():g} s |"
        )
    return "\n".join(rows)


def _yes(can: bool) -> str:
    return "yes" if can else "refused"


GENERATED: dict[str, Callable[[], str]] = {
    "names": names,
    "doors": doors,
    "options": options,
    "answers": answers_table,
    "phases": phases_table,
    "diagram": diagram,
    "orders": orders_table,
    "dialects": dialects,
    "queries": queries,
    "routers": routers,
}

if __name__ == "__main__":
    for page in generated_pages():
        page.write_text(render(page), encoding="utf-8")
