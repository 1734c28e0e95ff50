"""The second level of done: what controllers say of what is stored, and how long is waited."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.mesh.manifests import TARGET, endpoints, service

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._mesh.standing import StandingKind
from progressive._model.traffic import Split
from progressive.errors import NotAccepted
from progressive.routers import GatewayApiRouter, IstioRouter

WEB = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/web"
PARENT = {"name": "public", "namespace": "infra", "sectionName": "https"}
GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway", **PARENT}


def condition(kind: str, generation: int | None, status: str = "True", **more: str) -> Any:
    about = {} if generation is None else {"observedGeneration": generation}
    return {"type": kind, "status": status, "reason": kind, "message": "", **about, **more}


def entry(*conditions: Any, parent: Mapping[str, Any] = GATEWAY) -> Any:
    return {"parentRef": dict(parent), "controllerName": "x.io/y", "conditions": list(conditions)}


def web(*parents: Any, parent: Mapping[str, Any] = PARENT, canary: int = 20) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop", "generation": 6},
        "spec": {
            "parentRefs": [dict(parent)],
            "rules": [
                {
                    "backendRefs": [
                        {"name": "web-primary", "port": 80, "weight": 100 - canary},
                        {"name": "web-canary", "port": 80, "weight": canary},
                    ]
                }
            ],
        },
        "status": {"parents": list(parents)},
    }


class Waits:
    """Counts the seconds, and lets a controller speak after some."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cluster = MemoryCluster()
        self.then: tuple[float, dict[str, Any]] | None = None

    def __call__(self, seconds: float) -> None:
        self.seconds += seconds
        if self.then is not None and self.seconds >= self.then[0]:
            self.cluster.put(self.then[1])
            self.then = None


def asked(manifest: Mapping[str, Any]) -> tuple[GatewayApiRouter, Waits]:
    waits = Waits()
    waits.cluster.put(deepcopy(dict(manifest)))
    return GatewayApiRouter(waits.cluster, pause=waits), waits


def both(generation: int | None, **more: Any) -> Any:
    return entry(condition("Accepted", generation), condition("ResolvedRefs", generation), **more)


def test_good_conditions_of_this_generation_are_accepted_at_once() -> None:
    """M-61: the controller has spoken, so nobody waits."""
    router, waits = asked(web(both(6)))

    assert StandingKind.ACCEPTED is router.accepted(TARGET).kind
    assert 0.0 == waits.seconds


def test_a_condition_of_the_generation_before_is_waited_for() -> None:
    """M-61: True for generation 5 says nothing of 6."""
    router, waits = asked(web(both(5)))
    waits.then = (3.0, web(both(6)))

    assert StandingKind.ACCEPTED is router.accepted(TARGET).kind
    assert waits.seconds >= 3.0


def test_a_refusal_is_told_at_once_with_reason_and_message() -> None:
    """M-61: a person must not wait for what will never come."""
    said = {"reason": "NotAllowedByListeners", "message": "no listener takes shop"}
    router, waits = asked(web(entry(condition("Accepted", 6, "False", **said))))

    with pytest.raises(NotAccepted, match=r"HTTPRoute shop/web, parent Gateway infra/public"):
        router.accepted(TARGET)
    with pytest.raises(NotAccepted, match=r"NotAllowedByListeners \(no listener takes shop\)"):
        router.accepted(TARGET)
    assert 0.0 == waits.seconds


def test_a_parent_that_the_spec_does_not_name_says_nothing() -> None:
    """M-62: controllers leave entries of parents that were taken away."""
    other = {**GATEWAY, "sectionName": "http"}
    left = entry(condition("Accepted", 3, "False"), parent=other)
    router, _ = asked(web(left, both(6)))

    assert StandingKind.ACCEPTED is router.accepted(TARGET).kind


def test_a_status_without_generations_is_unverified_after_the_settling_time() -> None:
    """M-63: Linkerd writes none; Flagger compares it with the object's, and waits for ever."""
    written = {"group": "core", "kind": "Service", "namespace": "shop", "name": "web", "port": 80}
    parent = {"group": "", "kind": "Service", "name": "web"}
    router, waits = asked(web(both(None, parent=written), parent=parent))
    standing = router.accepted(TARGET)

    assert StandingKind.UNVERIFIED is standing.kind
    assert "Accepted True" in standing.words
    assert router.capabilities.settle.total_seconds() == pytest.approx(waits.seconds)


def test_a_refusal_without_generation_counts_once_the_settling_time_is_over() -> None:
    """M-72: it may be about the state before, but not for ever."""
    refused = entry(condition("Accepted", None, "False", reason="NoMatchingParent"))
    router, waits = asked(web(refused))

    with pytest.raises(NotAccepted, match="NoMatchingParent"):
        router.accepted(TARGET)
    assert router.capabilities.settle.total_seconds() == pytest.approx(waits.seconds)


@pytest.mark.parametrize("manifest", [web(), web(both(5))], ids=["no-status", "old-generation"])
def test_the_wait_for_a_controller_has_an_end(manifest: dict[str, Any]) -> None:
    """A gateway that is down must not keep a release for ever."""
    router, waits = asked(manifest)
    standing = router.accepted(TARGET, patience=timedelta(seconds=7))

    assert StandingKind.UNVERIFIED is standing.kind
    assert "HTTPRoute shop/web, parent Gateway infra/public (https)" in standing.words
    assert pytest.approx(7.0) == waits.seconds


def test_a_route_that_is_partly_invalid_is_refused() -> None:
    """Some rules were dropped: it may be the very one."""
    partly = condition("PartiallyInvalid", 6, "True", reason="UnsupportedValue")
    router, _ = asked(web(entry(condition("Accepted", 6), condition("ResolvedRefs", 6), partly)))

    with pytest.raises(NotAccepted, match="PartiallyInvalid True: UnsupportedValue"):
        router.accepted(TARGET)


def waiting_router(reason: str, canary: int) -> tuple[GatewayApiRouter, Waits]:
    """A controller that refuses what the next shift stores."""
    waits = Waits()
    conditions = (condition("Accepted", 6), condition("ResolvedRefs", 99, "False", reason=reason))
    for one in ("web-primary", "web-canary"):
        waits.cluster.put(endpoints(one, True))
        waits.cluster.put(service(one, 80))
    waits.cluster.put(web(entry(*conditions), canary=canary))
    router = GatewayApiRouter(waits.cluster, patience=timedelta(seconds=5), pause=waits)
    return router, waits


def test_a_shift_that_is_refused_raises_and_offers_the_split_before() -> None:
    """M-64: exactly the canary's share of users would get errors."""
    router, _ = waiting_router("BackendNotFound", 20)

    with pytest.raises(
        NotAccepted, match=r"BackendNotFound.*before again: canary 20 of 100"
    ) as it:
        router.shift(TARGET, Split(canary=30))
    assert it.value.unsettled
    assert 30 == router.current(TARGET).canary


def test_a_missing_grant_is_named() -> None:
    """M-64: the reason alone does not say in which namespace what must be made."""
    router, _ = waiting_router("RefNotPermitted", 0)

    with pytest.raises(NotAccepted, match="ReferenceGrant in namespace shop must let HTTPRoute"):
        router.shift(TARGET, Split(canary=5))


def test_the_way_home_is_told_and_never_refused() -> None:
    """M-125: an abort must not depend on what a controller thinks."""
    router, _ = waiting_router("BackendNotFound", 20)
    observed = router.shift(TARGET, Split(canary=0))

    assert 0 == observed.canary
    assert "NotAccepted: HTTPRoute shop/web" in observed.warnings[-1]


def test_a_shift_waits_only_where_it_is_asked_to() -> None:
    """A script that moves weights alone pays for one read and one write."""
    _, waits = waiting_router("BackendNotFound", 20)
    plain = GatewayApiRouter(waits.cluster, pause=waits)

    assert 30 == plain.shift(TARGET, Split(canary=30)).canary
    assert 0.0 == waits.seconds
    assert StandingKind.UNVERIFIED is IstioRouter(MemoryCluster()).accepted(TARGET).kind


def test_the_metrics_are_those_of_the_application_unless_a_gateway_is_named() -> None:
    """The API has none of its own; Flagger asks the application as well."""
    assert "kubernetes" == GatewayApiRouter().capabilities.dialect
    assert "contour" == GatewayApiRouter(dialect="contour").capabilities.dialect
