"""L18: the token of a driver is nobody else's, even where the lock's memory was deleted."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen
from tests.scenario.running import PLAN, runner
from tests.scenario.worlds import TARGET

from progressive import Outcome, Reason, Runner
from progressive.clusters import MemoryCluster
from progressive.errors import ClusterError
from progressive.ports import Fence, Lock, Store
from progressive.stores import (
    ConfigMapStore,
    FileLock,
    FileStore,
    LeaseLock,
    MemoryLock,
    MemoryStore,
)
from progressive.testing import Crash, Fault, Scenario, World

LEASE = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/progressive-web"
CRASH = Fault(call=2, on="route-write", what="crash-after")


class Fenced(World):
    """A world whose route remembers the tokens of its drivers."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.tokens: list[str] = []

    def fence(self, target: object, fence: Fence, *, at_once: bool | None = None) -> None:
        if at_once is not None:  # the world is asked as the workload as well
            self.tokens.append(fence.token)

    def unfence(self, target: object) -> None:
        """The token goes with its run."""


@frozen
class Places:
    """A journal, and a lock that is as new each time it is asked for: what it knew is deleted."""

    store: Store
    lock_anew: Callable[[], Lock]


def in_cluster(folder: Path) -> Places:
    cluster = MemoryCluster()

    def anew() -> Lock:
        with contextlib.suppress(ClusterError):
            cluster.delete(LEASE)
        return LeaseLock(cluster)

    return Places(ConfigMapStore(cluster), anew)


def in_folder(folder: Path) -> Places:
    def anew() -> Lock:
        (folder / "shop.web.lock").unlink(missing_ok=True)
        return FileLock(folder)

    return Places(FileStore(folder), anew)


def in_memory(folder: Path) -> Places:
    return Places(MemoryStore(), MemoryLock)


@pytest.fixture(params=[in_cluster, in_folder, in_memory])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    made: Places = request.param(tmp_path)
    return made


def driver(world: World, places: Places) -> Runner:
    return runner(world, store=places.store, lock=places.lock_anew())


def journal(places: Places) -> dict[str, object]:
    saved = places.store.load(TARGET)
    assert saved is not None
    state: dict[str, object] = json.loads(saved.text)["state"]
    return state


def test_a_run_goes_on_under_a_token_of_its_own_though_its_lock_was_deleted(
    places: Places,
) -> None:
    """
    The driver before may only sleep, and its next write would test the same token.
    """
    world = Fenced(Scenario(faults=[CRASH]))
    with pytest.raises(Crash):
        driver(world, places).run(PLAN, TARGET)
    report = driver(world, places).run(PLAN, TARGET)
    run = report.run_id

    assert Outcome.PROMOTED is report.outcome
    assert [f"{run}/1", f"{run}/2"] == world.tokens
    assert 2 == journal(places)["epoch"]


def test_the_next_run_has_a_later_number_though_the_lock_was_deleted(places: Places) -> None:
    """
    The token of the last run stays on the target, and its number tells who came later.
    """
    world = Fenced(Scenario())
    driver(world, places).run(PLAN, TARGET)
    world.revision = "C"
    driver(world, places).run(PLAN, TARGET)

    assert ["1", "2"] == [one.rpartition("/")[2] for one in world.tokens]


def test_a_journal_of_an_older_version_knows_no_number(places: Places) -> None:
    """
    The Lease alone says it then, as it did before.
    """
    world = Fenced(Scenario(faults=[CRASH]))
    with pytest.raises(Crash):
        driver(world, places).run(PLAN, TARGET)
    saved = places.store.load(TARGET)
    assert saved is not None
    document = json.loads(saved.text)
    del document["state"]["epoch"]
    places.store.save(TARGET, json.dumps(document), saved.version)
    report = driver(world, places).run(PLAN, TARGET)

    assert Outcome.PROMOTED is report.outcome
    assert f"{report.run_id}/1" == world.tokens[-1]


def test_a_driver_that_was_replaced_before_it_read_the_journal_is_busy() -> None:
    """
    It took the target and slept; meanwhile another one took it, and has saved its number.
    """
    cluster = MemoryCluster()
    places = Places(ConfigMapStore(cluster), lambda: LeaseLock(cluster))

    class Slept(LeaseLock):
        def acquire(self, target: object, run: object, tell: object) -> object:  # type: ignore[override]
            hold = super().acquire(target, run, tell)  # type: ignore[arg-type]
            cluster.delete(LEASE)
            with pytest.raises(Crash):
                driver(world, places).run(PLAN, TARGET)
            return hold

    world = Fenced(Scenario(faults=[CRASH]))
    late = runner(world, store=places.store, lock=Slept(cluster)).run(PLAN, TARGET)

    assert (Outcome.BUSY, Reason.LEASE_LOST, 8) == (late.outcome, late.reason, late.exit_code)
    assert 1 == len(world.tokens) and 1 == journal(places)["epoch"]
