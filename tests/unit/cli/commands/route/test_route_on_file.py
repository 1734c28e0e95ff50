"""A routing write by hand, worked out on a file."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tests.unit.cli.commands.route.by_hand import answered, canary, release
from tests.unit.mesh.manifests import both, route
from tests.unit.mesh.proxies import worlds


def test_a_write_shows_patch_objects_and_split(ask: Any) -> None:
    """
    The contract of release.md section 6; nothing else of the file moves.
    """
    objects = [route(both()), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}]
    told = answered(ask("--weight", "20", "-o", "json", objects=objects))

    assert ["changed", "patches", "objects", "split", "warnings"] == list(told)
    assert {"canary": 20, "total": 100, "mirror": None, "matched": False} == told["split"]
    (patch,) = told["patches"]
    assert "VirtualService" == patch["ref"]["kind"]
    version = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert version == patch["patch"][0]
    web, other = told["objects"]
    assert [80, 20] == [one["weight"] for one in web["spec"]["http"][0]["route"]]
    assert objects[1] == other


def test_a_read_prints_the_split_alone(ask: Any) -> None:
    """
    For scripts that ask where the traffic is.
    """
    told = answered(ask("--read", "-o", "json", objects=[route(both(60, 40))]))

    assert {"canary": 40, "total": 100, "mirror": None, "matched": False} == told


def test_as_already_wanted_and_a_reset_of_nothing_change_nothing(ask: Any) -> None:
    """
    R2, R7: repeated orders leave no trace.
    """
    stands = [route(both(80, 20))]
    again = answered(ask("--weight", "20", "-o", "json", objects=stands))
    gone = answered(ask("--reset", "-o", "json", objects=[]))

    assert (False, [], stands) == (again["changed"], again["patches"], again["objects"])
    assert (False, [], []) == (gone["changed"], gone["patches"], gone["objects"])


def test_a_match_at_weight_0_is_read_back_where_only_the_cookie_s_rule_stands(ask: Any) -> None:
    """
    The way home of an A/B release with stickiness, whatever the base weights are.
    """
    document = release(
        match=[{"headers": {"x": {"exact": "a"}}}], sticky={"cookie": "c", "max_age": 60}
    )
    stands = [route({**both(50, 50), "name": "main"})]
    for weight in ("20", "0", "100", "0"):
        told = answered(ask("--weight", weight, "-o", "json", document=document, objects=stands))
        stands = told["objects"]
        assert int(weight) == told["split"]["canary"]
        read = answered(ask("--read", "-o", "json", document=document, objects=stands))
        assert told["split"] == read
    assert [50, 50] == [one["weight"] for one in stands[0]["spec"]["http"][-1]["route"]]


def test_yaml_has_the_keys_of_json(ask: Any) -> None:
    """
    `-o yaml` is for people who review in the form of their files.
    """
    objects = [route(both())]
    as_json = answered(ask("--weight", "5", "-o", "json", objects=objects))
    as_yaml = ask("--weight", "5", "-o", "yaml", objects=objects)

    assert as_json == yaml.safe_load(as_yaml.stdout)


def test_a_terminal_gets_the_difference_and_one_line(ask: Any) -> None:
    """
    A reviewer wants to see the two lines that change, not three hundred that do not.
    """
    shown = ask("--weight", "20", objects=[route(both())]).stdout

    assert "-      weight: 100" in shown and "+      weight: 80" in shown
    assert "--- VirtualService shop/web before" in shown
    assert "canary 20 of 100 (changed)" == shown.splitlines()[-1]
    assert "resourceVersion" not in shown
    assert "canary 0 of 100" == ask("--read", objects=[route(both())]).stdout.strip()


def test_a_canary_needs_no_analysis_to_be_routed(ask: Any) -> None:
    """
    `route` checks what routing needs: hooks, metrics and autoscalers are for a run.
    """
    hooks = [{"name": "load", "type": "rollout", "url": "http://load.test/"}]
    busy = canary(
        analysis={"webhooks": hooks, "iterations": 3, "metrics": []},
        autoscalerRef={
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "name": "web",
        },
    )
    for document in (canary(), busy):
        told = answered(
            ask("--weight", "20", "-o", "json", document=document, objects=[route(both())])
        )
        assert 20 == told["split"]["canary"]


ELSEWHERE = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "front"}
BESIDE = {"apiVersion": "apisix.apache.org/v2", "kind": "ApisixRoute", "name": "web"}


@pytest.mark.parametrize(
    ("provider", "reference", "objects", "steered"),
    [
        ("contour", {"ingressRef": ELSEWHERE}, worlds.http_proxy(100, 0, None), "web"),
        ("skipper", {"ingressRef": ELSEWHERE}, worlds.ingress(100, 0, None), "web"),
        ("apisix", {"routeRef": BESIDE}, worlds.apisix_route(100, 0, None), "web-web-canary"),
    ],
)
def test_a_reference_of_a_canary_names_an_object_only_where_that_is_steered(
    ask: Any, provider: str, reference: Any, objects: list[dict[str, Any]], steered: str
) -> None:
    """
    For Skipper and APISIX Flagger keeps both sides in an object beside the one that is named, and
    other providers pass the field over; a run finds the rule by its services, and so does this.
    """
    objects[0]["metadata"]["name"] = steered
    document = canary(provider=provider, **reference)
    told = answered(ask("--weight", "18", "-o", "json", document=document, objects=objects))

    assert [steered] == [one["ref"]["name"] for one in told["patches"]]
    assert 18 == told["split"]["canary"]


@pytest.mark.parametrize(
    "document",
    [
        release(router="contour", sticky={"cookie": "side"}),
        release(router="contour", mirror=2.5, match=[{"headers": {"x": {"exact": "1"}}}]),
        canary(provider="contour", analysis={"sessionAffinity": {"cookieName": "side"}}),
        canary(provider="contour", analysis={"match": [{"sourceLabels": {"app": "x"}}]}),
    ],
    ids=["sticky", "fraction", "affinity", "labels"],
)
def test_a_reset_is_not_stopped_by_what_the_mesh_cannot_express(
    ask: Any, document: dict[str, Any]
) -> None:
    """
    The way home needs none of it; a write of a weight is refused.
    """
    objects = worlds.http_proxy(60, 40, None)
    refused = answered(ask("--weight", "40", "-o", "json", document=document, objects=objects), 6)
    told = answered(ask("--reset", "-o", "json", document=document, objects=objects))

    assert "Unsupported" == refused["error"]["type"]
    assert {"canary": 0, "total": 100, "mirror": None, "matched": False} == told["split"]


def test_objects_of_a_list_and_times_without_quotes_are_read(ask: Any) -> None:
    """
    Files come from `kubectl get -o yaml`, and from people.
    """
    held = """
apiVersion: v1
kind: List
items:
- apiVersion: networking.istio.io/v1
  kind: VirtualService
  metadata: {name: web, namespace: shop, creationTimestamp: 2026-11-20T10:00:00Z}
  spec: {hosts: [web], http: [{route: [
    {destination: {host: web-primary}, weight: 100}, {destination: {host: web-canary}}]}]}
"""
    told = answered(ask("--weight", "20", "-o", "json", objects=held))

    assert "2026-11-20T10:00:00Z" == told["objects"][0]["metadata"]["creationTimestamp"]
