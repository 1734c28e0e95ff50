"""What a first deploy makes, points and marks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.adapters.workload.world import (
    APPS,
    OURS,
    PRIMARY,
    SELECTOR,
    SERVICES,
    SHOP,
    V1,
    V2,
    canary,
    primary,
    promoted,
    put,
    service,
    target,
    world,
    written,
)

from progressive._kube.workload.primary import primary_template
from progressive._kube.workload.revision import revision
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Target
from progressive.errors import ClusterError, ErrorKind


class Routes:
    """A router that notes what it is asked to make."""

    def __init__(self) -> None:
        self.made: list[tuple[Target, str, Mapping[str, Any] | None]] = []

    def establish(
        self, target: Target, service: ServiceSpec, owner: Mapping[str, Any] | None
    ) -> None:
        self.made.append((target, service.name, owner))


def test_a_first_deploy_makes_points_and_marks() -> None:
    """Primary, both services, apex, route; the mark last of all (L2)."""
    cluster, workload = world(target())
    workload.router = routes = Routes()

    workload.prepare(SHOP)
    assert workload.situation(SHOP).promoted is None
    workload.point(SHOP)
    assert workload.situation(SHOP).promoted is None
    workload.mark(SHOP)

    assert revision(V1) == workload.situation(SHOP).promoted
    assert [
        ("create", "/deployments", "web-primary"),
        ("create", SERVICES, "web-primary"),
        ("create", SERVICES, "web-canary"),
        ("create", SERVICES, "web"),
    ] == [
        (one.verb, one.path.removeprefix(APPS), one.body["metadata"]["name"])
        for one in cluster.log[:-1]
    ]
    assert {"progressive.dev/revision": revision(V1)} == (
        cluster.get(PRIMARY)["metadata"]["annotations"]
    )
    owner = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
        "uid": "uid-web",
        "controller": False,
        "blockOwnerDeletion": False,
    }
    assert [(SHOP, "web", owner)] == routes.made
    for path in (
        PRIMARY,
        *(f"{SERVICES}/{name}" for name in ("web", "web-primary", "web-canary")),
    ):
        assert [owner] == cluster.get(path)["metadata"]["ownerReferences"]


def test_a_first_deploy_that_is_repeated_writes_nothing() -> None:
    """After a crash every step is carried out again (L19)."""
    cluster, workload = world(target())
    for _ in range(2):
        workload.prepare(SHOP)
        workload.point(SHOP)
        workload.mark(SHOP)

    assert 5 == len(cluster.log)


def test_what_is_made_goes_with_the_suspended_canary() -> None:
    """As Flagger's own objects do (L21)."""
    cluster, workload = world(target(), canary(suspend=True))

    workload.prepare(SHOP)

    (owner,) = cluster.get(PRIMARY)["metadata"]["ownerReferences"]
    assert ("Canary", "web", "uid-canary") == (owner["kind"], owner["name"], owner["uid"])


def test_a_first_deploy_with_a_wrong_image_can_be_mended() -> None:
    """Its primary never became ready; the mended target is what shall be deployed."""
    cluster, workload = world(target(V1))
    workload.prepare(SHOP)
    cluster.put(target(V2, progressDeadlineSeconds=61))

    workload.prepare(SHOP)
    workload.mark(SHOP)

    found = cluster.get(PRIMARY)
    assert primary_template(V2, SELECTOR) == found["spec"]["template"]
    assert 61 == found["spec"]["progressDeadlineSeconds"]
    assert revision(V2) == workload.situation(SHOP).promoted


def test_the_mark_tells_what_runs_and_not_what_the_target_has_by_now() -> None:
    """Else a version that nobody analysed would count as promoted."""
    cluster, workload = world(target(V1))
    workload.prepare(SHOP)
    cluster.put(target(V2))

    workload.mark(SHOP)
    found = workload.situation(SHOP)

    assert (revision(V2), revision(V1)) == (found.revision, found.promoted)


def test_a_complete_primary_keeps_its_template() -> None:
    """After the mark a template changes by promotion alone, whatever else is written there."""
    complete = promoted(V1)
    complete["metadata"]["annotations"]["progressive.dev/made-from"] = revision(V1)
    cluster, workload = world(target(V2), complete)

    workload.prepare(SHOP)

    assert primary_template(V1, SELECTOR) == cluster.get(PRIMARY)["spec"]["template"]


def test_an_apex_of_the_user_is_pointed_at_the_primary() -> None:
    """It is kept; only its selector changes."""
    cluster, workload = world(target(), service("web", "web", labels={"team": "a"}))

    workload.point(SHOP)

    found = cluster.get(f"{SERVICES}/web")
    assert {"app": "web-primary"} == found["spec"]["selector"]
    assert {"team": "a"} == found["metadata"]["labels"]
    assert [("patch", f"{SERVICES}/web")] == written(cluster)


def test_an_apex_without_a_selector_is_refused() -> None:
    """Its endpoints are kept by somebody else, who would not follow."""
    apex = service("web", "web")
    apex["spec"] = {"type": "ExternalName", "externalName": "elsewhere"}

    with pytest.raises(ClusterError, match="has no selector") as caught:
        world(target(), apex)[1].point(SHOP)

    assert ErrorKind.INVALID is caught.value.kind


def test_services_of_the_sides_are_corrected_only_if_they_are_ours() -> None:
    """One of the user with the right pods is left alone, one with other pods is refused."""
    ours = service("web-canary", "old", labels=OURS)
    cluster, workload = world(target(), service("web-primary", "web-primary"), ours)

    workload.prepare(SHOP)

    assert {"app": "web"} == cluster.get(f"{SERVICES}/web-canary")["spec"]["selector"]
    assert [("create", "/deployments"), ("patch", f"{SERVICES}/web-canary")] == written(cluster)

    with pytest.raises(ClusterError, match="Service shop/web-canary exists, was made by somebody"):
        world(target(), service("web-canary", "old"))[1].prepare(SHOP)


def test_somebody_who_creates_at_the_same_time_is_no_obstacle() -> None:
    """Between the look and the creation."""
    cluster, workload = world(target())
    cluster.on(lambda: put(cluster, primary(V1)), verb="create", path="deployments")
    cluster.on(
        lambda: put(cluster, service("web-canary", "web")),
        verb="create",
        path="services",
        skip=1,
    )

    workload.prepare(SHOP)

    assert [("create", SERVICES)] == written(cluster)


def test_an_edit_in_between_is_seen_and_kept() -> None:
    """A patch names the version that it was worked out for."""
    cluster, workload = world(target(), service("web", "web"))
    labelled = service("web", "web", labels={"new": "label"})
    cluster.on(lambda: put(cluster, labelled), verb="patch", path="services/web")

    workload.point(SHOP)

    found = cluster.get(f"{SERVICES}/web")
    assert {"app": "web-primary"} == found["spec"]["selector"]
    assert {"new": "label"} == found["metadata"]["labels"]


def test_a_fight_over_an_object_ends_as_a_conflict() -> None:
    """Bounded: the machine decides what a conflict means."""
    cluster, workload = world(target(), primary(V1, labels=OURS))
    conflict = ClusterError("modified", ErrorKind.CONFLICT, None, 409, "Conflict")
    cluster.fail(conflict, verb="patch", times=None)

    with pytest.raises(ClusterError) as caught:
        workload.mark(SHOP)

    assert ErrorKind.CONFLICT is caught.value.kind
    assert 5 == len([verb for verb, _ in cluster.calls if verb == "patch"])
