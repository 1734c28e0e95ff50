"""Routes of the Gateway API on a real API server: schema, CEL, versions, conflicts and status.

The live cases M-42 to M-68 and M-138. A test speaks for the controller where one is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta

import pytest
from tests.real.objects.gateway import GROUP, made, router, served, stored
from tests.real.stage.backends import backends, target
from tests.realparts import definitions
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.unit.mesh.gateway_api import ROOT, backend, rule, weights

from progressive._model.release import ServiceSpec
from progressive._model.traffic import Match, RouteRef, Split, Sticky, TextMatch
from progressive.clusters import KubernetesCluster
from progressive.errors import (
    InvalidRequest,
    RouterError,
    VersionNotServed,
)
from progressive.routers import GatewayApiRouter

__all__ = ["router", "served"]

pytestmark = pytest.mark.real

QA = Match(headers={"x-qa": TextMatch(exact="1")})
EVERYTHING = Split(
    canary=30,
    mirror=12.5,
    match=[QA, Match(cookies={"beta": TextMatch(exact="a.b")}, query={"v": TextMatch(regex="2")})],
    sticky=Sticky(cookie="web", max_age=timedelta(minutes=5), primary_cookie="web-old"),
)


def changed(group: str, change: Callable[[str, Document], None]) -> list[Document]:
    """The definitions of a group, each version changed."""
    found = deepcopy(definitions.of(group))
    for one in found:
        for version in one["spec"]["versions"]:
            change(one["spec"]["names"]["kind"], version)
    return found


# what the server takes


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute"])
def test_the_server_takes_everything_that_a_route_can_say(
    served: ControlPlane, namespace: str, router: GatewayApiRouter, kind: str
) -> None:
    """
    M-53, M-54, M-56: strict validation of fields, the schema and CEL; and a repetition is none.
    """
    backends(served, namespace)
    calls = Split(canary=30, mirror=12.5, match=[QA], sticky=EVERYTHING.sticky)
    ways = {
        "HTTPRoute": (rule(matches=None), EVERYTHING),
        "GRPCRoute": (rule(matches=[{"method": {"service": "shop.Cart"}}]), calls),
    }
    base, split = ways[kind]
    manifest = made(served, namespace, base, kind=kind)
    web = target(namespace)
    observed = router.shift(web, split)
    once = stored(served, manifest)
    router.shift(web, split)
    again = stored(served, manifest)
    home = router.reset(web)

    assert (30, 12.5, True) == (observed.within(split).canary, observed.mirror, observed.matched)
    assert once["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]
    assert (0, None, False) == (home.canary, home.mirror, home.matched)
    assert manifest["spec"] == stored(served, manifest)["spec"]


@pytest.mark.parametrize("kind", ["TCPRoute", "TLSRoute"])
def test_connections_are_weighted(
    served: ControlPlane, namespace: str, router: GatewayApiRouter, kind: str
) -> None:
    """
    M-66: v1, which is all that release 1.6 serves.
    """
    backends(served, namespace)
    hosts = {"hostnames": ["web.example.com"]} if kind == "TLSRoute" else {}
    manifest = made(served, namespace, rule(matches=None), kind=kind, **hosts)
    router.shift(target(namespace), Split(canary=20))

    assert {"web-primary": 80, "web-canary": 20} == weights(stored(served, manifest))


def test_a_shift_after_a_read_is_one_patch_and_a_repetition_none(
    served: ControlPlane, namespace: str, router: GatewayApiRouter
) -> None:
    """
    M-01, M-02 for routes: from the second shift on one read and one patch.
    """
    backends(served, namespace)
    manifest = made(served, namespace)
    web = target(namespace)
    router.current(web)
    router.shift(web, Split(canary=10))
    begin = served.mark()
    router.current(web)
    router.shift(web, Split(canary=20))
    asked = served.requests(since=begin, namespace=namespace)
    begin = served.mark()
    router.shift(web, Split(canary=20))

    assert {
        ("get", "httproutes"): 1,
        ("patch", "httproutes"): 1,
        ("list", "endpointslices"): 1,
    } == asked
    assert {("get", "httproutes"): 1} == served.requests(since=begin, namespace=namespace)
    found = stored(served, manifest)
    assert [80, 20] == [one["weight"] for one in found["spec"]["rules"][0]["backendRefs"]]
    managers = {one["manager"] for one in found["metadata"]["managedFields"]}
    assert "progressive" in managers


def test_what_the_server_would_refuse_is_refused_before_any_request(
    served: ControlPlane, namespace: str, router: GatewayApiRouter
) -> None:
    """
    M-60: sixteen rules are taken by both, the seventeenth by neither.
    """
    backends(served, namespace)
    others = [
        {"matches": [{"path": {"type": "PathPrefix", "value": f"/p{one}"}}]} for one in range(15)
    ]
    manifest = made(served, namespace, rule(), *others)
    web = target(namespace)
    router.current(web)
    begin = served.mark()
    with pytest.raises(InvalidRequest, match="16 rules"):
        router.shift(web, Split(canary=20, match=[QA]))

    assert 0 == served.requests(since=begin, namespace=namespace)["patch", "httproutes"]
    seventeen = deepcopy(manifest)
    seventeen["metadata"] = {"name": "more", "namespace": namespace}
    seventeen["spec"]["rules"].append({"matches": [ROOT]})
    path = served.api.path_of(seventeen, named=False)
    assert 422 == served.api.call("POST", path, seventeen).status_code


# versions


def test_an_older_version_is_found_by_discovery(
    served: ControlPlane, namespace: str, router: GatewayApiRouter
) -> None:
    """
    M-66: TCPRoute as v1alpha2 only, HTTPRoute as v1beta1 only; then nothing at all.
    """

    def older(kind: str, version: Document) -> None:
        if kind in ("TCPRoute", "HTTPRoute"):
            version["served"] = version["name"] in ("v1alpha2", "v1beta1")

    definitions.install(served.api, changed("gateway-api", older))
    backends(served, namespace)
    tcp = made(
        served, namespace, rule(matches=None), kind="TCPRoute", version="v1alpha2", meta_name="db"
    )
    http = made(served, namespace, version="v1beta1")
    both = target(namespace, RouteRef(name="db", kind="TCPRoute"), RouteRef(name="web"))
    router.shift(both, Split(canary=20))

    assert 20 == weights(stored(served, tcp))["web-canary"]
    assert 20 == weights(stored(served, http))["web-canary"]
    served.uninstall("gateway-api")
    with pytest.raises(VersionNotServed, match="httproutes"):
        router.shift(target(namespace), Split(canary=20))


def test_a_schema_without_names_of_rules_gets_none(
    served: ControlPlane, namespace: str, router: GatewayApiRouter
) -> None:
    """
    Releases before 1.4, and so every Linkerd of today: a strict write with a name is refused.
    """

    def nameless(kind: str, version: Document) -> None:
        if kind == "HTTPRoute":
            spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
            del spec["properties"]["rules"]["items"]["properties"]["name"]

    definitions.install(served.api, changed("gateway-api", nameless))
    backends(served, namespace)
    manifest = made(served, namespace)
    web = target(namespace)
    observed = router.shift(web, Split(canary=30, match=[QA]))
    found = stored(served, manifest)
    other = GatewayApiRouter(router.cluster)
    again = other.shift(web, Split(canary=40, match=[QA]))
    home = other.reset(web)

    assert ((30, 100), (40, 100)) == (observed.inside, again.inside)
    assert {"progressive.dev/managed-rules": "1"} == found["metadata"]["annotations"]
    assert not home.matched
    assert manifest["spec"] == stored(served, manifest)["spec"]


def test_sessions_that_persist_are_taken_off_the_canary(
    served: ControlPlane, namespace: str, router: GatewayApiRouter
) -> None:
    """
    M-138, in the experimental channel: the canary leaves the rule, and comes back with a weight,
    or when the release is given up.
    """
    served.install("gateway-api-experimental")
    backends(served, namespace)
    session = {"type": "Cookie", "sessionName": "web", "absoluteTimeout": "1h"}
    manifest = made(served, namespace, rule(sessionPersistence=session))
    web, service = target(namespace), ServiceSpec(name="web", port=80)
    router.establish(web, service, None)
    router.shift(web, Split(canary=20))
    home = router.reset(web)
    found = stored(served, manifest)
    router.reset(web)
    begin = found["metadata"]["resourceVersion"]
    same = stored(served, manifest)["metadata"]["resourceVersion"]
    router.shift(web, Split(canary=10))

    assert {"web-primary": 100} == weights(found)
    assert (0, begin) == (home.canary, same)
    assert {"web-primary": 90, "web-canary": 10} == weights(stored(served, manifest))
    router.reset(web)
    router.hand_back(web, service)
    assert manifest["spec"] == stored(served, manifest)["spec"]


# conflicts


def test_a_writer_that_swaps_the_backends_is_planned_around(
    served: ControlPlane, namespace: str, router: GatewayApiRouter
) -> None:
    """
    M-118, M-119: the test of the name fails, and the weights land on the right ones.
    """
    backends(served, namespace)
    manifest = made(served, namespace)
    web = target(namespace)
    router.current(web)
    swapped = deepcopy(stored(served, manifest)["spec"]["rules"])
    swapped[0]["backendRefs"].reverse()
    swapped[0]["backendRefs"].append(backend("audit", 5))
    served.api.patch(served.api.path_of(manifest), {"spec": {"rules": swapped}})
    router.shift(web, Split(canary=20))
    found = stored(served, manifest)["spec"]["rules"][0]["backendRefs"]

    assert [("web-canary", 20), ("web-primary", 75), ("audit", 5)] == [
        (one["name"], one["weight"]) for one in found
    ]


def test_a_refused_write_of_the_last_route_puts_the_others_back(
    served: ControlPlane, namespace: str
) -> None:
    """
    M-68: three routes, and the second may not be written.
    """
    backends(served, namespace)
    names = ("a", "b", "c")
    first, second, third = (made(served, namespace, meta_name=one) for one in names)
    every = ["httproutes", "grpcroutes", "tcproutes", "tlsroutes", "referencegrants"]
    allowed = [
        {"apiGroups": [GROUP], "resources": every, "verbs": ["get", "list"]},
        {
            "apiGroups": [GROUP],
            "resources": ["httproutes"],
            "resourceNames": ["a", "c"],
            "verbs": ["patch"],
        },
        {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
    ]
    served.grant("restricted", namespace, allowed)
    cluster = KubernetesCluster.from_environment(served.kubeconfig("restricted"))
    web = target(namespace, *(RouteRef(name=one) for one in names))
    with pytest.raises(RouterError, match=r"HTTPRoute .*/a is put back"):
        GatewayApiRouter(cluster).shift(web, Split(canary=20))
    cluster.close()

    found = [weights(stored(served, one))["web-canary"] for one in (first, second, third)]
    assert [0, 0, 0] == found
