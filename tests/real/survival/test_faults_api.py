"""One bad answer of the API server, at every request of a release in turn; and lasting ones.

The whole cross product is `python -m benchmarks survival-faults`; here every request meets two
faults, and every fault several kinds of request, the same ones each time.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.real.stage.cases import Case, Run, kinds_met, places, refused, rotated, told
from tests.real.stage.faulted import carry_out
from tests.real.stage.lasting import HOME, LASTING, STUCK
from tests.realparts import faults
from tests.realparts.asked import WRITES
from tests.realparts.control_plane import ControlPlane
from tests.realparts.faults import API, REFUSALS

pytestmark = [pytest.mark.real, pytest.mark.long]


def undisturbed(control_plane: ControlPlane, folder: Path, kind: str) -> list[Run]:
    """What a release asks when nothing goes wrong; several, for threads ask at their leisure."""
    runs = carry_out(control_plane, folder, [Case(kind) for _ in range(3)])
    assert [] == told(runs)
    return runs


def test_one_bad_answer_at_any_request_changes_nothing(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    """
    A single HTTP 500 must not be the end of a release, nor leave one standing for ever.
    """
    found = places(undisturbed(control_plane, tmp_path, "good"))
    cases = rotated("good", found, API, each=2)
    runs = carry_out(control_plane, tmp_path, cases)

    assert [] == told(runs)
    assert [] == not_met(runs)
    kinds = kinds_met(runs)
    assert {one.name for one in API} == set(kinds)
    few = {"422 does not fit", *(one.name for one in API if one.happens_to is faults.watches)}
    assert [] == [name for name, met in kinds.items() if len(met) < 4 and name not in few]


def test_one_bad_answer_in_a_first_deploy_changes_nothing(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    """
    Half a first deploy would leave an application without its service.
    """
    known = {one[:2] for one in places(undisturbed(control_plane, tmp_path, "good"))}
    found = places(undisturbed(control_plane, tmp_path, "first"))
    own = [one for one in found if one[:2] not in known]
    runs = carry_out(control_plane, tmp_path, rotated("first", own, API, each=2))

    assert 10 < len(own)
    assert [] == told(runs)
    assert [] == not_met(runs)


def not_met(runs: list[Run]) -> list[str]:
    """
    Faults that no request ran into, and so proved nothing, if they are more than time explains.

    How often a Lease is renewed and a watch is opened is a matter of time. So is whether what was
    read is still young enough, and whether a write is planned anew: all undisturbed runs may ask
    on a busy machine what none does later. The first of each write comes in every run.
    """
    missed = [run.case for run in runs if run.met is None]
    missed = [one for one in missed if not ("renew" in one.key or "watch" in one.key)]
    if len(missed) <= len(runs) / 10:
        missed = [one for one in missed if one.nth == 1 and one.key.startswith(WRITES)]
    return [str(one) for one in missed]


def test_one_bad_answer_on_the_way_home_changes_nothing(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    """
    A bad release is rolled back, whatever single answer is lost after its check has failed.
    """
    runs = undisturbed(control_plane, tmp_path, "bad")
    found = places(runs)
    writes = [n for n, (key, _, _) in enumerate(found) if key == "patch virtualservices my-app"]
    cases = rotated("bad", found[writes[0] :], API, each=2)
    runs = carry_out(control_plane, tmp_path, cases)

    assert [] == told(runs)
    assert [] == not_met(runs)


def test_a_refused_write_ends_in_order(control_plane: ControlPlane, tmp_path: Path) -> None:
    """
    403 and 422 say that no repetition helps: the outcome is a named one, the split is what the
    report says, and the next release puts everything right.
    """
    found = places(undisturbed(control_plane, tmp_path, "good"))
    written = [one for one in found if faults.writes(one[2])]
    cases = [refused(one) for one in rotated("good", written, REFUSALS, each=1)]
    runs = carry_out(control_plane, tmp_path, cases)

    assert [] == told(runs)
    assert {"rejected", "rolled_back", "promoted"} <= {run.outcome[0] for run in runs}


def test_a_lasting_fault_ends_as_it_is_named(control_plane: ControlPlane, tmp_path: Path) -> None:
    """
    An outage costs time; what never comes back ends in a named outcome, and never unnoticed.
    """
    runs = carry_out(control_plane, tmp_path, LASTING)
    outcomes = {run.case.about: run.outcome for run in runs}

    assert [] == told(runs)
    assert STUCK == outcomes["weights are forbidden from the second on"]
    assert HOME == outcomes["weights are forbidden from the second on, for 2 s"]
    assert ("promoted", None) == outcomes["no stream comes through"]
    assert ("promoted", None) == outcomes["from request 28 on 503 for 4 s"]
