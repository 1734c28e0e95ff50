"""Traefik in a box routes and counts, and the Traefik router gives users what was ordered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.stage import roads
from tests.real.stage.backends import by_version, near
from tests.real.stage.traffic import ProvenSuite, Scene
from tests.realparts.answering import Answering
from tests.realparts.traefik import Traefik

pytestmark = pytest.mark.real


class TestTraefikRouter(ProvenSuite):
    """TraefikServices, one with the weights and one around it, below an IngressRoute."""

    @pytest.fixture
    def scene(self, traefik: Traefik, pods: Answering, namespace: str) -> Iterator[Scene]:
        with roads.scene(roads.TRAEFIK_SERVICE, traefik, pods, namespace) as found:
            yield found


def test_the_weights_of_a_traefik_service_are_what_users_get(
    traefik: Traefik, pods: Answering, namespace: str
) -> None:
    """
    Written by hand, so that the box itself is known to work; counted where the checks ask.
    """
    weighted, *_ = roads.application(roads.TRAEFIK_SERVICE, traefik, pods, namespace)
    host = traefik.host(namespace, "web")
    api = traefik.control_plane.api
    services = weighted["spec"]["weighted"]["services"]
    services[0]["weight"], services[1]["weight"] = 80, 20
    api.patch(api.path_of(weighted), {"spec": weighted["spec"]})
    traefik.wait_weights(host, {"web-primary": 80, "web-canary": 20})
    counts = by_version(traefik.ask(host, times=1000))
    name = f'traefik_service_requests_total{{service="{namespace}-web-canary-80@kubernetescrd"}}'
    counted = traefik.prometheus.wait(f"sum({name})", lambda value: value == counts["2"])

    assert 1000 == counts["1"] + counts["2"]
    assert near(20, of=1000)(counts["2"]), counts
    assert counts["2"] == counted == pods.received(namespace)["web"]
