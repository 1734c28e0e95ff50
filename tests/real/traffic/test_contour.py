"""Contour in a box routes and counts, and the Contour router gives users what was ordered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.stage import roads
from tests.real.stage.backends import by_version, near
from tests.real.stage.traffic import AcceptedSuite, ProvenSuite, Scene
from tests.realparts.answering import Answering
from tests.realparts.api import Document
from tests.realparts.contour import Contour

pytestmark = pytest.mark.real


class TestContourRouter(ProvenSuite, AcceptedSuite):
    """HTTPProxies through Contour and Envoy."""

    @pytest.fixture
    def scene(self, contour: Contour, pods: Answering, namespace: str) -> Iterator[Scene]:
        with roads.scene(roads.CONTOUR, contour, pods, namespace) as found:
            yield found


def test_the_weights_of_a_proxy_are_what_users_get(
    contour: Contour, pods: Answering, namespace: str
) -> None:
    """
    Written by hand, so that the box itself is known to work; counted where the router asks.
    """
    (proxy,) = roads.application(roads.CONTOUR, contour, pods, namespace)
    host = contour.host(namespace, "web")
    api = contour.control_plane.api
    services = proxy["spec"]["routes"][0]["services"]
    services[0]["weight"], services[1]["weight"] = 80, 20
    written = api.patch(api.path_of(proxy), {"spec": proxy["spec"]})
    contour.wait_weights(host, {"web-primary": 80, "web-canary": 20})
    counts = by_version(contour.ask(host, times=1000))
    name = f'envoy_cluster_upstream_rq{{envoy_cluster_name="{namespace}_web-canary_80"}}'
    counted = contour.prometheus.wait(f"sum({name})", lambda value: value == counts["2"])

    assert 1000 == counts["1"] + counts["2"]
    assert near(20, of=1000)(counts["2"]), counts
    assert counts["2"] == counted == pods.received(namespace)["web"]
    told = api.wait(api.path_of(proxy), lambda found: generation(found) == 2, "its status")
    assert 2 == written["metadata"]["generation"]
    assert "True" == told["status"]["conditions"][0]["status"]


def test_a_proxy_that_names_no_service_is_told_so_in_its_status(
    contour: Contour, pods: Answering, namespace: str
) -> None:
    """
    M-109: this is where the router reads that a write was not accepted.
    """
    (proxy,) = roads.application(roads.CONTOUR, contour, pods, namespace)
    api = contour.control_plane.api
    proxy["spec"]["routes"][0]["services"][1]["name"] = "nobody"
    api.patch(api.path_of(proxy), {"spec": proxy["spec"]})
    told = api.wait(api.path_of(proxy), lambda found: generation(found) == 2, "its status")
    (condition,) = told["status"]["conditions"]

    assert ("Valid", "False") == (condition["type"], condition["status"])
    assert "nobody" in str(condition["errors"])


def generation(proxy: Document) -> int | None:
    """Of what the status speaks."""
    found = (proxy.get("status", {}).get("conditions") or [{}])[0]
    told: int | None = found.get("observedGeneration")
    return told
