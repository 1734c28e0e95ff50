"""One bad answer of the API server, at every request of a release in turn; and lasting ones.

The whole cross product is `python -m benchmarks survival-faults`; here every request meets two
faults, and every fault several kinds of request, the same ones each time.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve
from tests.real.cases import PLAN, Case, Run, from_on, kinds_met, places, rotated, told
from tests.real.faulted import LANES, carry_out
from tests.realparts import faults
from tests.realparts.asked import Asked
from tests.realparts.control_plane import ControlPlane
from tests.realparts.faults import API, REFUSALS, SILENT_STREAM, Fault
from tests.realparts.proxy import Choose

pytestmark = pytest.mark.real

SHORT = evolve(PLAN, deadlines=evolve(PLAN.deadlines, route=timedelta(seconds=6)))
"""A way home that cannot be written is given up after six seconds instead of ten minutes."""

_NAMED = {one.name: one for one in (*API, *REFUSALS)}


def undisturbed(control_plane: ControlPlane, folder: Path, kind: str) -> list[Run]:
    """What a release asks when nothing goes wrong; several, for threads ask at their leisure."""
    runs = carry_out(control_plane, folder, [Case(kind) for _ in range(3)], lanes=3)
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
    runs = carry_out(control_plane, tmp_path, cases, lanes=LANES)
    wrong, missed = told(runs), [str(run.case) for run in runs if run.met is None]

    assert [] == wrong
    assert [] == missed, "every fault met its request"
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
    known = {key for key, _, _ in places(undisturbed(control_plane, tmp_path, "good"))}
    found = places(undisturbed(control_plane, tmp_path, "first"))
    own = [one for one in found if one[0] not in known]
    runs = carry_out(control_plane, tmp_path, rotated("first", own, API, each=2), lanes=LANES)

    assert 10 < len(own)
    assert [] == told(runs)
    assert [] == [str(run.case) for run in runs if run.met is None]


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
    runs = carry_out(control_plane, tmp_path, cases, lanes=LANES)

    assert [] == told(runs)
    assert [] == [str(run.case) for run in runs if run.met is None]


def test_a_refusal_at_any_request_ends_in_order(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    """
    403 and 422 say that no repetition helps: the outcome is a named one, the split is what the
    report says, and the next release puts everything right.
    """
    may = frozenset(
        {
            ("rejected", None),
            ("rolled_back", "router-error"),
            ("rolled_back", "canary-not-ready"),
            ("stuck", "primary-not-ready"),
            ("stuck", "router-error"),
        }
    )
    found = places(undisturbed(control_plane, tmp_path, "good"))
    cases = [
        Case(one.kind, one.fault, one.key, one.nth, plan=SHORT, may=may,
             spared=frozenset({"lease", "journal", "fence", "replicas"}))
        for one in rotated("good", found, REFUSALS, each=1)
    ]  # fmt: skip
    runs = carry_out(control_plane, tmp_path, cases, lanes=LANES)

    assert [] == told(runs)
    assert {"rejected", "rolled_back", "promoted"} <= {run.outcome[0] for run in runs}


def _weights(asked: Asked) -> bool:
    return asked.what == "patch virtualservices" and b"weight" in asked.body


def _journal(asked: Asked) -> bool:
    return asked.what == "patch configmaps"


def _lease(asked: Asked) -> bool:
    return asked.what == "patch leases"


def lasting(
    about: str, choose: partial[Choose], *may: tuple[str, str | None], spared: str = ""
) -> Case:
    """A fault that lasts."""
    allowed, unseen = frozenset(may), frozenset(spared.split())
    return Case("good", choose=choose, plan=SHORT, may=allowed, spared=unseen, about=about)


def outage(n: int, fault: Fault, seconds: float) -> Case:
    """From request n on nothing is answered well for a time."""
    return lasting(
        f"from request {n} on {fault} for {seconds:g} s",
        partial(from_on, n, fault, among=faults.whatever, seconds=seconds),
        *([("unreachable", None)] if n < 15 else []),
    )


HOME, STUCK = ("rolled_back", "router-error"), ("stuck", "router-error")
FORBIDDEN, AWAY = _NAMED["403"], _NAMED["503"]
LASTING = (
    *(outage(n, _NAMED[name], 4) for n in (1, 8, 16, 22, 28, 34, 40) for name in ("503", "cut")),
    *(outage(n, _NAMED["hang"], 4) for n in (16, 24, 32)),
    lasting("weights are forbidden from the second on",
            partial(from_on, 2, FORBIDDEN, among=_weights), STUCK, spared="fence"),
    lasting("weights are forbidden from the second on, for 2 s",
            partial(from_on, 2, FORBIDDEN, among=_weights, seconds=2), HOME),
    lasting("weights are forbidden from the first on",
            partial(from_on, 1, FORBIDDEN, among=_weights), HOME),
    lasting("weights are answered 503 from the second on",
            partial(from_on, 2, AWAY, among=_weights), STUCK, spared="fence"),
    lasting("the journal is answered 503 from the third save on",
            partial(from_on, 3, AWAY, among=_journal), HOME, spared="journal"),
    lasting("the Lease is answered 503 from its second write on",
            partial(from_on, 2, AWAY, among=_lease), spared="lease"),
    lasting("everything is answered 503 from request 26 on",
            partial(from_on, 26, AWAY, among=faults.whatever), STUCK,
            spared="journal lease fence"),
    lasting("no stream is opened",
            partial(from_on, 1, AWAY, among=faults.watches)),
    lasting("no stream comes through",
            partial(from_on, 1, SILENT_STREAM, among=faults.watches)),
)  # fmt: skip


def test_a_lasting_fault_ends_as_it_is_named(control_plane: ControlPlane, tmp_path: Path) -> None:
    """
    An outage costs time; what never comes back ends in a named outcome, and never unnoticed.
    """
    runs = carry_out(control_plane, tmp_path, LASTING, lanes=LANES)
    outcomes = {run.case.about: run.outcome for run in runs}

    assert [] == told(runs)
    assert STUCK == outcomes["weights are forbidden from the second on"]
    assert HOME == outcomes["weights are forbidden from the second on, for 2 s"]
    assert ("promoted", None) == outcomes["no stream comes through"]
    assert ("promoted", None) == outcomes["from request 28 on 503 for 4 s"]
