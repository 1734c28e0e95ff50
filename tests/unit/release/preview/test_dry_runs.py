"""A run that is tried and not made: what it would write, and what the API server says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.documents.classic import classic, document_of
from tests.unit.release.deployed import DEPLOYMENT, deployed

from progressive import CanaryAnalysis, Started
from progressive._adapters.cluster.memory import MemoryCluster
from progressive._model.events import Situation
from progressive._model.record import Outcome
from progressive._release.preview.dry import Answer, DryRun, dry_run
from progressive.errors import ClusterError, ErrorKind

TARGET = document_of(classic()).target


class Server(MemoryCluster):
    """A cluster whose dry runs can be met by what a test lays there."""

    def __init__(self, objects: Any, lay: Callable[[MemoryCluster], object]) -> None:
        super().__init__(objects)
        self._lay = lay
        self.tried: list[tuple[str, str]] = []

    def rehearsal(self) -> MemoryCluster:
        copy = super().rehearsal()
        self._lay(copy)
        copy.on(lambda: self.tried.extend(copy.calls[-1:]), times=None)
        return copy


def tried(cluster: MemoryCluster, *, document: Any = None, **images: str) -> DryRun:
    before, log = cluster.objects(), len(cluster.log)
    told = dry_run(document_of(document or classic()), TARGET, cluster, images)
    assert (before, log) == (cluster.objects(), len(cluster.log)), "a dry run stores nothing"
    json.dumps(told.to_dict())
    return told


def answers(told: DryRun) -> list[tuple[str, str, str, Answer]]:
    return [(one.verb, one.kind, one.name, one.answer) for one in told.writes]


def server(lay: Callable[[MemoryCluster], object]) -> Server:
    return Server(deployed().objects(), lay)


def test_a_first_deploy_is_tried_write_by_write() -> None:
    """
    What only exists after an earlier write is said, for a server that stores nothing cannot tell.
    """
    told = tried(MemoryCluster([DEPLOYMENT]))
    ok = Answer.ACCEPTED

    assert (None, 0, "first deploy") == (told.outcome, told.exit_code, told.course)
    assert [
        ("create", "Lease", "progressive-my-app", ok),
        ("create", "ConfigMap", "progressive-my-app", ok),
        ("create", "Deployment", "my-app-primary", ok),
        ("create", "Service", "my-app-primary", ok),
        ("create", "Service", "my-app-canary", ok),
        ("create", "Service", "my-app", ok),
        ("create", "VirtualService", "my-app", ok),
        ("patch", "Deployment", "my-app", ok),
        ("patch", "Deployment", "my-app-primary", Answer.NOT_TRIED),
    ] == answers(told)
    assert "earlier write" in told.writes[-1].message


def test_a_release_is_tried_with_its_image() -> None:
    """
    Two patches of the target go as one: the server stored none before.
    """
    image = DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]["image"]
    told = tried(deployed(image=image), **{"my-app": "registry.example.com/my-app:9"})
    kinds = [(one.verb, one.kind) for one in told.writes]

    assert "release" == told.course
    assert {Answer.ACCEPTED} == {one.answer for one in told.writes}
    assert 2 == kinds.count(("patch", "Deployment"))
    assert ("create", "ControllerRevision") in kinds
    assert ("patch", "VirtualService") in kinds


@pytest.mark.parametrize("changes", [{}, {"suspend": True}])
def test_nothing_to_do_is_said(changes: dict[str, Any]) -> None:
    """
    The Lease and the journal are written all the same, so they are tried.
    """
    image = DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]["image"]
    told = tried(deployed(image=image), document=classic(**changes))

    assert (0, "nothing") == (told.exit_code, told.course)
    assert ["Lease", "ConfigMap"] == [one.kind for one in told.writes]


def test_what_the_server_refuses_rejects_and_the_rest_is_tried() -> None:
    """
    One dry run shows every refusal, not only the first.
    """
    error = ClusterError("exceeded quota", ErrorKind.FORBIDDEN, None, 403, "Forbidden")
    cluster = server(lambda copy: copy.fail(error, verb="create", path="leases|revisions"))
    told = tried(cluster)
    refused = [one for one in told.writes if one.answer is Answer.REFUSED]

    assert (Outcome.REJECTED, 6) == (told.outcome, told.exit_code)
    assert ["Lease", "ControllerRevision"] == [one.kind for one in refused]
    assert "2 of" in told.message
    assert "exceeded quota" in refused[0].message
    assert Answer.ACCEPTED in {one.answer for one in told.writes}


@pytest.mark.parametrize(
    "error",
    [
        ClusterError(
            'admission webhook "x.example.com" does not support dry run', ErrorKind.INVALID
        ),
        ClusterError("the object has been modified", ErrorKind.CONFLICT, None, 409, "Conflict"),
    ],
)
def test_what_the_server_cannot_tell_is_not_a_refusal(error: ClusterError) -> None:
    """
    Webhooks with side effects refuse every dry run, and would take the true write.
    """
    told = tried(server(lambda copy: copy.fail(error, verb="patch", path="virtualservices")))
    unknown = [one for one in told.writes if one.answer is Answer.NOT_TRIED]

    assert 0 == told.exit_code
    assert ["VirtualService"] == [one.kind for one in unknown]
    assert str(error) in unknown[0].message


def test_a_server_that_goes_away_is_unreachable() -> None:
    """
    Half an answer must not look like a whole one.
    """
    error = ClusterError("gone", ErrorKind.UNAVAILABLE)
    told = tried(server(lambda copy: copy.fail(error, path="controllerrevisions")))
    cluster = deployed()
    cluster.fail(error, times=None)

    assert (Outcome.UNREACHABLE, 9) == (told.outcome, told.exit_code)
    assert (Outcome.UNREACHABLE, 9) == (tried(cluster).outcome, tried(cluster).exit_code)


def test_a_target_that_somebody_holds_is_busy_at_once() -> None:
    """
    A question does not wait for a Lease.
    """
    cluster = deployed()
    hold = cluster.lock().acquire(TARGET, "run-7", lambda _: None)
    told = tried(cluster)
    hold.close()

    assert (Outcome.BUSY, 8) == (told.outcome, told.exit_code)
    assert "run-7" in told.message
    assert () == told.writes


def test_an_unfinished_run_is_gone_on_with() -> None:
    """
    Its next write depends on where it stands, so none is tried.
    """
    cluster = deployed()
    analysis = CanaryAnalysis(document_of(classic()).plan, TARGET)
    now = datetime.now(UTC)
    situation = Situation(revision="b", promoted="a")
    analysis.receive(Started(at=now, run="run-7", situation=situation, settle=timedelta(0)))
    cluster.store().save(TARGET, analysis.to_json(), None)
    told = tried(cluster)

    assert (0, "go on", ()) == (told.exit_code, told.course, told.writes)
    assert "run-7" in told.message


def test_a_missing_right_is_told_before_anything_is_tried() -> None:
    """
    The same words as those of the run.
    """
    cluster = server(lambda _: None)
    cluster.deny("patch", "virtualservices")
    told = tried(cluster)

    assert 6 == told.exit_code
    assert "patch virtualservices" in told.message.splitlines()[0]
    assert ["virtualservices"] == told.to_dict()["missing"][0]["resources"]
    assert [] == cluster.tried


def test_what_a_run_would_refuse_is_refused() -> None:
    """
    A target that does not exist, a container that it lacks, a journal that is damaged.
    """
    gone = tried(MemoryCluster([]))
    strange = tried(deployed(), nobody="x:1")
    cluster = deployed()
    cluster.store().save(TARGET, "{", None)
    damaged = dry_run(document_of(classic()), TARGET, cluster, {})

    assert [6, 6, 6] == [one.exit_code for one in (gone, strange, damaged)]
    assert "does not exist" in gone.message
    assert "nobody" in strange.message
    assert "journal" in damaged.message


def test_a_router_that_may_act_elsewhere_is_not_tried() -> None:
    """
    A dry run writes nothing, whatever a plugin does with its own load balancer.
    """
    document = document_of(classic(provider="envoy"), routers={"envoy"})
    told = dry_run(document, TARGET, MemoryCluster([DEPLOYMENT]), {})

    assert 0 == told.exit_code
    assert "envoy" in told.message


def test_a_cluster_that_cannot_try_says_so() -> None:
    """
    Nothing is sent to a cluster that would store it.
    """

    class Plain:
        """A cluster without `rehearsal`."""

        def __init__(self, cluster: MemoryCluster) -> None:
            self._cluster = cluster

        def __getattr__(self, name: str) -> Any:
            if name == "rehearsal":
                raise AttributeError(name)
            return getattr(self._cluster, name)

    cluster = deployed()
    told = dry_run(document_of(classic()), TARGET, Plain(cluster), {})

    assert {Answer.NOT_TRIED} == {one.answer for one in told.writes}
    assert 0 == told.exit_code
