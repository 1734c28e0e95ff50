"""Each benchmark runs once, so that it cannot rot; what it measures is printed, never asserted.

Counts are facts, and those that a budget names are asserted.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from benchmarks.figures import Figure, Spread, table
from benchmarks.survival import faults
from tests.real.stage import roads
from tests.realparts.control_plane import ControlPlane
from tests.realparts.prometheus import Prometheus

from benchmarks import api_requests, codecs, imports, machine, memory, traffic, way_home
from progressive import plugins

ROOT = Path(__file__).parents[2]


def shown(figures: Sequence[Figure]) -> str:
    """The table, for `pytest -rP`; no figure is empty."""
    text = table(figures)
    sys.stdout.write(f"{text}\n")
    assert all(one.what and one.measured for one in figures)
    return text


def test_imports_are_measured() -> None:
    """The bare import loads the face, and nothing else of the library."""
    text = shown(imports.measure(small=True))

    assert "`import kubernetes.client`" in text
    assert 1 == imports.modules("import progressive")
    assert imports.modules("from progressive import CanaryAnalysis") < 120


def test_every_codec_is_measured() -> None:
    """A router that nobody measured may be the slow one."""
    text = shown(codecs.measure(small=True))

    assert {name for name in plugins.ROUTERS if f"codec {name}" not in text} == {"envoy"}


def test_the_machine_is_measured() -> None:
    """Events, a save, a simulated release, and a journal that stays bounded."""
    figures = shown(machine.measure(small=True))

    assert "events in" in figures
    assert "20 rounds" in figures


@pytest.mark.real
def test_requests_are_counted(control_plane: ControlPlane, prometheus: Prometheus) -> None:
    """
    A promoted release asks for less than 60, and nothing asks when nothing runs.

    Nineteen of them save the journal and renew the Lease. In intervals of a second these are
    others, so the rest is what is held to it here; a busy machine looks at the split once more
    where a canary was awaited for long.
    """
    figures = api_requests.measure((control_plane, prometheus), small=True)
    shown(figures)
    asked, timed = int(figures[0].measured.split()[0]), int(figures[1].measured)

    assert asked - timed < 60 - 19 + 3
    assert 0 < timed
    assert "0" == figures[3].measured


@pytest.mark.real
def test_memory_is_measured(control_plane: ControlPlane, prometheus: Prometheus) -> None:
    """The typed models of the client are never loaded: that is a fact, the MiB are printed."""
    figures = memory.measure((control_plane, prometheus))
    shown(figures)

    assert figures[1].measured.startswith("0 (and 0 ")


@pytest.mark.real
def test_the_way_home_is_measured(control_plane: ControlPlane, prometheus: Prometheus) -> None:
    """SIGTERM in a hold, and the split is home."""
    shown(way_home.measure((control_plane, prometheus), small=True))


@pytest.mark.real
def test_what_is_survived_is_counted(control_plane: ControlPlane, prometheus: Prometheus) -> None:
    """One fault for each request of a rollback: each ends as if nothing had been."""
    figures = faults.measure((control_plane, prometheus), small=True)
    shown(figures)
    good, _, all_of_them, *_ = figures[0].measured.split()

    assert good == all_of_them
    assert 8 <= int(good)


def test_figures_become_a_table() -> None:
    """The documentation holds what the command prints."""
    spread = Spread.of([3.0, 1.0, 2.0], "ms")
    rows = table([Figure(what="a", measured=str(spread), budget="< 5 ms")]).splitlines()

    assert "| a | 2 ms (1 to 3) |  | < 5 ms |" == rows[2]
    assert 3 == len(rows)


def test_verbs_are_told_with_the_dearest_resource_first() -> None:
    """People look for where the requests go."""
    asked = Counter({("get", "leases"): 1, ("get", "services"): 2, ("patch", "leases"): 8})

    assert "get: services 2, leases 1; patch: leases 8" == api_requests.by_verb(asked)


def test_the_command_names_what_there_is() -> None:
    """`python -m benchmarks nonsense` is a usage error, before anything is started."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "nonsense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert 2 == done.returncode
    alone, on_parts = "codecs, imports, machine", "api-requests, memory, way-home"
    long = "survival, survival-faults, traffic"
    assert f"there is only {alone}, {on_parts}, {long}" in done.stderr


@pytest.mark.real
def test_traffic_is_measured() -> None:
    """One router and two weights; the suite of real traffic has them all."""
    with roads.file_scene() as scene:
        figures = traffic.told("Envoy, by a file", scene, weights=(0, 50))
    shown(figures)

    assert figures[0].measured == "0 % of 2,000; 0 failed"
    assert figures[0].beside == "3 sigma: 0 %"
    assert figures[1].beside == "3 sigma: 46.65 % to 53.35 %"
