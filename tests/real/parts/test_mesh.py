"""The mesh in a box behaves as a mesh: weights are traffic, images are behaviour, both counted."""

from __future__ import annotations

import pytest
import requests
from tests.real.stage.backends import by_version, near, rolled_out, route, shop
from tests.realparts.mesh import Mesh

pytestmark = pytest.mark.real


def set_image(mesh: Mesh, namespace: str, name: str, image: str) -> None:
    api = mesh.control_plane.api
    path = api.path("apps/v1", "Deployment", namespace, name)
    template = {"spec": {"containers": [{"name": "web", "image": image}]}}
    api.patch(path, {"spec": {"template": template}}, kind="strategic")
    api.wait(path, rolled_out, f"{name} rolled out to {image}")


def test_the_weights_of_a_virtual_service_are_what_users_get(mesh: Mesh, namespace: str) -> None:
    """
    The whole way: API server, istiod, Envoy, pods; the number is measured, not read back.
    """
    host = shop(mesh, namespace, canary=20)
    at_20 = by_version(mesh.ask(host, times=1000))
    mesh.control_plane.api.apply(route(namespace, canary=50))
    mesh.wait_weights(host, {"web-primary": 50, "web-canary": 50})
    at_50 = by_version(mesh.ask(host, times=1000))
    mesh.control_plane.api.apply(route(namespace, canary=0))
    mesh.wait_weights(host, {"web-primary": 100})
    at_0 = by_version(mesh.ask(host, times=200))

    assert 1000 == at_20["1"] + at_20["2"]
    assert 1000 == at_50["1"] + at_50["2"]
    assert near(20, of=1000)(at_20["2"]), at_20
    assert near(50, of=1000)(at_50["2"]), at_50
    assert {"1": 200} == at_0


def test_istiod_tells_what_the_proxy_acknowledged(mesh: Mesh, namespace: str) -> None:
    """
    This is where the Istio router reads that a weight was accepted.
    """
    shop(mesh, namespace, canary=10)
    (proxy,) = requests.get(f"{mesh.istiod_debug}/debug/syncz", timeout=30).json()

    assert "gw-1.mesh" == proxy["proxy"]
    assert proxy["route_sent"] == proxy["route_acked"]


def test_requests_are_counted_under_the_names_of_istio(mesh: Mesh, namespace: str) -> None:
    """
    The built-in checks ask for these series and labels, good and bad, of the canary alone.
    """
    host = shop(mesh, namespace, canary=50, image="web:2-bad")
    counts = mesh.ask(host, times=400)
    canary = (
        f'istio_requests_total{{reporter="destination",destination_workload="web",'
        f'destination_workload_namespace="{namespace}",response_code="%s"}}'
    )
    mesh.prometheus.wait(canary % 200, lambda value: value == counts["2-bad", 200])
    mesh.prometheus.wait(canary % 500, lambda value: value == counts["2-bad", 500])
    all_of = (
        f'sum(istio_requests_total{{reporter="%s",destination_service_namespace="{namespace}"}})'
    )
    for reporter in ("source", "destination"):
        mesh.prometheus.wait(all_of % reporter, lambda value: value == 400)
    slowest = (
        "histogram_quantile(0.99, sum by (le) (istio_request_duration_milliseconds_bucket"
        f'{{reporter="destination",destination_workload="web",'
        f'destination_workload_namespace="{namespace}"}}))'
    )

    assert near(30, of=counts["2-bad", 200] + counts["2-bad", 500])(counts["2-bad", 500]), counts
    assert 0 < mesh.prometheus.wait(slowest) < 1000
    assert counts["2-bad", 200] + counts["2-bad", 500] == envoys_own_count(mesh, namespace)


def envoys_own_count(mesh: Mesh, namespace: str) -> int:
    """What Envoy's own counter says of the canary, against which ours is held."""
    cluster = f"outbound|80||web-canary.{namespace}.svc.cluster.local"
    text = requests.get(f"{mesh.envoy_admin}/stats/prometheus", timeout=30).text
    return sum(
        int(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith("envoy_cluster_upstream_rq{") and f'="{cluster}"' in line
    )


def test_a_canary_that_hangs_up_is_seen_by_its_callers_only(mesh: Mesh, namespace: str) -> None:
    """
    A success rate that asks the destination alone is blind to this; so the source is asked too.
    """
    host = shop(mesh, namespace, canary=50, image="web:2-dead")
    counts = mesh.ask(host, times=100)
    of_canary = (
        f'sum(istio_requests_total{{reporter="%s",destination_service_name="web-canary",'
        f'destination_service_namespace="{namespace}",response_flags=~"UC|UF|URX"}}) or vector(0)'
    )

    seen = counts["", 503]
    assert near(50, of=100)(seen), counts
    # the mesh tells of requests after a moment, and a scrape may come in between
    assert seen == mesh.prometheus.wait(of_canary % "source", lambda value: value == seen)
    assert 0 == mesh.prometheus.wait(of_canary % "destination")


def test_a_new_image_changes_what_users_get(mesh: Mesh, namespace: str) -> None:
    """
    `kubectl set image` on a real Deployment is all that a team does to release.
    """
    host = shop(mesh, namespace, canary=100)
    before = mesh.ask(host, times=20)
    set_image(mesh, namespace, "web", "registry.example/shop/web:3-slow300")
    mesh.wait_version(host, "3-slow300")

    with mesh.load(host, per_second=20, seconds_at_most=1) as load:
        load.wait()

    assert {("2", 200): 20} == before
    assert {("3-slow300", 200): 20} == load.counts
    assert 0 == load.failed == load.skipped
    assert 0.3 <= min(answer.seconds for answer in load.answers)


def test_a_service_without_ready_pods_answers_503(mesh: Mesh, namespace: str) -> None:
    """
    Traffic on a side that has no endpoint is the accident that a release must never make.
    """
    host = shop(mesh, namespace, canary=100)
    path = mesh.control_plane.api.path("apps/v1", "Deployment", namespace, "web")
    mesh.control_plane.api.patch(path, {"spec": {"replicas": 0}})
    mesh.wait_endpoints(namespace, "web-canary", 0)
    counts = mesh.ask(host, times=10)
    lost = (
        'sum(istio_requests_total{reporter="source",response_flags="UH",'
        f'destination_service_namespace="{namespace}"}})'
    )

    assert {("", 503): 10} == counts
    assert 10 == mesh.prometheus.wait(lost, lambda value: value == 10)


def test_the_mesh_goes_on_after_a_restart_of_the_api_server(mesh: Mesh, namespace: str) -> None:
    """
    Other tests restart the API server that istiod reads; the mesh must outlast them.
    """
    host = shop(mesh, namespace, canary=0)
    with mesh.load(host, per_second=20, seconds_at_most=60) as load:
        mesh.control_plane.restart_api_server()
        mesh.control_plane.api.apply(route(namespace, canary=100))
        mesh.wait_weights(host, {"web-canary": 100}, seconds=60)

    assert 0 == load.failed
    assert {("2", 200): 20} == mesh.ask(host, times=20)
