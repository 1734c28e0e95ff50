"""Which of many drivers live, found out side by side."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tests.contract.places_contract import target

from progressive._adapters.lease.liveness import Holder
from progressive._adapters.lease.living import Life, lives
from progressive._model.traffic import Target
from progressive.clusters import MemoryCluster
from progressive.errors import ClusterError, ErrorKind, LockError
from progressive.stores import ConfigMapStore

WEB = target("shop")
NOTE = "progressive.dev/holder"
LABELS = {"app.kubernetes.io/managed-by": "progressive"}
LEASES = "/apis/coordination.k8s.io/v1/namespaces/shop/leases"


class Seconds:
    """A clock that only a pause moves; `meanwhile` happens at its instant, once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.meanwhile: list[tuple[float, Any]] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds
        for at, act in list(self.meanwhile):
            if at <= self.now:
                self.meanwhile.remove((at, act))
                act()


def elsewhere(run: str = "run-1") -> str:
    return evolve(Holder.present(run), host="another").to_json()


def lease(service: str, *, note: str | None = None, labels: Any = None, **spec: Any) -> Any:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": f"progressive-{service}",
            "namespace": "shop",
            "labels": LABELS if labels is None else labels,
            "annotations": {NOTE: elsewhere() if note is None else note},
        },
        "spec": {
            "holderIdentity": f"run-1 of {service}",
            "leaseDurationSeconds": 15,
            "renewTime": "2026-01-01T12:00:00.000000Z",
            **spec,
        },
    }


def of(service: str) -> Target:
    return evolve(WEB, service=service)


def found(cluster: MemoryCluster, clock: Seconds, *services: str) -> dict[str, Life]:
    targets = [of(one) for one in services]
    told = lives(cluster, targets, namespace="shop", monotonic=clock, pause=clock.pause)
    return {target.service: life for target, life in told.items()}


def renewal(cluster: MemoryCluster, service: str) -> Any:
    body = {"spec": {"renewTime": "2026-01-01T12:00:05.000000Z"}}
    return lambda: cluster.merge_patch(f"{LEASES}/progressive-{service}", body)


def test_many_dead_drivers_cost_no_more_time_than_one() -> None:
    """A namespace full of orphans must be swept within the interval of a CronJob."""
    names = [f"web-{number}" for number in range(40)]
    cluster, clock = MemoryCluster([lease(one) for one in names]), Seconds()
    told = found(cluster, clock, *names)

    assert {False} == {one.alive for one in told.values()}
    assert 15.0 == clock.now
    assert 17 >= len([verb for verb, path in cluster.calls if verb == "list"])


def test_who_renews_lives_and_is_not_waited_for() -> None:
    """Five seconds tell of a living driver."""
    cluster, clock = MemoryCluster([lease("web")]), Seconds()
    clock.meanwhile = [(5.0, renewal(cluster, "web"))]
    told = found(cluster, clock, "web")

    assert told["web"].alive
    assert 5.0 == clock.now


def test_a_dead_one_beside_a_living_one_is_told_from_it() -> None:
    """They are watched in the same seconds."""
    cluster, clock = MemoryCluster([lease("web"), lease("cart")]), Seconds()
    clock.meanwhile = [(4.0, renewal(cluster, "web"))]
    told = found(cluster, clock, "web", "cart")

    assert (True, False) == (told["web"].alive, told["cart"].alive)
    assert "run-1 of cart" == told["cart"].holder
    assert 15.0 == clock.now


def test_a_saved_journal_shows_life_as_well() -> None:
    """A save puts the renewal of the Lease off."""
    cluster, clock = MemoryCluster([lease("web")]), Seconds()
    store = ConfigMapStore(cluster)
    version = store.save(WEB, "a", None)
    clock.meanwhile = [(9.0, lambda: store.save(WEB, "b", version))]

    assert found(cluster, clock, "web")["web"].alive


def test_nobody_is_called_dead_while_nothing_can_be_seen() -> None:
    """An API server that is away for the whole of a Lease has shown nobody's silence."""
    cluster, clock = MemoryCluster([lease("web")]), Seconds()
    away = ClusterError("away", ErrorKind.UNAVAILABLE)
    cluster.fail(away, verb="list", path="leases", skip=1, times=20)
    clock.meanwhile = [(19.5, renewal(cluster, "web"))]

    assert found(cluster, clock, "web")["web"].alive


def test_an_api_server_that_stays_away_is_an_error() -> None:
    """A sweep that cannot see says so, and moves nothing."""
    cluster, clock = MemoryCluster([lease("web")]), Seconds()
    away = ClusterError("away", ErrorKind.UNAVAILABLE)
    cluster.fail(away, verb="list", path="leases", skip=1, times=None)

    with pytest.raises(LockError) as caught:
        found(cluster, clock, "web")
    assert caught.value.transient
    assert 45.0 <= clock.now <= 60.0


@pytest.mark.parametrize(
    "there",
    [
        [],
        [lease("web", holderIdentity=None)],
        [lease("web", note=evolve(Holder.present("run-1"), start=1).to_json())],
    ],
    ids=["no Lease", "freed", "a process of this machine that is gone"],
)
def test_what_is_known_at_once_is_not_waited_for(there: list[Any]) -> None:
    """A killed driver on the same machine, or one that ended well."""
    cluster, clock = MemoryCluster(there), Seconds()

    assert not found(cluster, clock, "web")["web"].alive
    assert 0.0 == clock.now


def test_a_lease_that_lost_its_label_is_found() -> None:
    """Somebody edited it; its driver lives all the same."""
    cluster, clock = MemoryCluster([lease("web", labels={"x": "y"})]), Seconds()
    clock.meanwhile = [(5.0, renewal(cluster, "web"))]

    assert found(cluster, clock, "web")["web"].alive
