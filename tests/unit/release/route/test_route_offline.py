"""One routing write by hand: worked out on a file, or carried out on a cluster in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.unit.mesh.manifests import both, endpoints, route, service
from tests.unit.mesh.proxies import worlds

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._cli.main import cli
from progressive._model.traffic import Target
from progressive.clusters import KubernetesCluster
from progressive.errors import ClusterError, ErrorKind

TARGET = Target(
    namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80
)
TRAFFIC: Mapping[str, Any] = {
    "router": "istio",
    "service": "web",
    "primary": "web-primary",
    "canary": "web-canary",
    "port": 80,
}
WEB = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/web"


def release(**traffic: Any) -> dict[str, Any]:
    return {
        "apiVersion": "progressive.dev/v1",
        "kind": "Release",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"traffic": {**TRAFFIC, **traffic}},
    }


def canary(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "service": {"port": 80},
            **spec,
        },
    }


@pytest.fixture
def ask(tmp_path: Path) -> Any:
    """Call the command with documents as files."""

    def call(*args: str, document: Any = None, objects: Any = None) -> Result:
        file = tmp_path / "release.yaml"
        file.write_text(yaml.safe_dump(document or release()))
        more: list[str] = []
        if objects is not None:
            held = tmp_path / "objects.yaml"
            held.write_text(objects if isinstance(objects, str) else yaml.safe_dump_all(objects))
            more = ["--objects", str(held)]
        result = CliRunner().invoke(cli, ["route", str(file), *more, *args])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return call


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> MemoryCluster:
    """A cluster with one route, found as kubectl finds it."""
    sides = ("web-primary", "web-canary")
    around = [service(one, 80) for one in sides] + [endpoints(one, True) for one in sides]
    made = MemoryCluster([route(both()), *around])
    monkeypatch.setattr(KubernetesCluster, "from_environment", lambda **_: made)
    return made


def answered(result: Result, status: int = 0) -> Any:
    assert status == result.exit_code, result.output
    return json.loads(result.stdout)


def stored(cluster: MemoryCluster) -> list[int]:
    return [one["weight"] for one in cluster.get(WEB)["spec"]["http"][0]["route"]]


# on a file


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


@pytest.mark.parametrize(
    ("weight", "document", "kind"),
    [
        ("-1", release(), "InvalidWeight"),
        ("101", release(), "InvalidWeight"),
        ("51", release(total=50), "InvalidWeight"),
        ("90", release(bounds={"min": 0, "max": 50}), "InvalidWeight"),
        ("0", release(mirror=101), "InvalidRequest"),
        (
            "0",
            release(match=[{"headers": {"x": {"exact": "a", "prefix": "b"}}}]),
            "InvalidRequest",
        ),
        ("0", release(match=[{}]), "InvalidRequest"),
        ("0", release(total=0), "InvalidRequest"),
        ("0", release(router="nobody"), "InvalidRequest"),
        ("0", release(router="smi", mirror=10), "Unsupported"),
        ("0", release(router="envoy"), "Unsupported"),
        ("0", release(canary="web-primary"), "InvalidRequest"),
        ("20", {"kind": "Deployment", "apiVersion": "apps/v1"}, "InvalidRequest"),
    ],
)
def test_what_is_refused_is_one_document_and_status_6(
    ask: Any, weight: str, document: Any, kind: str
) -> None:
    """
    A pipeline reads the type; nothing would have been written.
    """
    held = [route(both())]
    told = answered(ask("--weight", weight, "-o", "json", document=document, objects=held), 6)

    assert kind == told["error"]["type"], told
    assert told["error"]["message"] and not told["error"]["unsettled"]


def test_a_refusal_for_people_is_on_standard_error(ask: Any) -> None:
    """
    Standard output holds results alone.
    """
    result = ask("--weight", "20", objects=[])

    assert (6, "") == (result.exit_code, result.stdout)
    assert "RouteNotFound" in result.stderr


@pytest.mark.parametrize(
    "args", [[], ["--read", "--reset"], ["--weight", "1", "--read"], ["--weight", "half"]]
)
def test_exactly_one_deed_is_asked_for(ask: Any, args: list[str]) -> None:
    """
    What was meant by two deeds at once would have to be guessed.
    """
    assert 2 == ask(*args, objects=[]).exit_code
    assert 2 == ask("--weight", "1", "--dry-run", objects=[]).exit_code


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


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"service": {}}, "spec.service.port"),
        ({"provder": "linkerd"}, "spec.provder"),
        ({"analysis": {"match": [{"sourceLabels": {"app": "x"}}]}}, "match[0].sourceLabels"),
        ({"analysis": {"match": [{}]}}, "match[0]"),
        ({"analysis": {"mirror": True, "mirrorWeight": 101}}, "mirrorWeight"),
    ],
)
def test_what_is_wrong_with_the_traffic_of_a_canary_is_told(
    ask: Any, spec: dict[str, Any], path: str
) -> None:
    """
    A typo in the provider would route another mesh than was meant.
    """
    told = answered(
        ask("--weight", "20", "-o", "json", document=canary(**spec), objects=[route(both())]), 6
    )

    assert path in told["error"]["message"]


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


@pytest.mark.parametrize(
    "held",
    [
        "{kind: VirtualService}",
        "{apiVersion: v1, kind: Service, metadata: web}",
        "{apiVersion: v1, kind: Service, metadata: {name: 5}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a, labels: x}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a, generation: {}}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a, managedFields: [x]}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: .nan}",
        "{apiVersion: v1, kind: List, items: [5]}",
        "{apiVersion: v1, kind: List, items: ["
        "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}}, "
        "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}}]}",
    ],
)
def test_what_no_api_server_would_hold_is_refused(ask: Any, held: str) -> None:
    """
    Nothing behind the file has to expect it.
    """
    told = answered(ask("--weight", "20", "-o", "json", objects=held), 6)

    assert "InvalidRequest" == told["error"]["type"]
    assert "object 1" in told["error"]["message"]


# on a cluster


def test_a_write_on_the_cluster_is_read_back(ask: Any, cluster: MemoryCluster) -> None:
    """
    The same answer as on a file, and stored.
    """
    told = answered(ask("--weight", "20", "-o", "json"))

    assert (True, 20) == (told["changed"], told["split"]["canary"])
    assert [80, 20] == stored(cluster)
    assert ["web"] == [one["metadata"]["name"] for one in told["objects"]]
    assert {"canary": 20, "total": 100, "mirror": None, "matched": False} == answered(
        ask("--read", "-o", "json")
    )
    assert answered(ask("--reset", "-o", "json"))["changed"]
    assert [100, 0] == stored(cluster)


def test_a_dry_run_stores_nothing(ask: Any, cluster: MemoryCluster) -> None:
    """
    M-128: the object as it would be.
    """
    told = answered(ask("--weight", "20", "--dry-run", "-o", "json"))

    assert (True, 20) == (told["changed"], told["split"]["canary"])
    weights = [one["weight"] for one in told["objects"][0]["spec"]["http"][0]["route"]]
    assert [80, 20] == weights
    assert ([100, 0], []) == (stored(cluster), cluster.log)


def drive(cluster: MemoryCluster) -> Any:
    """Somebody else holds the Lease of the target."""
    return cluster.lock().acquire(TARGET, "another-run", lambda _: None)


@pytest.mark.parametrize("deed", [["--weight", "20"], ["--reset"]])
def test_a_run_is_not_disturbed(ask: Any, cluster: MemoryCluster, deed: list[str]) -> None:
    """
    L27: the driver and the way out are named; a read disturbs nobody.
    """
    hold = drive(cluster)
    try:
        refused = answered(ask(*deed, "-o", "json"), 8)
        answered(ask("--read", "-o", "json"))
    finally:
        hold.close()

    assert "Busy" == refused["error"]["type"]
    assert "progressive abort" in refused["error"]["message"]
    assert [100, 0] == stored(cluster)


def test_a_mark_on_the_route_is_a_run_wherever_its_lease_is(
    ask: Any, cluster: MemoryCluster
) -> None:
    """
    A run with a journal in a folder leaves nothing else in the cluster.
    """
    web = cluster.get(WEB)
    web["metadata"]["annotations"] = {"progressive.dev/driver": "run-7/3"}
    cluster.put(web)

    refused = answered(ask("--weight", "20", "-o", "json"), 8)
    assert "run-7" in refused["error"]["message"]

    forced = ask("--weight", "20", "--force")
    assert 0 == forced.exit_code and "run-7 is told to abort" in forced.stdout
    assert [80, 20] == stored(cluster)


def test_force_writes_and_leaves_an_abort(ask: Any, cluster: MemoryCluster) -> None:
    """
    L27: the run must not go on from a split that somebody else made.
    """
    hold, begun = drive(cluster), datetime.now(UTC)
    try:
        answered(ask("--reset", "--force", "--by", "ops", "--why", "fire", "-o", "json"))
    finally:
        hold.close()

    (left,) = cluster.inbox().decisions(TARGET, after=begun)  # type: ignore[attr-defined]
    assert ("abort", "ops", "fire") == (str(left.command), left.by, left.why)


def test_a_missing_right_is_named_before_the_first_write(ask: Any, cluster: MemoryCluster) -> None:
    """
    M-129: verb, group, resource and namespace, for the person who writes the Role.
    """
    cluster.deny("patch", "virtualservices")
    told = answered(ask("--weight", "20", "-o", "json"), 6)

    words = told["error"]["message"]
    assert "patch virtualservices.networking.istio.io/web" in words and "shop" in words
    assert [] == [path for verb, path in cluster.calls if verb == "patch"]


def test_exit_statuses_tell_what_stands(ask: Any, cluster: MemoryCluster) -> None:
    """
    9: nothing was written; 10: nobody knows.
    """
    away = ClusterError("no answer", ErrorKind.UNAVAILABLE)
    cluster.fail(away, times=None)
    assert 9 == ask("--weight", "20", "-o", "json").exit_code

    cluster.heal()
    cluster.fail(away, verb="patch", after=True)
    cluster.fail(away, verb="get", path="virtualservices/web", times=None)
    told = answered(ask("--weight", "20", "-o", "json"), 10)
    assert told["error"]["unsettled"] and "unknown" in told["error"]["message"]


# rights


def needed(tmp_path: Path, document: dict[str, Any]) -> set[str]:
    file = tmp_path / "rights.yaml"
    file.write_text(yaml.safe_dump(document))
    result = CliRunner().invoke(cli, ["rbac", str(file), "-o", "json"])
    assert 0 == result.exit_code, result.output
    return {
        f"{one['metadata']['namespace']}: {verb} {rule['resources'][0]}"
        + (f"/{','.join(rule['resourceNames'])}" if "resourceNames" in rule else "")
        for one in json.loads(result.stdout)["items"]
        for rule in one["rules"]
        for verb in rule["verbs"]
    }


def test_a_role_for_routing_alone_is_smaller_than_a_release_s(tmp_path: Path) -> None:
    """
    Whoever shifts traffic by hand must not be able to change Deployments.
    """
    free = needed(tmp_path, release())
    assert {"shop: get virtualservices", "shop: list virtualservices"} < free
    assert "shop: patch virtualservices" in free
    assert {"shop: get leases/progressive-web", "shop: list endpointslices"} < free
    assert not {one for one in free if "deployments" in one or "create" in one}

    entry = {"name": "edge", "namespace": "infra"}
    named = needed(tmp_path, release(routes=[entry], match=[{"headers": {"x": {"exact": "a"}}}]))
    assert "infra: patch virtualservices/edge" in named
    assert "shop: patch virtualservices" not in named


def test_subsets_take_the_right_to_see_whether_they_are_known(tmp_path: Path) -> None:
    """
    Without it nothing is refused, and the share of an unknown subset is answered with 503.
    """
    free = needed(tmp_path, release(subsets={"primary": "stable", "canary": "next"}))

    assert "shop: list destinationrules" in free
    assert {"shop: list virtualservices", "shop: patch virtualservices"} < free
    assert "shop: list destinationrules" not in needed(tmp_path, release())
