"""What a sweep takes for an orphan, and what it does with it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.unit.release.outside.orphans import (
    DEPLOYMENTS,
    JOURNAL,
    ROUTE,
    die,
    driver,
    killed,
    new_image,
    promotion_that_died,
    sweep,
    weights,
)
from tests.unit.release.outside.world import Killed, connection, released

from progressive import Outcome
from progressive._release.outside.sweep import exit_code
from progressive.errors import ClusterError, ErrorKind, MetricsError


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

    runner = driver(made, Leaving())
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
    cluster.fail(Killed(), verb="patch", path="deployments/web", times=None)  # type: ignore[arg-type]
    die(made)
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


def test_the_canary_keeps_its_pods_until_the_way_home_has_settled(tmp_path: Path) -> None:
    """L24: its driver died after a first write that the journal only knows as ordered."""
    cluster = killed(tmp_path)
    told = json.loads(cluster.get(JOURNAL)["data"]["journal"])["state"]

    assert ("stepping", True) == (told["phase"], told["exposed"])


def test_a_promotion_that_died_is_finished(tmp_path: Path) -> None:
    """L26: the primary is not undone, so home is forward."""
    cluster = promotion_that_died(tmp_path)
    (found,) = sweep(cluster, restore=True)

    assert (Outcome.PROMOTED, True) == (found.outcome, found.restored), found.message
    assert [100, 0] == weights(cluster)
