"""What an import costs: facts are asserted, milliseconds only printed (`pytest -rP`).

Stopwatches differ between machines; which modules are loaded does not.
"""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from tests.architecture.house import SOURCE

HEAVY = frozenset(
    {
        "attr",
        "attrs",
        "cattrs",
        "click",
        "kubernetes",
        "prometheus_api_client",
        "requests",
        "urllib3",
        "tenacity",
        "asyncio",
        "yaml",
        "importlib.metadata",
        "typing",
        "dataclasses",
        "inspect",
        "enum",
        "logging",
        "json",
    }
)

_PROBE = """
import sys, time
before, begun = set(sys.modules), time.process_time()
{statement}
spent = time.process_time() - begun
print(repr({{"milliseconds": spent * 1000, "loaded": sorted(set(sys.modules) - before)}}))
"""


def _loaded(statement: str) -> set[str]:
    """Modules that a statement loads in a fresh interpreter."""
    # -S and -I: neither .pth files nor the environment load anything beforehand
    program = f"import sys; sys.path[:0] = {[str(SOURCE.parent), *sys.path]!r}\n"
    program += _PROBE.format(statement=statement)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    told = ast.literal_eval(done.stdout)
    sys.stdout.write(
        f"{statement}: {told['milliseconds']:.1f} ms CPU, {len(told['loaded'])} modules\n"
    )
    return set(told["loaded"])


def test_the_bare_import_loads_nothing() -> None:
    """
    A program that may need a release some day must not pay for it at every start.
    """
    loaded = _loaded("import progressive")

    assert {"progressive"} == loaded


def test_the_probe_sees_what_is_loaded() -> None:
    """
    A gate that can find nothing must fail.
    """
    assert {"asyncio", "typing", "enum"} <= _loaded("import asyncio")


PURE = ("CanaryAnalysis", "Plan", "MetricCheck", "Split", "Report", "RolledBack", "Target")


@pytest.mark.parametrize("name", PURE)
def test_a_pure_name_loads_no_client(name: str) -> None:
    """
    Whoever embeds the machine, or only judges, talks to no cluster and reads no document.
    """
    loaded = _loaded(f"from progressive import {name}")
    kept = {"attrs", "attr", "typing", "dataclasses", "inspect", "enum"}

    assert set() == loaded & (HEAVY - kept)
    assert "attrs" in loaded


@pytest.mark.parametrize(
    "statement",
    [
        "from progressive import Runner",
        "import progressive.routers, progressive.metrics, progressive.stores",
        "import progressive.clusters, progressive.plugins, progressive.testing",
        "from progressive import load",
    ],
)
def test_a_door_loads_no_client_library(statement: str) -> None:
    """
    Client libraries are loaded by the first call that needs them: they are most of the cost.
    """
    clients = {"kubernetes", "prometheus_api_client", "requests", "urllib3", "tenacity"}

    assert set() == _loaded(statement) & {*clients, "click", "asyncio", "yaml"}


def test_the_version_is_told_without_a_command_line() -> None:
    """
    Pipelines ask for it at every build.
    """
    loaded = _loaded(
        "sys.argv = ['progressive', '--version']; import runpy; sys.stdout.write, kept = "
        "(lambda text: len(text)), sys.stdout.write\n"
        "runpy.run_module('progressive', run_name='__main__')\n"
        "sys.stdout.write = kept"
    )

    assert "progressive" in loaded
    assert set() == loaded & {"click", "attrs", "kubernetes", "yaml", "asyncio", "requests"}


def test_the_version_is_the_packages() -> None:
    """
    The words are read by programs: `progressive 1.2.3`.
    """
    import progressive

    done = subprocess.run(
        [sys.executable, "-m", "progressive", "--version"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert f"progressive {progressive.__version__}\n" == done.stdout
