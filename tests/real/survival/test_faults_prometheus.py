"""One bad answer of Prometheus, at every question of a release in turn; and lasting ones.

Whatever Prometheus says in its trouble is silence: it holds a round, and is no opinion about the
canary. The whole cross product is `python -m benchmarks survival-faults`.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve
from tests.real.stage.cases import (
    Case,
    Run,
    from_on,
    judged,
    kinds_met,
    metrics_plan,
    places,
    rotated,
    told,
)
from tests.real.stage.faulted import carry_out
from tests.realparts.control_plane import ControlPlane
from tests.realparts.faults import METRICS, anything
from tests.realparts.prometheus import Prometheus

pytestmark = [pytest.mark.real, pytest.mark.long]


def undisturbed(
    control_plane: ControlPlane, prometheus: Prometheus, folder: Path, kind: str
) -> list[Run]:
    """What a release asks when nothing goes wrong."""
    cases = [judged(Case(kind)) for _ in range(3)]
    runs = carry_out(control_plane, folder, cases, prometheus=prometheus)
    assert [] == told(runs)
    return runs


def _place(run: Run) -> str:
    return str(run.case).partition(" at ")[2]


@pytest.mark.parametrize(("kind", "each"), [("good", 4), ("bad", 4)])
def test_one_bad_answer_at_any_question_changes_nothing(
    control_plane: ControlPlane, prometheus: Prometheus, tmp_path: Path, kind: str, each: int
) -> None:
    """
    A good release is promoted and a bad one rolled back, whatever Prometheus says once.
    """
    found = places(undisturbed(control_plane, prometheus, tmp_path, kind))
    cases = [judged(one) for one in rotated(kind, found, METRICS, each=each)]
    runs = carry_out(control_plane, tmp_path, cases, prometheus=prometheus)

    assert [] == told(runs)
    # which side is asked for depends on when a sample is there: a question that the undisturbed
    # release happened to ask may come in none of the others, but not in some and not in others
    met = {_place(run) for run in runs if run.met is not None}
    assert [] == [str(run.case) for run in runs if run.met is None and _place(run) in met]
    assert len(met) >= 4
    assert {one.name for one in METRICS} == set(kinds_met(runs))


def test_a_lasting_fault_is_silence_and_nothing_else(
    control_plane: ControlPlane, prometheus: Prometheus, tmp_path: Path
) -> None:
    """
    An outage costs rounds; a Prometheus that never comes back ends `inconclusive`, traffic home.
    """
    named = {one.name: one for one in METRICS}
    plan = metrics_plan("good")
    impatient = evolve(plan, deadlines=evolve(plan.deadlines, undecided_rounds=2))
    away = [
        Case("good", metrics=True, plan=plan, about=f"{name} for 5 s",
             choose=partial(from_on, 1, named[name], among=anything, seconds=5))
        for name in ("500", "503 Retry-After", "hang", "cut", "NaN", "empty")
    ]  # fmt: skip
    gone = [
        Case("good", metrics=True, plan=impatient, may=frozenset({("inconclusive", "no-data")}),
             about=f"{name} for ever", choose=partial(from_on, 3, named[name], among=anything))
        for name in ("422", "503", "hang", "cut", "200 in HTML", "NaN", "several series")
    ]  # fmt: skip
    runs = carry_out(control_plane, tmp_path, [*away, *gone], prometheus=prometheus)

    assert [] == told(runs)
    assert {("promoted", None)} == {run.outcome for run in runs[: len(away)]}
    assert {("inconclusive", "no-data")} == {run.outcome for run in runs[len(away) :]}
    assert all(timedelta(0) < run.report.duration for run in runs if run.report)
