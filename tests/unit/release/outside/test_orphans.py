"""What a sweep takes for an orphan, and what it does with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.unit.kube.manifests import template
from tests.unit.mesh import gateway_api
from tests.unit.release.outside.world import Controllers, Killed, connection, released

from progressive import Outcome, Runner, plugins
from progressive._adapters.cluster.address import parse
from progressive._adapters.cluster.memory import MemoryCluster
from progressive._cli.main import cli
from progressive._release.outside.standing import Found
from progressive._release.outside.sweep import Sweep, Wishes, exit_code
from progressive._release.rights.beside import needs_to_sweep
from progressive.errors import ClusterError, ErrorKind, MetricsError
from progressive.ports import Cluster, TrafficRouter
from progressive.testing import VirtualClock

ROUTE = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/web"
JOURNAL = "/api/v1/namespaces/shop/configmaps/progressive-web"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/progressive-web"


def new_image(cluster: MemoryCluster) -> None:
    target = cluster.get(f"{DEPLOYMENTS}/web")
    target["spec"]["template"] = template(image="web:2")
    cluster.put(target)


def bury(cluster: MemoryCluster) -> None:
    """Its Lease is over."""
    cluster.heal()
    cluster.merge_patch(LEASE, {"spec": {"holderIdentity": None}})
    Controllers(cluster)


def killed(
    folder: Path,
    at: str = "the first round",
    *,
    before: Callable[[MemoryCluster], object] = lambda _: None,
    **spec: Any,
) -> MemoryCluster:
    """A cluster where a run died in its first round, or where `at` first stood in a write."""
    cluster, _ = released(folder, **spec)
    new_image(cluster)
    made = connection(cluster, folder, **spec)

    class Dying:
        def sample(self, question: object) -> Any:
            raise Killed

    runner = Runner(
        made.router,
        Dying(),
        made.workload,
        clock=VirtualClock(datetime.now(UTC)),
        origin=made.origin,
    )
    before(cluster)
    if at != "the first round":
        cluster.fail(Killed(), verb="patch", path=at, times=None)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        runner.run(made.plan(None), made.target)
    bury(cluster)
    return cluster


def weights(cluster: MemoryCluster) -> list[int]:
    route = cluster.get(ROUTE)["spec"]["http"][0]["route"]
    return [one["weight"] for one in route]


def router(name: str, cluster: Cluster) -> TrafficRouter:
    made: TrafficRouter = plugins.router(name)(cluster=cluster, pause=lambda _: None)
    return made


def sweep(
    cluster: MemoryCluster, *, after: timedelta = timedelta(0), **wishes: Any
) -> list[Found]:
    swept = Sweep(
        cluster,
        Wishes(namespace="shop", **wishes),
        make_router=router,
        now=lambda: datetime.now(UTC) + timedelta(minutes=5) + after,
        pause=lambda _: None,
        clock=VirtualClock(datetime.now(UTC) + timedelta(minutes=5) + after),
    )
    return swept.run()


def test_an_interrupted_run_is_an_orphan_and_restored_by_the_machine(tmp_path: Path) -> None:
    """Exit 10 until somebody restores it; the record says who did."""
    cluster = killed(tmp_path)
    (shown,) = sweep(cluster)
    before = weights(cluster)
    (home,) = sweep(cluster, restore=True, by="sweep (cron)")
    (after,) = sweep(cluster, restore=True)

    assert ("interrupted", True, 20) == (shown.standing, shown.orphan, shown.weight)
    assert (10, 0) == (exit_code([shown]), exit_code([home]))
    assert [80, 20] == before
    assert (Outcome.ABORTED, True) == (home.outcome, home.restored)
    assert "sweep (cron)" in home.message
    assert [100, 0] == weights(cluster)
    assert 0 == cluster.get(f"{DEPLOYMENTS}/web")["spec"]["replicas"]
    assert ("finished", True, False) == (after.standing, after.home, after.orphan)


def test_a_split_that_is_younger_than_asked_for_is_left(tmp_path: Path) -> None:
    """Its pipeline may be about to go on with it."""
    cluster = killed(tmp_path)
    (young,) = sweep(cluster, restore=True, older_than=timedelta(hours=1))
    (old,) = sweep(cluster, older_than=timedelta(hours=1), after=timedelta(hours=2))

    assert (False, False) == (young.orphan, young.restored)
    assert "not older" in young.message
    assert [80, 20] == weights(cluster)
    assert old.orphan


def test_a_run_that_its_driver_left_is_one_that_nobody_drives(tmp_path: Path) -> None:
    """`--on-abort detach` leaves it to the next driver; the one that comes may be a sweep."""
    cluster, _ = released(tmp_path)
    new_image(cluster)
    made = connection(cluster, tmp_path)

    class Leaving:
        def sample(self, question: object) -> Any:
            runner.leave()
            raise MetricsError("it is over", ErrorKind.UNAVAILABLE)

    clock = VirtualClock(datetime.now(UTC))
    runner = Runner(made.router, Leaving(), made.workload, clock=clock, origin=made.origin)
    left = runner.run(made.plan(None), made.target)
    (shown,) = sweep(cluster)
    (home,) = sweep(cluster, restore=True)

    assert (Outcome.INCONCLUSIVE, False) == (left.outcome, left.split_restored)
    assert ("interrupted", True) == (shown.standing, shown.orphan)
    assert (Outcome.ABORTED, True) == (home.outcome, home.restored)
    assert [100, 0] == weights(cluster)


def test_a_hold_protects_until_its_time_is_over(tmp_path: Path) -> None:
    """Shown, with who, when and why; not restored, unless that is asked for."""
    cluster = killed(tmp_path)
    target = connection(cluster, tmp_path).target
    cluster.inbox().put(target, "hold", by="ann", why="looking")
    (held,) = sweep(cluster, restore=True)
    (overruled,) = sweep(cluster, include_held=True)
    (over,) = sweep(cluster, after=timedelta(hours=25))

    assert ("held", False) == (held.standing, held.orphan)
    assert "by ann: looking" in held.message
    assert [80, 20] == weights(cluster)
    assert (True, True) == (overruled.orphan, over.orphan)


def test_a_hold_that_somebody_took_back_protects_nothing(tmp_path: Path) -> None:
    """The last word counts."""
    cluster = killed(tmp_path)
    target = connection(cluster, tmp_path).target
    for word in ("hold", "resume"):
        cluster.inbox().put(target, word, by="ann", why="")
    (found,) = sweep(cluster)

    assert ("interrupted", True) == (found.standing, found.orphan)


def test_decisions_that_cannot_be_read_may_be_a_hold(tmp_path: Path) -> None:
    """Then it is shown, and left."""
    cluster = killed(tmp_path)
    cluster.fail(ClusterError("no", ErrorKind.FORBIDDEN), verb="get", path="inbox", times=None)
    (found,) = sweep(cluster, restore=True)

    assert (True, False) == (found.orphan, found.restored)
    assert "on hold" in found.message
    assert [80, 20] == weights(cluster)


def test_a_first_deploy_that_died_is_not_touched(tmp_path: Path) -> None:
    """Nothing is split, and a run goes on with it."""
    cluster, _ = released(tmp_path)
    primary = cluster.get(f"{DEPLOYMENTS}/web-primary")
    marks = primary["metadata"]["annotations"]
    marks["progressive.dev/made-from"] = marks.pop("progressive.dev/revision")
    cluster.put(primary)
    made = connection(cluster, tmp_path)
    runner = Runner(
        made.router,
        made.metrics,
        made.workload,
        clock=VirtualClock(datetime.now(UTC)),
        origin=made.origin,
    )
    cluster.fail(Killed(), verb="patch", path="deployments/web", times=None)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        runner.run(made.plan(None), made.target)
    bury(cluster)
    (found,) = sweep(cluster, restore=True)

    assert ("interrupted", False, False) == (found.standing, found.orphan, found.restored)
    assert "first deploy" in found.message


def test_a_failed_promotion_is_not_sent_to_its_broken_primary(tmp_path: Path) -> None:
    """L11, L26: what was analysed serves the users; it says what was not touched, and why."""
    cluster = killed(tmp_path)
    text = json.loads(cluster.get(JOURNAL)["data"]["journal"])
    text["state"].update(
        phase="finished",
        action={"order": "Finish", "id": 99},
        outcome="stuck",
        reason="primary-not-ready",
        message="the primary did not become ready",
        promoting="abc",
        home=False,
        weight=100,
    )
    cluster.merge_patch(JOURNAL, {"data": {"journal": json.dumps(text)}})
    route = cluster.get(ROUTE)
    for one, weight in zip(route["spec"]["http"][0]["route"], (0, 100), strict=True):
        one["weight"] = weight
    cluster.put(route)
    (found,) = sweep(cluster, restore=True)

    assert ("stuck", True, False) == (found.standing, found.orphan, found.restored)
    assert "not touched" in found.message
    assert 10 == exit_code([found])
    assert [0, 100] == weights(cluster)


def test_a_primary_without_an_endpoint_gets_nobody(tmp_path: Path) -> None:
    """Home would be an outage."""
    cluster = killed(tmp_path)
    cluster.merge_patch(f"{DEPLOYMENTS}/web-primary", {"spec": {"replicas": 0}})
    (found,) = sweep(cluster, restore=True)

    assert (True, False) == (found.orphan, found.restored)
    assert "home would be an outage" in found.message
    assert [80, 20] == weights(cluster)


def test_what_somebody_moved_after_a_run_is_an_orphan_too(tmp_path: Path) -> None:
    """Its run is over, so nobody will ever move it back."""
    cluster = killed(tmp_path)
    sweep(cluster, restore=True)
    route = cluster.get(ROUTE)
    for one, weight in zip(route["spec"]["http"][0]["route"], (60, 40), strict=True):
        one["weight"] = weight
    cluster.put(route, manager="kubectl-edit")
    (found,) = sweep(cluster)
    (home,) = sweep(cluster, restore=True)

    assert ("moved", True, 40) == (found.standing, found.orphan, found.weight)
    assert "kubectl-edit" in found.message
    assert home.restored
    assert [100, 0] == weights(cluster)


def test_a_split_without_a_journal_is_found_by_its_mark(tmp_path: Path) -> None:
    """Somebody removed the ConfigMap to be rid of the run."""
    cluster = killed(tmp_path)
    cluster.delete(JOURNAL)
    (found,) = sweep(cluster)
    (home,) = sweep(cluster, restore=True)

    assert ("marked", True, 20) == (found.standing, found.orphan, found.weight)
    assert home.restored
    assert [100, 0] == weights(cluster)
    assert [] == sweep(cluster)


def test_a_marked_route_of_other_names_is_shown_and_left(tmp_path: Path) -> None:
    """Without a journal nobody can say which of its services is home."""
    mark = {"progressive.dev/driver": "20260101t000000-abcd/3"}
    rule = {"route": [{"destination": {"host": "old"}}, {"destination": {"host": "new"}}]}
    odd = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "odd", "namespace": "shop", "annotations": mark},
        "spec": {"hosts": ["odd"], "http": [rule]},
    }
    cluster = MemoryCluster([odd], served={"networking.istio.io": ("v1",)})
    (found,) = sweep(cluster, restore=True)

    assert ("marked", True, False) == (found.standing, found.orphan, found.restored)
    assert "VirtualService shop/odd" in found.message


def test_a_marked_route_of_any_mesh_is_found_once() -> None:
    """Two routers know HTTPRoutes; one of them brings the traffic home."""
    split = gateway_api.route(
        gateway_api.rule(80, 20),
        meta_annotations={"progressive.dev/driver": "20260101t000000-abcd/3"},
    )
    cluster = MemoryCluster([split], served={"gateway.networking.k8s.io": ("v1",)})
    (found,) = sweep(cluster)
    (home,) = sweep(cluster, restore=True)
    path = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/web"
    (rule,) = cluster.get(path)["spec"]["rules"]

    assert ("marked", True, 20) == (found.standing, found.orphan, found.weight)
    assert home.restored
    assert [100, 0] == [one["weight"] for one in rule["backendRefs"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not whole JSON"),
        ('{"schema": "progressive.dev/journal/v9"}', "go on with the version that wrote it"),
        (None, "a copy?"),
    ],
)
def test_a_journal_that_says_nothing_stops_nobody_else(
    tmp_path: Path, text: str | None, words: str
) -> None:
    """It may hide a split, so somebody has to look; the other targets are swept."""
    cluster = killed(tmp_path)
    copy = cluster.get(JOURNAL)
    copy["metadata"] = {**copy["metadata"], "name": "progressive-old", "uid": "other"}
    if text is not None:
        copy["data"] = {"journal": text}
    cluster.put(copy)
    odd, web = sweep(cluster, restore=True)

    assert ("unreadable", True) == (odd.standing, odd.orphan)
    assert words in odd.message
    assert web.restored
    assert 10 == exit_code([odd, web])


def test_one_target_that_must_not_be_touched_does_not_keep_the_others(tmp_path: Path) -> None:
    """Each goes home on its own, whatever becomes of its neighbours."""
    cluster = killed(tmp_path)
    copy = cluster.get(JOURNAL)
    told = json.loads(copy["data"]["journal"])
    told["target"].update(service="cart", primary="cart-primary", canary="cart-canary")
    copy["metadata"] = {**copy["metadata"], "name": "progressive-cart", "uid": "other"}
    copy["data"] = {"journal": json.dumps(told)}
    cluster.put(copy)
    cluster.fail(ClusterError("no", ErrorKind.FORBIDDEN), path="progressive-cart$", times=None)
    cart, web = sweep(cluster, restore=True)

    assert (True, [100, 0]) == (web.restored, weights(cluster))
    assert ("running", False) == (cart.standing, cart.restored)
    assert "cannot be seen" in cart.message


def test_a_driver_that_comes_meanwhile_keeps_its_target(tmp_path: Path) -> None:
    """Looked at, and taken by somebody else before it could be restored."""
    cluster = killed(tmp_path)
    target = connection(cluster, tmp_path).target
    held: list[Any] = []
    cluster.on(
        lambda: held.append(cluster.lock().acquire(target, "run-2", lambda _: None)),
        verb="list",
        path="endpointslices",
    )
    (found,) = sweep(cluster, restore=True)
    for one in held:
        one.close()

    assert ("running", False, False) == (found.standing, found.orphan, found.restored)
    assert [80, 20] == weights(cluster)


def test_a_journal_that_went_on_meanwhile_is_not_restored(tmp_path: Path) -> None:
    """A driver came and went; what it left is not what was decided on."""
    cluster = killed(tmp_path)

    def go_on() -> None:
        told = json.loads(cluster.get(JOURNAL)["data"]["journal"])
        told["state"]["round"] = 7
        cluster.merge_patch(JOURNAL, {"data": {"journal": json.dumps(told)}})

    cluster.on(go_on, verb="list", path="endpointslices")
    (found,) = sweep(cluster, restore=True)

    assert ("running", False, False) == (found.standing, found.orphan, found.restored)
    assert [80, 20] == weights(cluster)


def test_a_run_without_an_origin_is_shown_and_left(tmp_path: Path) -> None:
    """Older versions did not say what their runs were made of."""
    cluster = killed(tmp_path)
    told = json.loads(cluster.get(JOURNAL)["data"]["journal"])
    del told["origin"]
    cluster.merge_patch(JOURNAL, {"data": {"journal": json.dumps(told)}})
    (blind,) = sweep(cluster, restore=True)
    (seen,) = sweep(cluster, restore=True, router="istio")

    assert ("interrupted", True, False) == (blind.standing, blind.orphan, blind.restored)
    assert "--router" in blind.message
    assert (20, False) == (seen.weight, seen.restored)
    assert "'progressive abort FILE'" in seen.message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["-A", "-n", "shop"], "leave -n out"), (["--older-than", "soon"], "--older-than")],
)
def test_garbage_on_the_command_line_is_said_in_one_line(arguments: list[str], words: str) -> None:
    """Before anything is connected to."""
    result = CliRunner().invoke(cli, ["sweep", *arguments])

    assert 2 == result.exit_code
    assert words in result.output


def test_the_canary_keeps_its_pods_until_the_way_home_has_settled(tmp_path: Path) -> None:
    """L24: its driver died after a first write that the journal only knows as ordered."""
    cluster = killed(tmp_path)
    told = json.loads(cluster.get(JOURNAL)["data"]["journal"])["state"]

    assert ("stepping", True) == (told["phase"], told["exposed"])


def promotion_that_died(folder: Path) -> MemoryCluster:
    """A run whose promotion is decided and saved, and not carried out."""
    cluster, _ = released(folder)
    new_image(cluster)
    made = connection(cluster, folder)
    runner = Runner(
        made.router,
        made.metrics,
        made.workload,
        clock=VirtualClock(datetime.now(UTC)),
        origin=made.origin,
    )
    cluster.fail(Killed(), verb="patch", path="deployments/web-primary", times=None)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        runner.run(made.plan(None), made.target)
    bury(cluster)
    return cluster


def test_a_promotion_that_died_is_finished(tmp_path: Path) -> None:
    """L26: the primary is not undone, so home is forward."""
    cluster = promotion_that_died(tmp_path)
    (found,) = sweep(cluster, restore=True)

    assert (Outcome.PROMOTED, True) == (found.outcome, found.restored), found.message
    assert [100, 0] == weights(cluster)


def test_the_printed_role_is_just_what_a_sweep_asks_for(tmp_path: Path) -> None:
    """A right too few is a split that stays; a right too many is somebody's way in."""
    rights = needs_to_sweep(["istio"], namespace="shop", restore=True)
    granted = {(one.group, one.resource, one.verb) for one in rights}
    asked: set[tuple[str, str, str]] = set()
    for number, make in enumerate((killed, promotion_that_died, killed)):
        folder = tmp_path / str(number)
        folder.mkdir()
        cluster = make(folder)
        if number == 2:
            cluster.delete(JOURNAL)
            cluster.delete(LEASE)
        cluster.calls.clear()
        assert all(one.restored for one in sweep(cluster, restore=True))
        for verb, path in cluster.calls:
            at = parse(path)
            for each in ("list", "watch") if verb == "watch" else (verb,):
                asked.add((at.group, at.plural, each))

    assert asked <= granted, asked - granted
    # a Lease on another machine is watched, a promotion whose primary does not become ready sends
    # all to the canary, for which the services are asked, and no autoscaler is in this cluster
    rare = {
        ("coordination.k8s.io", "leases", "watch"),
        ("", "services", "get"),
        ("autoscaling", "horizontalpodautoscalers", "get"),
        ("autoscaling", "horizontalpodautoscalers", "patch"),
        ("keda.sh", "scaledobjects", "get"),
        ("keda.sh", "scaledobjects", "patch"),
    }
    meshes = {one for one in granted - asked if one[2] == "list" and "." in one[0]}
    assert granted - asked - meshes <= rare, granted - asked - meshes
