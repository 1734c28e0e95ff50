"""Targets whose drivers died, and a sweep of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.kube.manifests import template
from tests.unit.release.outside.world import Controllers, Killed, connection, released

from progressive import Runner, plugins
from progressive._adapters.cluster.memory import MemoryCluster
from progressive._release.connect import Connection
from progressive._release.outside.standing import Found
from progressive._release.outside.sweep import Sweep, Wishes
from progressive.ports import Cluster, MetricsProvider, TrafficRouter
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


def driver(made: Connection, metrics: MetricsProvider | None = None) -> Runner:
    """Whoever drives a release, on a clock that does not wait."""
    clock = VirtualClock(datetime.now(UTC))
    return Runner(
        made.router, metrics or made.metrics, made.workload, clock=clock, origin=made.origin
    )


def die(made: Connection, metrics: MetricsProvider | None = None) -> None:
    """A run of which nothing goes on, and whose Lease is over."""
    with pytest.raises(Killed):
        driver(made, metrics).run(made.plan(None), made.target)
    assert isinstance(made.cluster, MemoryCluster)
    bury(made.cluster)


def killed(folder: Path) -> MemoryCluster:
    """A cluster where a run died in its first round."""
    cluster, _ = released(folder)
    new_image(cluster)

    class Dying:
        def sample(self, question: object) -> Any:
            raise Killed

    die(connection(cluster, folder), Dying())
    return cluster


def promotion_that_died(folder: Path) -> MemoryCluster:
    """A run whose promotion is decided and saved, and not carried out."""
    cluster, _ = released(folder)
    new_image(cluster)
    made = connection(cluster, folder)
    cluster.fail(Killed(), verb="patch", path="deployments/web-primary", times=None)  # type: ignore[arg-type]
    die(made)
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
