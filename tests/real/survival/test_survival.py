"""What a release survives: killed, stopped and rival drivers, and clocks that jump.

The same at full size, with 500 kills, is a benchmark: `python -m benchmarks survival`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks.survival import campaign, figures_of
from benchmarks.survival.driver import Job
from benchmarks.survival.mortal import Doom
from benchmarks.survival.stage import KINDS, Stage
from tests.real.stage.shop import NEW, Place, Running
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for
from tests.realparts.prometheus import Prometheus

pytestmark = [
    pytest.mark.real,
    pytest.mark.apart,
    pytest.mark.long,
    pytest.mark.analysis(interval="10m", maxWeight=20),  # a weight is held for long
]


def test_drivers_that_die_leave_what_an_undisturbed_one_would(
    control_plane: ControlPlane, prometheus: Prometheus
) -> None:
    """
    L16, L18, L19: some 25 SIGKILLs, at chosen writes and at moments, over seven kinds of releases.
    """
    found = campaign.run((control_plane, prometheus), kills=25, seed=7, together=3)
    faults = [f"{life.kind}, died {life.killed}: {fault}" for life, fault in found.lives if fault]

    assert [] == faults
    assert 25 <= found.kills
    assert set(found.undisturbed) == {kind.name for kind in KINDS}
    assert "0" == next(one.measured for one in figures_of(found) if one.what.startswith("stuck"))


def account(place: Place, name: str) -> Path:
    """A user of its own, so that the server's audit log tells its requests from others'."""
    api, namespace = place.api, place.namespace
    meta = {"name": name, "namespace": namespace}
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    group = "rbac.authorization.k8s.io"
    api.create(
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", **meta}],
        }
    )
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    config = json.loads(place.control_plane.kubeconfig(namespace=namespace).read_text())
    config["users"][0]["user"]["token"] = api.post(path, asked)["status"]["token"]
    file = place.folder / f"{name}.yaml"
    file.write_text(json.dumps(config))
    return file


@pytest.mark.parametrize("count", [2, 5, 20])
def test_of_many_drivers_one_moves_and_the_others_are_busy(place: Place, count: int) -> None:
    """
    L18: every job of a pipeline that starts twice; nobody but the one writes anything.
    """
    names = [f"driver-{number}" for number in range(count)]
    drivers: dict[str, Running] = {}
    for name, file in [(name, account(place, name)) for name in names]:
        place.environment["KUBECONFIG"] = str(file)
        drivers[name] = place.start("run", *NEW)

    def alive() -> list[str]:
        return [name for name, one in drivers.items() if one.process.poll() is None]

    wait_for(lambda: len(alive()) == 1, "one driver left", seconds=240)
    (mover,) = alive()
    drivers[mover].wait_for("step weight=20")
    drivers[mover].tell(signal.SIGTERM)
    ended = {name: one.end() for name, one in drivers.items()}

    others = [name for name in names if name != mover]
    assert ("aborted", 11) == (ended[mover].answer["outcome"], ended[mover].code)
    assert {("busy", 8)} == {(ended[one].answer["outcome"], ended[one].code) for one in others}
    assert (100, 0) == place.split()
    wrote = {one: writes(place, f"system:serviceaccount:{place.namespace}:{one}") for one in names}
    assert ("patch", "virtualservices", 200) in wrote[mover]
    for other in others:
        # whoever wants the Lease at the same instant asks for it, and is refused
        assert set(wrote[other]) <= {("create", "leases", 409), ("patch", "leases", 409)}


def writes(place: Place, user: str, *, since: int = 0) -> list[tuple[str, str, int]]:
    """What a user wrote in the place's namespace, and how it was answered."""
    return place.control_plane.writes(user, since=since, namespace=place.namespace)


class Sleeper:
    """
    A driver that falls asleep before a write, in an application of its own.

    Attributes:
        stage: The application.
    """

    def __init__(self, control_plane: ControlPlane, prometheus: Prometheus) -> None:
        self.stage = Stage(control_plane, prometheus, KINDS[0])
        self._processes: list[subprocess.Popen[str]] = []

    def job(self, **changes: Any) -> Job:
        """For a driver of this application."""
        place = self.stage.place
        job = Job(
            kubeconfig=place.environment["KUBECONFIG"],
            namespace=place.namespace,
            prometheus=place.environment["PROGRESSIVE_METRICS_SERVER"],
            file=str(place.file),
            record=str(self.stage.record),
            image="my-app:2",
        )
        return replace(job, **changes)

    def start(self, job: Job) -> subprocess.Popen[str]:
        """A driver."""
        file = self.stage.place.folder / f"job-{len(self._processes)}.json"
        job.write(file)
        words = [sys.executable, "-m", "benchmarks.survival.driver", str(file)]
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
            env=self.stage.place.environment,
        )
        self._processes.append(process)
        return process

    def told(self, kind: str, process: subprocess.Popen[str]) -> list[dict[str, Any]]:
        """Lines of one kind in the record, of one driver."""
        if not self.stage.record.exists():
            return []
        lines = map(json.loads, self.stage.record.read_text().splitlines())
        return [one for one in lines if one["kind"] == kind and one["pid"] == process.pid]

    def end(self) -> None:
        """None of its drivers outlives the test."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.send_signal(signal.SIGCONT)
            process.communicate()
        self.stage.strike()


@pytest.fixture
def sleeper(control_plane: ControlPlane, prometheus: Prometheus) -> Iterator[Sleeper]:
    """A driver that can be put to sleep."""
    sleeper = Sleeper(control_plane, prometheus)
    yield sleeper
    sleeper.end()


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_driver_that_slept_cannot_land_a_late_write(sleeper: Sleeper, nth: int) -> None:
    """
    L18: stopped between its read and its write, replaced by one that aborts, and woken.
    """
    place = sleeper.stage.place
    late = sleeper.start(sleeper.job(doom=Doom(what="route", nth=nth, when="asleep")))
    wait_for(lambda: sleeper.told("sleeps", late), "a driver asleep")
    place.act_as("other")
    aborted = place.run("abort", "--why", "its driver does not answer")
    mark = place.control_plane.mark()
    late.send_signal(signal.SIGCONT)
    code = late.wait(60)

    assert ("aborted", 0) == (aborted.answer["outcome"], aborted.code), aborted.lines
    assert (8, ["busy"], ["lease-lost"]) == (
        code,
        [one["outcome"] for one in sleeper.told("ends", late)],
        [one["reason"] for one in sleeper.told("ends", late)],
    )
    assert (100, 0) == place.split()
    answers = [
        status
        for verb, resource, status in place.control_plane.writes(
            "progressive", since=mark, namespace=place.namespace
        )
        if resource == "virtualservices"
    ]
    assert answers, "it never tried"
    assert all(status in (409, 422) for status in answers), answers


def test_a_lease_that_was_deleted_makes_no_sleeping_driver_the_present_one(
    sleeper: Sleeper,
) -> None:
    """
    L18: somebody unlocks the target by hand, and another driver goes on with the same run; its
    token is another one, so what the sleeper had planned is refused.
    """
    place = sleeper.stage.place
    late = sleeper.start(sleeper.job(doom=Doom(what="route", nth=2, when="asleep")))
    wait_for(lambda: sleeper.told("sleeps", late), "a driver asleep")
    before = token(place)
    lease = ("coordination.k8s.io/v1", "Lease", place.namespace, "progressive-my-app")
    place.api.delete(place.api.path(*lease))
    other = str(place.control_plane.kubeconfig("other", namespace=place.namespace))
    doom = Doom(what="route", nth=1, when="asleep")
    next_one = sleeper.start(sleeper.job(resume=True, kubeconfig=other, doom=doom))
    wait_for(lambda: sleeper.told("sleeps", next_one), "the next driver asleep")
    after, taken = token(place), place.api.read(*lease[:2], *lease[2:])["spec"]["leaseTransitions"]
    mark = place.control_plane.mark()
    late.send_signal(signal.SIGCONT)
    code = late.wait(60)
    split = place.split()
    answers = writes(place, "progressive", since=mark)

    run, _, number = before.rpartition("/")
    assert (f"{run}/{int(number) + 1}", int(number) + 1) == (after, taken)
    assert (8, ["lease-lost"]) == (code, [one["reason"] for one in sleeper.told("ends", late)])
    assert (80, 20) == split
    late_ones = [status for _, resource, status in answers if resource == "virtualservices"]
    assert late_ones, "it never tried"
    assert all(status in (409, 422) for status in late_ones), late_ones


def token(place: Place) -> str:
    """Whose run steers the route, as it says."""
    route = place.read("VirtualService", "my-app", "networking.istio.io/v1")
    return str(route["metadata"]["annotations"]["progressive.dev/driver"])


def test_a_driver_that_slept_brings_up_no_canary_that_nobody_asked_for(sleeper: Sleeper) -> None:
    """
    It sleeps before its first write to the target; another one aborts, with no pod to take away.
    """
    place = sleeper.stage.place
    late = sleeper.start(sleeper.job(doom=Doom(what="scale", nth=1, when="asleep")))
    wait_for(lambda: sleeper.told("sleeps", late), "a driver asleep")
    place.act_as("other")
    aborted = place.run("abort", "--why", "its driver does not answer")
    mark = place.control_plane.mark()
    late.send_signal(signal.SIGCONT)
    code = late.wait(60)
    answers = [
        status
        for verb, resource, status in place.control_plane.writes(
            "progressive", since=mark, namespace=place.namespace
        )
        if resource == "deployments"
    ]

    assert ("aborted", 0) == (aborted.answer["outcome"], aborted.code), aborted.lines
    assert (8, ["lease-lost"]) == (code, [one["reason"] for one in sleeper.told("ends", late)])
    assert 0 == place.replicas("my-app")
    assert answers, "it never tried"
    assert all(status in (409, 422) for status in answers), answers


@pytest.mark.parametrize("what", ["promote", "scale"])
def test_a_driver_that_slept_does_not_touch_the_release_after_it(
    sleeper: Sleeper, what: str
) -> None:
    """
    It sleeps before it replaces the primary, or takes the canary's pods; another finishes its run
    and begins one of a newer version. What it wanted is of yesterday.
    """
    place = sleeper.stage.place
    nth = 1 if what == "promote" else 2
    late = sleeper.start(sleeper.job(doom=Doom(what=what, nth=nth, when="asleep")))
    wait_for(lambda: sleeper.told("sleeps", late), "a driver asleep")
    finisher = sleeper.start(sleeper.job(resume=True))
    assert 0 == finisher.wait(90), finisher.stderr
    place.document["spec"]["analysis"]["interval"] = "10m" if what == "scale" else "300ms"
    place.write(place.document)
    newer = sleeper.start(sleeper.job(image="my-app:3"))
    if what == "scale":
        wait_for(lambda: place.split() == (80, 20), "users on the newer version")
    else:
        assert 0 == newer.wait(90), newer.stderr
    late.send_signal(signal.SIGCONT)
    code = late.wait(60)

    assert 8 == code, sleeper.told("ends", late)
    if what == "scale":
        assert 2 == place.replicas("my-app"), "the canary that has users lost its pods"
    else:
        assert "my-app:3" == place.image("my-app-primary"), "the primary is of yesterday"


@pytest.mark.parametrize("jumps", [(3600, -3600), (-3600, 3600)])
def test_a_clock_that_jumps_by_an_hour_moves_nothing(place: Place, jumps: tuple[int, int]) -> None:
    """
    L18: no machine's time of day is compared with another's, and waits go by a clock that
    cannot jump; a second driver is busy all the while.
    """
    # in each hold another command starts, and looks whether this one lives
    place.document["spec"]["analysis"].update(interval="20s", maxWeight=40)
    place.write(place.document)
    clock = place.folder / "clock"
    clock.write_text("0")
    program = ("-m", "tests.real.stage.jumping", str(clock))
    begun = time.monotonic()
    running = place.start("run", *NEW, program=program)
    running.wait_for("step weight=20")
    clock.write_text(str(jumps[0]))
    second = place.run()
    running.wait_for("step weight=40")
    clock.write_text(str(jumps[1]))
    third = place.run()
    ended = running.end()

    assert [("busy", 8)] * 2 == [(one.answer["outcome"], one.code) for one in (second, third)]
    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert [20, 40, 0] == ended.answer["weights"]
    assert [("20", "pass"), ("40", "pass")] == [
        (str(one["weight"]), one["verdict"]) for one in ended.answer["rounds"]
    ]
    assert 40 <= time.monotonic() - begun, "an interval was cut short"


def test_an_abort_reaches_a_driver_whose_clock_is_an_hour_late(place: Place) -> None:
    """
    Its Lease looks long over by its stamps; whoever aborts must find out that it lives.
    """
    clock = place.folder / "clock"
    clock.write_text("-3600")
    running = place.start("run", *NEW, program=("-m", "tests.real.stage.jumping", str(clock)))
    running.wait_for("step weight=20")
    told = place.run("abort", "--why", "pager")
    ended = running.end()

    assert ("aborted", 0) == (told.answer.get("outcome"), told.code), told.lines
    assert ("aborted", 11) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert (100, 0) == place.split()
