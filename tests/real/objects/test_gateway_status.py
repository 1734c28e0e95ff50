"""What controllers say of routes on a real API server, and what the router makes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.real.objects.gateway import made, router, served, stored
from tests.real.stage.backends import backends, target
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.unit.mesh.gateway_api import MESH, PUBLIC, backend, grant, weights

from progressive._model.traffic import RouteRef, Split
from progressive.clusters import KubernetesCluster
from progressive.errors import NotAccepted, PreflightFailed
from progressive.routers import GatewayApiRouter, StandingKind

__all__ = ["router", "served"]

pytestmark = pytest.mark.real


def told(
    plane: ControlPlane, manifest: Document, *, parent: Document = PUBLIC, **conditions: Any
) -> None:
    """A controller's word: condition → (status, generation, reason)."""
    entry = {
        "parentRef": parent,
        "controllerName": "example.com/gateway",
        "conditions": [
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": f"{reason} it is",
                "lastTransitionTime": "2026-11-20T10:00:00Z",
                **({} if generation is None else {"observedGeneration": generation}),
            }
            for kind, (status, generation, reason) in conditions.items()
        ],
    }
    path = f"{plane.api.path_of(manifest)}/status"
    plane.api.patch(path, {"status": {"parents": [entry]}})


def accepted(generation: int | None) -> dict[str, Any]:
    return {
        "Accepted": ("True", generation, "Accepted"),
        "ResolvedRefs": ("True", generation, "ResolvedRefs"),
    }


def test_a_write_is_accepted_once_the_status_is_of_its_generation(
    served: ControlPlane, namespace: str, router: GatewayApiRouter
) -> None:
    """
    M-61, M-62: the old generation is waited for, a refusal is told at once.
    """
    backends(served, namespace)
    manifest = made(served, namespace)
    told(served, manifest, **accepted(1))
    web = target(namespace)
    router.shift(web, Split(canary=20))
    generation = stored(served, manifest)["metadata"]["generation"]
    waiting = router.accepted(web, patience=timedelta(seconds=1))
    told(served, manifest, parent={**PUBLIC, "sectionName": "http"}, **accepted(generation))
    other = router.accepted(web, patience=timedelta(seconds=1))
    told(served, manifest, **accepted(generation))
    done = router.accepted(web, patience=timedelta(seconds=1))
    told(served, manifest, Accepted=("False", generation, "NotAllowedByListeners"))

    assert 2 == generation
    assert (StandingKind.UNVERIFIED, StandingKind.UNVERIFIED) == (waiting.kind, other.kind)
    assert "generation 1, and 2 is stored" in waiting.words
    assert StandingKind.ACCEPTED is done.kind
    with pytest.raises(NotAccepted, match=r"NotAllowedByListeners \(NotAllowedByListeners it is"):
        router.accepted(web, patience=timedelta(minutes=5))


def test_a_status_without_generations_never_hangs(served: ControlPlane, namespace: str) -> None:
    """
    M-63, M-72: as Linkerd writes it, the parent under another name of its group.
    """
    backends(served, namespace)
    manifest = made(
        served, namespace, parentRefs=[{"group": "", "kind": "Service", "name": "web"}]
    )
    parent = {**MESH, "group": "core", "namespace": namespace}
    told(served, manifest, parent=parent, **accepted(None))
    pauses: list[float] = []
    cluster = KubernetesCluster.from_environment(served.kubeconfig())
    router = GatewayApiRouter(cluster, pause=pauses.append)
    found = router.accepted(target(namespace))
    told(served, manifest, parent=parent, Accepted=("False", None, "NoMatchingParent"))

    assert StandingKind.UNVERIFIED is found.kind
    assert router.capabilities.settle.total_seconds() == pytest.approx(sum(pauses))
    with pytest.raises(NotAccepted, match="NoMatchingParent"):
        router.accepted(target(namespace))
    cluster.close()


@pytest.mark.parametrize(
    ("reason", "words"),
    [("BackendNotFound", "BackendNotFound it is"), ("RefNotPermitted", "a ReferenceGrant in")],
)
def test_references_that_do_not_resolve_are_refused_and_the_way_home_stays_open(
    served: ControlPlane, namespace: str, reason: str, words: str
) -> None:
    """
    M-64: the canary's share would be answered with 500; the split before is offered back.
    """
    backends(served, namespace)
    manifest = made(served, namespace)
    told(
        served,
        manifest,
        Accepted=("True", 9, "Accepted"),
        ResolvedRefs=("False", 9, reason),
    )
    cluster = KubernetesCluster.from_environment(served.kubeconfig())
    router = GatewayApiRouter(cluster, patience=timedelta(seconds=5))
    with pytest.raises(NotAccepted, match=words) as refusal:
        router.shift(target(namespace), Split(canary=20))
    home = router.shift(target(namespace), Split(canary=0))

    assert "before again: canary 0 of 100" in str(refusal.value)
    assert 0 == home.canary
    assert "NotAccepted" in home.warnings[-1]
    assert {"web-primary": 100, "web-canary": 0} == weights(stored(served, manifest))
    cluster.close()


def test_a_grant_is_asked_for_before_users_of_another_namespace_meet_its_lack(
    served: ControlPlane, namespace: str, router: GatewayApiRouter
) -> None:
    """
    The route is the platform's, the services are the team's, and so is the grant.
    """
    backends(served, namespace)
    platform = served.namespace("platform")
    far = [
        backend(one, 100 * (one == "web-primary"), namespace=namespace)
        for one in ("web-primary", "web-canary")
    ]
    manifest = made(served, platform, {"backendRefs": far})
    permit = grant("HTTPRoute", platform, "web-primary")
    permit["metadata"]["namespace"] = namespace
    served.api.create(permit)
    web = target(namespace, RouteRef(name="web", namespace=platform))
    with pytest.raises(PreflightFailed, match=r"may not name service .*/web-canary"):
        router.shift(web, Split(canary=20))
    permit["spec"]["to"].append({"group": "", "kind": "Service", "name": "web-canary"})
    served.api.apply(permit)
    GatewayApiRouter(router.cluster).shift(web, Split(canary=20))

    assert {"web-primary": 80, "web-canary": 20} == weights(stored(served, manifest))
    served.forget(platform)
