"""Scaling the canary, and promoting what was analysed."""

from __future__ import annotations

import pytest
from tests.unit.adapters.workload.world import (
    APPS,
    OURS,
    PRIMARY,
    SELECTOR,
    SHOP,
    V1,
    V2,
    WEB,
    primary,
    promoted,
    put,
    target,
    world,
    written,
)
from tests.unit.kube.manifests import template

from progressive._kube.workload.primary import primary_template
from progressive._kube.workload.revision import revision
from progressive.errors import ClusterError, ErrorKind


@pytest.mark.parametrize(("before", "of_primary", "after"), [(0, 4, 4), (9, 4, 4), (0, 0, 1)])
def test_the_canary_comes_up_with_the_primarys_replicas(
    before: int, of_primary: int, after: int
) -> None:
    """At least one, for none can be judged (L3)."""
    cluster, workload = world(target(V2, replicas=before), promoted(replicas=of_primary))

    workload.scale(SHOP, up=True)
    log = list(cluster.log)
    workload.scale(SHOP, up=True)

    assert after == cluster.get(WEB)["spec"]["replicas"]
    assert log == cluster.log


def test_the_canary_goes_down_once() -> None:
    """And a target that was deleted is down."""
    cluster, workload = world(target(), promoted())

    workload.scale(SHOP, up=False)
    workload.scale(SHOP, up=False)
    assert 0 == cluster.get(WEB)["spec"]["replicas"]
    assert 1 == len(cluster.log)

    cluster.discard(WEB)
    workload.scale(SHOP, up=False)
    with pytest.raises(ClusterError, match="Deployment shop/web does not exist"):
        workload.scale(SHOP, up=True)


def test_the_analysed_template_is_promoted_though_the_target_moved_on() -> None:
    """What users get is what was judged (L10)."""
    cluster, workload = world(target(V2, minReadySeconds=3), promoted(V1, replicas=7))
    workload.scale(SHOP, up=True)
    cluster.put(target(template(image="web:3"), minReadySeconds=9))

    workload.promote(SHOP, revision(V2))

    found = cluster.get(PRIMARY)
    assert primary_template(V2, SELECTOR) == found["spec"]["template"]
    assert 3 == found["spec"]["minReadySeconds"]
    assert 7 == found["spec"]["replicas"]
    assert revision(V2) == found["metadata"]["annotations"]["progressive.dev/revision"]
    assert OURS == found["metadata"]["labels"]


def test_a_promotion_is_one_patch_and_repeated_none() -> None:
    """Template and mark cannot be torn apart by a crash."""
    cluster, workload = world(target(V2), promoted(V1))
    workload.scale(SHOP, up=True)
    before = len(cluster.log)

    workload.promote(SHOP, revision(V2))
    workload.promote(SHOP, revision(V2))

    assert [("patch", "/deployments/web-primary")] == written(cluster)[before:]


def test_a_promotion_keeps_what_somebody_writes_at_the_same_time() -> None:
    """The patch is for the version that was read; it is worked out anew for the next one."""
    cluster, workload = world(target(V2), promoted(V1))
    noted = promoted(V1)
    noted["metadata"]["annotations"]["note"] = "kept"
    cluster.on(lambda: put(cluster, noted), verb="patch", path="web-primary")

    workload.promote(SHOP, revision(V2))

    assert {"note": "kept", "progressive.dev/revision": revision(V2)} == (
        cluster.get(PRIMARY)["metadata"]["annotations"]
    )


def test_a_promotion_that_slept_does_not_undo_a_later_one() -> None:
    """
    Stopped before its write, woken when another driver has promoted a newer version: whose turn
    it is the journal knows, so the conflict is told and not worked around.
    """
    newest = template(image="web:3")
    cluster, workload = world(target(V2), promoted(V1))
    workload.scale(SHOP, up=True)
    cluster.on(lambda: put(cluster, promoted(newest)), verb="patch", path="web-primary")

    with pytest.raises(ClusterError) as told:
        workload.promote(SHOP, revision(V2))

    assert ErrorKind.CONFLICT is told.value.kind
    assert primary_template(newest, SELECTOR) == cluster.get(PRIMARY)["spec"]["template"]


def test_a_scaling_that_slept_does_not_empty_a_later_canary() -> None:
    """
    Stopped before it takes the pods of its canary, woken when they are those of another run.
    """
    newest = template(image="web:3")
    cluster, workload = world(target(V2, replicas=2), promoted(V1))
    cluster.on(lambda: put(cluster, target(newest, replicas=2)), verb="patch", path="web")

    with pytest.raises(ClusterError) as told:
        workload.scale(SHOP, up=False)

    assert ErrorKind.CONFLICT is told.value.kind
    assert 2 == cluster.get(WEB)["spec"]["replicas"]


def test_a_primary_that_was_edited_by_hand_is_promoted_again() -> None:
    """Its mark says one thing, its template another; the template is what serves."""
    cluster, workload = world(target(V2), promoted(V2))
    cluster.put(primary(V1, labels=OURS, annotations={"progressive.dev/revision": revision(V2)}))

    workload.promote(SHOP, revision(V2))

    assert primary_template(V2, SELECTOR) == cluster.get(PRIMARY)["spec"]["template"]


def test_a_lost_template_is_taken_from_the_target_if_it_still_has_it() -> None:
    """Somebody deleted the ControllerRevision."""
    cluster, workload = world(target(V2), promoted(V1))

    workload.promote(SHOP, revision(V2))

    assert primary_template(V2, SELECTOR) == cluster.get(PRIMARY)["spec"]["template"]


def test_a_template_that_nobody_has_any_more_is_an_error_that_says_so() -> None:
    """And the primary is left alone."""
    cluster, workload = world(target(V2), promoted(V1))

    with pytest.raises(
        ClusterError, match=f"of revision {revision(V1)[:8]}.* is not kept"
    ) as found:
        workload.promote(SHOP, revision(template(image="web:3")) and revision(V1)[:8] + "0" * 8)

    assert ErrorKind.NOT_FOUND is found.value.kind
    assert [] == cluster.log


def test_a_kept_template_that_was_changed_is_not_promoted() -> None:
    """Its hash no longer is its name; the target still has the true one."""
    cluster, workload = world(target(V2), promoted(V1))
    workload.scale(SHOP, up=True)
    path = f"{APPS}/controllerrevisions/web-{revision(V2)}"
    evil = {"op": "add", "path": "/data/template", "value": template(image="evil:1")}
    cluster.json_patch(path, [evil])

    workload.promote(SHOP, revision(V2))

    assert primary_template(V2, SELECTOR) == cluster.get(PRIMARY)["spec"]["template"]


def test_only_the_newest_templates_are_kept() -> None:
    """Bounded, however often the target moves."""
    cluster, workload = world(target(V1), promoted(V1))
    pods = [template(image=f"web:{number}") for number in range(6)]
    for one in pods:
        cluster.put(target(one))
        workload.scale(SHOP, up=True)

    kept = cluster.get(f"{APPS}/controllerrevisions")["items"]

    assert {f"web-{revision(one)}" for one in pods[-3:]} == {
        one["metadata"]["name"] for one in kept
    }
    assert [4, 5, 6] == sorted(one["revision"] for one in kept)
    assert {"uid-web-primary"} == {one["metadata"]["ownerReferences"][0]["uid"] for one in kept}


def test_a_template_left_by_a_deleted_primary_is_stored_anew() -> None:
    """The old one is about to go with its owner."""
    cluster, workload = world(target(V2), promoted(V1))
    workload.scale(SHOP, up=True)
    cluster.discard(PRIMARY)
    cluster.put({**promoted(V1), "metadata": {**promoted(V1)["metadata"], "uid": "another"}})

    workload.scale(SHOP, up=True)

    (kept,) = cluster.get(f"{APPS}/controllerrevisions")["items"]
    assert "another" == kept["metadata"]["ownerReferences"][0]["uid"]


def test_a_promotion_without_a_primary_is_not_found() -> None:
    """It was deleted in the middle."""
    with pytest.raises(ClusterError, match="the primary shop/web-primary does not exist") as found:
        world(target(V2))[1].promote(SHOP, revision(V2))

    assert ErrorKind.NOT_FOUND is found.value.kind


def test_a_promotion_reads_anew_what_changed_since_the_start() -> None:
    """A start's reading of the primary spares a request, never another writer's change."""
    cluster, workload = world(target(V2), promoted())
    workload.situation(SHOP)
    workload.scale(SHOP, up=True)
    cluster.put(promoted(replicas=7))

    workload.promote(SHOP, revision(V2))

    found = cluster.get(PRIMARY)
    assert (7, revision(V2)) == (
        found["spec"]["replicas"],
        found["metadata"]["annotations"]["progressive.dev/revision"],
    )
