"""Objects that a codec makes and deletes, kinds that are not there, and what is put back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.adapters.toy_mesh import (
    BASE,
    CANARY,
    INGRESSES,
    WEIGHT,
    base_ingress,
    toy_router,
    toy_world,
)
from tests.unit.mesh.manifests import TARGET

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.mesh.undo import restoration
from progressive._adapters.mesh.writes import Written
from progressive._kube.marks import DRIVER
from progressive._kube.patch import apply
from progressive._model.traffic import Observed, Split
from progressive.errors import (
    ClusterError,
    Conflict,
    ErrorKind,
    InvalidRequest,
    NotOwned,
    PreflightFailed,
    RouterError,
    VersionNotServed,
)
from progressive.ports import Fence

SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"


def notes(cluster: MemoryCluster, path: str) -> dict[str, str]:
    found: dict[str, str] = cluster.get(path)["metadata"].get("annotations") or {}
    return found


def exists(cluster: MemoryCluster, path: str) -> bool:
    try:
        cluster.get(path)
    except ClusterError:
        return False
    return True


def writes(cluster: MemoryCluster) -> list[tuple[str, str]]:
    return [(one.verb, one.path) for one in cluster.log]


def test_an_object_is_made_patched_and_deleted() -> None:
    """
    Meshes that split by a second object; the read-back is the answer to the write.
    """
    cluster = toy_world()
    steered = toy_router(cluster)

    assert Observed(canary=20) == steered.shift(TARGET, Split(canary=20))
    assert [("patch", BASE), ("create", INGRESSES)] == writes(cluster)
    assert {WEIGHT: "20"} == notes(cluster, CANARY)

    assert Observed(canary=30) == steered.shift(TARGET, Split(canary=30))
    assert "30" == notes(cluster, CANARY)[WEIGHT]
    assert Observed(canary=0) == steered.reset(TARGET)
    assert not exists(cluster, CANARY)
    assert Observed(canary=0) == steered.reset(TARGET)


def test_from_the_second_shift_on_each_object_is_one_patch() -> None:
    """
    What was made is remembered as it was stored; autoscalers are asked for once.
    """
    cluster = toy_world()
    steered = toy_router(cluster)
    steered.shift(TARGET, Split(canary=10))
    cluster.calls.clear()
    steered.shift(TARGET, Split(canary=20))
    assert [("list", SLICES), ("patch", BASE), ("patch", CANARY)] == cluster.calls

    cluster.calls.clear()
    steered.shift(TARGET, Split(canary=20))
    assert [("get", BASE), ("get", CANARY)] == cluster.calls


def test_what_is_made_has_its_owner() -> None:
    """
    M-100: it goes with its owner, also when another process made the release.
    """
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web-canary", "namespace": "shop", "uid": "u-1"},
        "spec": {},
    }
    cluster = toy_world(deployment)
    toy_router(cluster).shift(TARGET, Split(canary=20))

    (owner,) = cluster.get(CANARY)["metadata"]["ownerReferences"]
    assert ("Deployment", "web-canary", "u-1") == (owner["kind"], owner["name"], owner["uid"])


def test_what_is_made_carries_the_token_of_its_run() -> None:
    """
    L18: a driver that slept must meet it on every route object.
    """
    cluster = toy_world()
    steered = toy_router(cluster)
    steered.fence(TARGET, Fence(token="run/1", confirm=lambda: None), at_once=True)
    steered.shift(TARGET, Split(canary=20))
    assert "run/1" == notes(cluster, CANARY)[DRIVER] == notes(cluster, BASE)[DRIVER]

    steered.unfence(TARGET)
    assert DRIVER not in notes(cluster, CANARY)
    steered.fence(TARGET, Fence(token="run/2", confirm=lambda: None), at_once=False)
    steered.reset(TARGET)
    assert not exists(cluster, CANARY)
    steered.unfence(TARGET)


def test_what_somebody_else_made_meanwhile_is_planned_around() -> None:
    """
    AlreadyExists is a conflict: the next plan sees the object, and whose it is.
    """
    for marks, ours in (({WEIGHT: "5"}, True), ({}, False)):
        cluster = toy_world()
        other = {**base_ingress(), "metadata": {"name": "web-canary", "namespace": "shop"}}
        other["metadata"]["annotations"] = marks

        def lay(cluster: MemoryCluster = cluster, other: Any = other) -> None:
            cluster.put(other, manager="somebody")

        cluster.on(lay, verb="create", path="ingresses")
        if ours:
            assert 20 == toy_router(cluster).shift(TARGET, Split(canary=20)).canary
            continue
        with pytest.raises(NotOwned, match="web-canary"):
            toy_router(cluster).shift(TARGET, Split(canary=20))
        assert {} == notes(cluster, CANARY)
        assert {} == notes(cluster, BASE), "the base is put back"


def test_a_create_that_always_meets_somebody_is_given_up() -> None:
    """
    Bounded, as every conflict is.
    """
    cluster = toy_world()
    there = ClusterError("it is there", ErrorKind.CONFLICT, None, 409, "AlreadyExists")
    cluster.fail(there, verb="create", path="ingresses", times=None)

    with pytest.raises(Conflict, match="5 tries"):
        toy_router(cluster).shift(TARGET, Split(canary=20))
    assert 5 == sum(verb == "create" for verb, _ in cluster.calls)


@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer_to_a_create_or_a_delete_ends_as_ordered(after: bool) -> None:
    """
    M-121, for objects that come and go.
    """
    cluster = toy_world()
    steered = toy_router(cluster)
    lost = ClusterError("no answer", ErrorKind.UNAVAILABLE)
    cluster.fail(lost, verb="create", path="ingresses", after=after)
    assert Observed(canary=20) == steered.shift(TARGET, Split(canary=20))

    cluster.fail(lost, verb="delete", after=after)
    assert Observed(canary=0) == steered.reset(TARGET)
    assert not exists(cluster, CANARY)


def test_a_delete_never_takes_what_changed_since_it_was_read() -> None:
    """
    The version is a precondition: the plan is made anew on what is there.
    """
    cluster = toy_world()
    steered = toy_router(cluster)
    steered.shift(TARGET, Split(canary=20))

    def touch() -> None:
        one = cluster.get(CANARY)
        one["metadata"]["labels"] = {"by": "somebody"}
        cluster.put(one, manager="somebody")

    cluster.on(touch, verb="delete")
    steered.reset(TARGET)

    assert 2 == sum(verb == "delete" for verb, _ in cluster.calls)
    assert not exists(cluster, CANARY)


def test_one_kind_of_several_may_be_absent_and_none_is_an_error() -> None:
    """
    A mesh that serves one of its kinds is there.
    """
    assert Observed(canary=0) == toy_router(toy_world()).current(TARGET)

    nothing = toy_world(served={"toy.test": (), "networking.k8s.io": ()})
    with pytest.raises(VersionNotServed, match=r"toys\.toy\.test.*ingresses"):
        toy_router(nothing).current(TARGET)
    assert Observed(canary=0) == toy_router(nothing).reset(TARGET)


def scaler() -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {},
    }


def test_what_is_around_forbids_the_first_write() -> None:
    """
    Read only when something will be written, and never what the user may not see.
    """
    cluster = toy_world(scaler())
    steered = toy_router(cluster)
    steered.shift(TARGET, Split(canary=0))
    canary = base_ingress(name="web-canary", annotations={WEIGHT: "20"})
    standing = toy_world(canary)
    toy_router(standing).shift(TARGET, Split(canary=0))
    assert "0" == notes(standing, CANARY)[WEIGHT]
    asked = [*cluster.calls, *standing.calls]
    assert not [path for _, path in asked if "autoscalers" in path], "home asks for nothing"

    with pytest.raises(PreflightFailed, match="autoscaler"):
        steered.shift(TARGET, Split(canary=20))
    assert [] == cluster.log

    cluster.deny("list", "horizontalpodautoscalers")
    assert 20 == toy_router(cluster).shift(TARGET, Split(canary=20)).canary


def test_offline_everything_of_the_file_is_seen() -> None:
    """
    An autoscaler in the file refuses as it would in the cluster.
    """
    held = MemoryCluster([base_ingress(), scaler()], exact=True)
    with pytest.raises(PreflightFailed, match="autoscaler"):
        toy_router(held, offline=True).shift(TARGET, Split(canary=20))
    empty = MemoryCluster([], exact=True)
    with pytest.raises(RouterError, match="no Ingress"):
        toy_router(empty, offline=True).current(TARGET)


def test_a_later_failure_takes_back_exactly_what_was_changed() -> None:
    """
    M-127: annotations and other writers' work survive; what was not there before is not there.
    """
    cluster = toy_world()
    cluster.fail(ClusterError("denied", ErrorKind.INVALID), verb="create", path="ingresses")
    with pytest.raises(InvalidRequest, match="shop/web is put back") as told:
        toy_router(cluster).shift(TARGET, Split(canary=20))
    assert not told.value.unsettled
    assert "annotations" not in cluster.get(BASE)["metadata"]

    lone = toy_world()
    lone.fail(ClusterError("denied", ErrorKind.INVALID), verb="create", path="ingresses")
    lone.fail(ClusterError("denied", ErrorKind.INVALID), verb="patch", skip=1)
    with pytest.raises(InvalidRequest, match="could not be put back") as stuck:
        toy_router(lone).shift(TARGET, Split(canary=20))
    assert stuck.value.unsettled


def test_writes_are_shown_with_what_was_before_and_after() -> None:
    """
    For a command that lists them, and for one that must not begin what it may not end.
    """
    cluster, told = toy_world(), list[Written]()
    steered = toy_router(cluster)
    asked: list[tuple[tuple[str, str], ...]] = []
    steered.on_write(told.append, before=lambda intent: asked.append(intent.calls))
    steered.shift(TARGET, Split(canary=20))
    steered.reset(TARGET)

    assert [(("patch", BASE), ("create", INGRESSES)), (("delete", CANARY),)] == asked
    assert [(True, True), (False, True), (True, False)] == [
        (one.before is not None, one.after is not None) for one in told
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab/~", max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
TEXTS = st.none() | st.dictionaries(st.text("ab/~", min_size=1, max_size=3), st.text("xy"))


@given(was=st.tuples(TEXTS, TEXTS, JSON, JSON), now=st.tuples(TEXTS, TEXTS, JSON, JSON), kept=JSON)
@settings(max_examples=300, deadline=None)
def test_the_way_back_leads_back(was: Any, now: Any, kept: Any) -> None:
    """
    Whatever a write changed, and nothing that the server keeps.
    """

    def manifest(parts: Any, version: str) -> dict[str, Any]:
        labels, annotations, spec, data = parts
        meta = {"name": "web", "resourceVersion": version}
        meta |= {} if labels is None else {"labels": labels}
        meta |= {} if annotations is None else {"annotations": annotations}
        return {"kind": "X", "metadata": meta, "spec": spec, "data": data, "status": kept}

    before, after = manifest(was, "1"), manifest(now, "2")
    restored = apply(after, list(restoration(after, before)))

    assert "2" == restored["metadata"].pop("resourceVersion")
    before["metadata"].pop("resourceVersion")
    for one in (before, restored):
        for key in ("labels", "annotations"):
            if not one["metadata"].get(key):
                one["metadata"].pop(key, None)
    assert before == restored
