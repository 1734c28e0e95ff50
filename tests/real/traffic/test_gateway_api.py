"""The Gateway API as two real implementations understand it, and the router on both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.stage import roads
from tests.real.stage.backends import by_version, near
from tests.real.stage.traffic import AcceptedSuite, Scene, carried_out
from tests.realparts.answering import Answering
from tests.realparts.api import Document
from tests.realparts.contour import Contour
from tests.realparts.traefik import Traefik

from progressive._model.traffic import Split

pytestmark = pytest.mark.real

BOXES = {"contour": roads.GATEWAY_API_BY_CONTOUR, "traefik": roads.GATEWAY_API_BY_TRAEFIK}
"""By the name of the fixture."""


class TestByContour(AcceptedSuite):
    """HTTPRoutes through Contour and Envoy."""

    @pytest.fixture
    def scene(self, contour: Contour, pods: Answering, namespace: str) -> Iterator[Scene]:
        with roads.scene(roads.GATEWAY_API_BY_CONTOUR, contour, pods, namespace) as found:
            yield found

    def test_a_part_of_the_requests_cannot_be_mirrored(self, scene: Scene) -> None:
        """
        Contour takes the percentage, and copies every request.
        """
        assert not carried_out(scene, Split(canary=0, mirror=50), able=False)


class TestByTraefik(AcceptedSuite):
    """HTTPRoutes through Traefik."""

    @pytest.fixture
    def scene(self, traefik: Traefik, pods: Answering, namespace: str) -> Iterator[Scene]:
        with roads.scene(roads.GATEWAY_API_BY_TRAEFIK, traefik, pods, namespace) as found:
            yield found


@pytest.fixture(params=BOXES)
def box(request: pytest.FixtureRequest) -> tuple[roads.Road, Contour | Traefik]:
    """Each implementation in turn."""
    return BOXES[request.param], request.getfixturevalue(request.param)


def test_the_weights_of_a_route_are_what_users_get(
    box: tuple[roads.Road, Contour | Traefik], pods: Answering, namespace: str
) -> None:
    """
    Written by hand, so that the boxes themselves are known to work; their status says so.
    """
    road, gateway = box
    (route,) = roads.application(road, gateway, pods, namespace)
    host = gateway.host(namespace, "web")
    api = gateway.control_plane.api
    backends = route["spec"]["rules"][0]["backendRefs"]
    backends[0]["weight"], backends[1]["weight"] = 80, 20
    api.patch(api.path_of(route), {"spec": {"rules": route["spec"]["rules"]}})
    gateway.wait_weights(host, {"web-primary": 80, "web-canary": 20})
    counts = by_version(gateway.ask(host, times=1000))

    assert 1000 == counts["1"] + counts["2"]
    assert near(20, of=1000)(counts["2"]), counts
    told = api.wait(api.path_of(route), lambda found: conditions(found, 2), "its status")
    assert {"Accepted": "True", "ResolvedRefs": "True"} == conditions(told, 2)


def test_a_backend_that_is_missing_is_told_in_the_status(
    box: tuple[roads.Road, Contour | Traefik], pods: Answering, namespace: str
) -> None:
    """
    M-64: its share of the users gets errors, and only `ResolvedRefs` tells of it.
    """
    road, gateway = box
    (route,) = roads.application(road, gateway, pods, namespace)
    api = gateway.control_plane.api
    route["spec"]["rules"][0]["backendRefs"][1]["name"] = "nobody"
    api.patch(api.path_of(route), {"spec": {"rules": route["spec"]["rules"]}})
    told = api.wait(api.path_of(route), lambda found: conditions(found, 2), "its status")

    assert "False" == conditions(told, 2)["ResolvedRefs"]


def conditions(route: Document, generation: int) -> dict[str, str]:
    """What the one parent says of this generation; nothing, if it speaks of another."""
    parents = route.get("status", {}).get("parents") or [{}]
    return {
        one["type"]: one["status"]
        for one in parents[0].get("conditions", ())
        if one["observedGeneration"] == generation
    }
