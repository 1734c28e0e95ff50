"""What a release survives: every fault at every request, towards the API server and Prometheus.

A proxy stands between driver and server and lets one request of each release meet one fault; the
releases and their faults are those of the tests (`tests/real/stage`, `tests/realparts`).
The tests try a part of it; this tries each fault at each request that it can happen to.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.real.stage.cases import (
    EXPECTED,
    Case,
    Place,
    Run,
    judged,
    key_of,
    places,
    refused,
    rotated,
)
from tests.real.stage.faulted import carry_out
from tests.real.stage.lasting import LASTING
from tests.realparts.faults import API, METRICS, REFUSALS, Fault

from benchmarks.figures import Figure
from benchmarks.shop import Parts

_KINDS = {"good": "a good release", "bad": "a bad one, from its first weight on",
          "first": "a first deploy, where it differs"}  # fmt: skip
_FIRST_WEIGHT = "patch virtualservices my-app"


def measure(parts: Parts, *, small: bool = False) -> list[Figure]:
    """
    All figures; takes some twenty minutes. `small`: one fault for each request of a rollback.

    What was otherwise than it should be is told on standard error, release by release.
    """
    with tempfile.TemporaryDirectory() as made:
        proof = _Proof(parts, Path(made))
        if small:
            cases = rotated("bad", proof.asked("bad"), API, each=1)
            return [_row("API server", proof.carry_out(cases))]
        api = [one for kind in _KINDS for one in _product(kind, proof.asked(kind), API)]
        refusals = [refused(one) for one in _product("good", proof.asked("good"), REFUSALS)]
        metrics = [
            judged(one)
            for kind in ("good", "bad")
            for one in _product(kind, proof.asked(kind, judged), METRICS)
        ]
        figures = _told("API server", proof.carry_out(api), API)
        figures += _told("Prometheus", proof.carry_out(metrics), METRICS)
        figures += [_ends(proof.carry_out(refusals))]
        return [*figures, *map(_lasting, proof.carry_out(LASTING))]


class _Proof:
    """Carries cases out, and remembers what undisturbed releases ask."""

    def __init__(self, parts: Parts, folder: Path) -> None:
        self._plane, self._prometheus = parts
        self._folder = folder

    def asked(self, kind: str, made: Callable[[Case], Case] = lambda one: one) -> Sequence[Place]:
        """The requests of a kind of release that are its own."""
        runs = self.carry_out([made(Case(kind)) for _ in range(3)])
        if wrong := [run for run in runs if run.wrong]:
            raise RuntimeError(f"undisturbed releases went wrong: {wrong[0]}: {wrong[0].wrong}")
        found = places(runs)
        if runs[0].case.metrics or kind == "good":
            return found
        if kind == "bad":
            begin = next(n for n, one in enumerate(found) if one[0] == _FIRST_WEIGHT)
            return found[begin:]
        known = {(key, nth) for key, nth, _ in self.asked("good")}
        return [one for one in found if one[:2] not in known]

    def carry_out(self, cases: Sequence[Case]) -> list[Run]:
        """All of them; what is wrong is said at once."""
        return carry_out(
            self._plane,
            self._folder,
            cases,
            prometheus=self._prometheus,
            done=_say,
        )


def _product(kind: str, found: Sequence[Place], faults: Sequence[Fault]) -> list[Case]:
    return rotated(kind, found, faults, each=len(faults))


def _say(run: Run) -> None:
    if run.wrong:
        sys.stderr.write(f"{run}\n  " + "\n  ".join(run.wrong) + "\n")


def _told(server: str, runs: list[Run], faults: Sequence[Fault]) -> list[Figure]:
    """All of them, by kind of release, and by fault."""
    figures = [_row(server, runs)]
    for kind, words in _KINDS.items():
        if mine := [run for run in runs if run.case.kind == kind]:
            # a question to Prometheus is only asked once there is a weight
            short = words.partition(",")[0] if mine[0].case.metrics else words
            figures.append(_row(f"{server}: {short}", mine))
    for fault in faults:
        mine = [run for run in runs if run.case.fault is fault]
        figures.append(_row(f"{server}: `{fault}`", mine, longest=True))
    return figures


def _row(what: str, runs: list[Run], *, longest: bool = False) -> Figure:
    good = sum(not run.wrong for run in runs)
    met = [key_of(run.met) if run.case.metrics else run.met.what for run in runs if run.met]
    kinds = "questions" if runs[0].case.metrics else "kinds of request"
    words = f"{good} of {len(runs)} as if nothing had been, at {len(set(met))} {kinds}"
    if missed := len(runs) - len(met):
        words += f"; {missed} never met their request"
    if longest:
        spent = [run.report.duration.total_seconds() for run in runs if run.report]
        words += f"; the longest took {max(spent):.0f} s" if spent else ""
    return Figure(what=what, measured=words, budget="all")


def _ends(runs: list[Run]) -> Figure:
    """Refusals end a release, in order."""
    good = sum(not run.wrong for run in runs)
    ends = Counter(" ".join(filter(None, map(str, run.outcome))) for run in runs)
    told = ", ".join(f"{count} {end.replace(' None', '')}" for end, count in ends.most_common())
    words = f"{good} of {len(runs)} ended in order, and the next release was promoted: {told}"
    return Figure(what="API server: 403 or 422 at one request", measured=words, budget="all")


def _lasting(run: Run) -> Figure:
    outcome, reason = run.outcome
    words = f"{outcome}" + (f" ({reason})" if reason else "")
    if run.outcome != EXPECTED[run.case.kind] and not run.wrong:
        words += ", and the next release was promoted"
    if run.wrong:
        words += f"; WRONG: {'; '.join(run.wrong)}"
    return Figure(what=f"API server: {run.case}", measured=words)
