"""A target that is given back to itself, killed wherever it can be."""

from __future__ import annotations

import itertools
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.unit.kube.manifests import template
from tests.unit.release.outside.world import Controllers, Killed, connection, released

from progressive import Runner
from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.mesh.routers.smi import SmiRouter
from progressive._release.outside.detach import Detached, Detaching
from progressive.errors import ClusterError, ErrorKind, SpecError
from progressive.testing import VirtualClock

WRITES = ("create", "patch", "update", "delete")
LEASE = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/progressive-web"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
GATEWAY = {"port": 80, "targetPort": 8080, "gateways": ["mesh/gw"]}


def detach(cluster: MemoryCluster, folder: Path, **spec: Any) -> Detached:
    made = connection(cluster, folder, **spec)
    return Detaching(made, by="tests", pause=lambda _: None).run()


def shape(cluster: MemoryCluster) -> dict[str, Any]:
    """What is there, without what differs from one process to the next."""
    found = {}
    for one in cluster.objects():
        meta = one["metadata"]
        if one["kind"] != "EndpointSlice":
            marks = {
                key: value
                for key, value in (meta.get("annotations") or {}).items()
                if key.startswith("progressive.dev/")
            }
            owners = [owner["kind"] for owner in meta.get("ownerReferences") or ()]
            found[f"{one['kind']} {meta['name']}"] = (one.get("spec"), marks, owners)
    return found


def die_at(cluster: MemoryCluster, number: int, *, after: bool) -> list[int]:
    """Kill the process at its n-th write, before or after it; it writes nothing more."""
    count = itertools.count(1)
    died: list[int] = []

    def strike() -> None:
        if died or next(count) >= number:
            died.append(number)
            raise Killed

    for verb in WRITES:
        cluster.on(strike, verb=verb, times=None, after=after)
    return died


def bury(cluster: MemoryCluster) -> None:
    """Its Lease ends by itself, for nobody renews it."""
    cluster.heal()
    for one in cluster.objects():
        if one["kind"] == "Lease":
            one["spec"]["holderIdentity"] = None
            one["metadata"]["annotations"] = {}
            cluster.put(one)


def test_everything_that_was_made_is_gone_and_the_target_serves(tmp_path: Path) -> None:
    """
    L21; what the mesh would do without the route is what the route does.
    """
    cluster, controllers = released(tmp_path)
    controllers.watched = True
    done = detach(cluster, tmp_path)

    assert (0, []) == (done.exit_code, done.kept), done.message
    assert {"Deployment web", "Service web"} == set(shape(cluster))
    assert [
        "VirtualService shop/web",
        "Service shop/web-primary",
        "Service shop/web-canary",
        "Deployment shop/web-primary",
    ] == done.removed
    assert 3 == cluster.get(f"{DEPLOYMENTS}/web")["spec"]["replicas"]
    assert [] == controllers.unserved


def test_a_route_of_a_gateway_goes_on_to_the_apex(tmp_path: Path) -> None:
    """
    Without it nobody outside would reach the service.
    """
    cluster, _ = released(tmp_path, service=GATEWAY)
    done = detach(cluster, tmp_path, service=GATEWAY)
    spec, marks, owners = shape(cluster)["VirtualService web"]

    assert ["VirtualService shop/web"] == done.kept
    assert [{"destination": {"host": "web", "port": {"number": 80}}}] == spec["http"][0]["route"]
    assert ({}, ["Deployment"]) == (marks, owners)


def test_what_is_given_up_can_be_released_again(tmp_path: Path) -> None:
    """
    The route that was kept gets its two sides back.
    """
    cluster, _ = released(tmp_path, service=GATEWAY)
    before = {name: spec for name, (spec, _, _) in shape(cluster).items()}
    detach(cluster, tmp_path, service=GATEWAY)
    made = connection(cluster, tmp_path, service=GATEWAY)
    made.workload.prepare(made.target)
    made.workload.point(made.target)
    made.workload.scale(made.target, up=False)
    made.workload.mark(made.target)

    assert before == {name: spec for name, (spec, _, _) in shape(cluster).items()}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("gateway", [False, True])
def test_a_kill_at_any_write_changes_nothing_about_the_end(
    tmp_path: Path, after: bool, gateway: bool
) -> None:
    """
    Every step is worked out from what is there, and at every moment somebody serves the users.
    """
    spec = {"service": GATEWAY} if gateway else {}
    cluster, _ = released(tmp_path, **spec)
    assert 0 == detach(cluster, tmp_path, **spec).exit_code
    wanted = shape(cluster)
    kills = 0
    for number in itertools.count(1):
        cluster, _ = released(tmp_path, **spec)
        died = die_at(cluster, number, after=after)
        try:
            detach(cluster, tmp_path, **spec)
        except Killed:
            kills += 1
        if not died:
            break
        bury(cluster)
        controllers = Controllers(cluster)
        controllers.watched = True
        again = detach(cluster, tmp_path, **spec)

        assert 0 == again.exit_code, (number, again.message)
        assert wanted == shape(cluster), number
        assert [] == controllers.unserved, number

    assert kills >= 12


@pytest.mark.parametrize("after", [False, True])
def test_a_run_after_a_kill_at_any_write_has_its_primary_again(
    tmp_path: Path, after: bool
) -> None:
    """
    Who releases instead of detaching again must not split between two services of one side.
    """
    cluster, _ = released(tmp_path)
    wanted = {key: one[0] for key, one in shape(cluster).items()}
    del wanted["Deployment web"]  # pods of the target without traffic may stay until a release
    for number in itertools.count(1):
        cluster, _ = released(tmp_path)
        died = die_at(cluster, number, after=after)
        with suppress(Killed):
            detach(cluster, tmp_path)
        if not died:
            break
        bury(cluster)
        Controllers(cluster)
        made = connection(cluster, tmp_path)
        clock = VirtualClock(datetime.now(UTC))
        runner = Runner(made.router, made.metrics, made.workload, clock=clock)
        report = runner.run(made.plan(None), made.target)
        found = {key: one[0] for key, one in shape(cluster).items() if key in wanted}
        split = made.router.current(made.target)

        assert report.outcome in ("initialized", "unchanged"), (number, report.message)
        assert wanted == found, number
        assert 0 == split.canary


def test_a_template_that_was_never_promoted_is_refused_with_the_ways_out(tmp_path: Path) -> None:
    """
    Nobody has analysed it; to hand the users to it would be a release without one.
    """
    cluster, _ = released(tmp_path)
    target = cluster.get(f"{DEPLOYMENTS}/web")
    target["spec"]["template"] = template(image="web:2")
    cluster.put(target)
    before = shape(cluster)
    done = detach(cluster, tmp_path)

    assert 6 == done.exit_code
    assert "'progressive run'" in done.message
    assert "put the target back" in done.message
    assert before == {key: one for key, one in shape(cluster).items() if "Lease" not in key}


def test_an_apex_gets_the_selector_that_it_had(tmp_path: Path) -> None:
    """
    It is the user's, and was only pointed away.
    """
    apex = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]},
    }
    cluster, _ = released(tmp_path, apex)
    done = detach(cluster, tmp_path)

    assert 0 == done.exit_code, done.message
    assert (apex["spec"], {}, []) == shape(cluster)["Service web"]


def test_a_cluster_that_is_away_is_told_from_one_that_went_away(tmp_path: Path) -> None:
    """
    9: nothing was handed over. 10: run it again.
    """
    away = ClusterError("away", ErrorKind.UNAVAILABLE)
    cluster, _ = released(tmp_path)
    cluster.fail(away, verb="get", times=None)
    before = detach(cluster, tmp_path)
    cluster.heal()
    Controllers(cluster)
    cluster.fail(away, verb="delete", path="virtualservices", times=None)
    middle = detach(cluster, tmp_path)
    cluster.heal()
    Controllers(cluster)
    after = detach(cluster, tmp_path)

    assert 9 == before.exit_code, before.message
    assert (10, True) == (middle.exit_code, "run 'progressive detach' again" in middle.message)
    assert 0 == after.exit_code, after.message


def test_two_existing_workloads_have_nothing_to_give_back(tmp_path: Path) -> None:
    """
    Their release made nothing and took nothing.
    """
    cluster, _ = released(tmp_path)
    made = connection(cluster, tmp_path)
    plain = evolve(made, document=evolve(made.document, managed=None))

    with pytest.raises(SpecError, match="nothing to detach"):
        Detaching(plain, by="tests")


def test_a_journal_of_a_living_driver_is_busy(tmp_path: Path) -> None:
    """
    Exit 8, and nothing is written.
    """
    cluster, _ = released(tmp_path)
    made = connection(cluster, tmp_path)
    hold = cluster.lock().acquire(made.target, "run-1", lambda _: None)
    before = json.dumps(shape(cluster), sort_keys=True)
    done = detach(cluster, tmp_path)
    after = json.dumps(shape(cluster), sort_keys=True)
    hold.close()

    assert 8 == done.exit_code, done.message
    assert before == after


def given_up(folder: Path, spec: dict[str, Any], *, tidy: bool, denied: bool = False) -> Detached:
    """A release by TrafficSplits, where linkerd-smi has made a ServiceProfile."""
    profile = {
        "apiVersion": "linkerd.io/v1alpha2",
        "kind": "ServiceProfile",
        "metadata": {"name": "web.shop.svc.cluster.local", "namespace": "shop"},
        "spec": spec,
    }
    cluster, _ = released(folder, profile)
    if denied:
        cluster.deny("delete", "serviceprofiles")
    made = evolve(connection(cluster, folder), router=SmiRouter(cluster))
    pause = lambda _: None  # noqa: E731
    return Detaching(made, by="tests", remove_left_over=tidy, pause=pause).run()


PROFILE = "ServiceProfile shop/web.shop.svc.cluster.local"


def test_what_linkerd_smi_leaves_is_named_and_removed_on_request(tmp_path: Path) -> None:
    """
    M-86: it overrides every later route of the service; somebody else made it.
    """
    named = given_up(tmp_path, {"dstOverrides": []}, tidy=False)
    removed = given_up(tmp_path, {"dstOverrides": []}, tidy=True)

    assert (0, 0) == (named.exit_code, removed.exit_code), (named.message, removed.message)
    assert [PROFILE] == [one.partition(" (")[0] for one in named.kept]
    assert PROFILE not in named.removed
    assert PROFILE in removed.removed
    assert [] == removed.kept


@pytest.mark.parametrize(
    ("spec", "denied", "kept"),
    [
        ({"routes": [{"name": "GET /"}]}, False, []),
        ({"dstOverrides": [{"authority": "web-primary"}]}, False, [PROFILE]),
        ({}, True, [PROFILE]),
    ],
)
def test_what_says_something_or_may_not_be_deleted_stays(
    tmp_path: Path, spec: dict[str, Any], denied: bool, kept: list[str]
) -> None:
    """
    Its routes are somebody's; and a release that is given up is given up all the same.
    """
    done = given_up(tmp_path, spec, tidy=True, denied=denied)

    assert 0 == done.exit_code, done.message
    assert PROFILE not in done.removed
    assert kept == [one.partition(" (")[0] for one in done.kept]
