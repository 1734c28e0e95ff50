"""The custom resources of every router are taken by a real API server, with all that validates."""

from __future__ import annotations

import pytest
from tests.realparts import definitions
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane

pytestmark = pytest.mark.real


def served(control_plane: ControlPlane, group: str) -> set[str]:
    """The versions of an API group, as any client discovers them."""
    told = control_plane.api.get("/apis")["groups"]
    return {one["version"] for it in told if it["name"] == group for one in it["versions"]}


@pytest.mark.parametrize("group", definitions.GROUPS)
def test_the_kinds_of_a_router_are_served(control_plane: ControlPlane, group: str) -> None:
    """
    A schema that is cut too short is refused here, and not in the test of some router.
    """
    control_plane.install(group)
    found = [
        control_plane.api.get(f"{control_plane.api.path_of(one)}")["spec"]
        for one in definitions.of(group)
    ]

    assert found
    for spec in found:
        versions = {one["name"] for one in spec["versions"] if one["served"]}
        assert versions <= served(control_plane, spec["group"])


def test_one_set_of_versions_makes_room_for_another(control_plane: ControlPlane) -> None:
    """
    SMI has two that exclude each other, and no cluster holds both.
    """
    control_plane.install("smi")
    newer = served(control_plane, "split.smi-spec.io")
    control_plane.install("smi-linkerd")
    older = served(control_plane, "split.smi-spec.io")
    control_plane.uninstall("smi", "smi-linkerd")

    assert {"v1alpha4"} == newer
    assert {"v1alpha1", "v1alpha2"} == older
    assert set() == served(control_plane, "split.smi-spec.io")


def test_an_unknown_field_and_a_wrong_value_are_refused(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    M-50, M-51: without the descriptions a schema must refuse all that it refused with them.
    """
    control_plane.install("gateway-api")

    def told(backend: object, **spec: object) -> str:
        written = {"rules": [{"backendRefs": [backend]}], **spec}
        return said(control_plane, namespace, written)

    assert told(GOOD).startswith("201")
    assert "should be less than or equal to 1000000" in told({**GOOD, "weight": 1_000_001})
    assert "should be greater than or equal to 0" in told({**GOOD, "weight": -1})
    assert "Must have port for Service reference" in told({"name": "web-canary"})
    assert 'unknown field "spec.sticky"' in told(GOOD, sticky=True)


GATEWAY_API = "gateway.networking.k8s.io/v1"
GOOD = {"name": "web-canary", "port": 80, "weight": 1_000_000}


def said(
    control_plane: ControlPlane,
    namespace: str,
    spec: object,
    *,
    version: str = GATEWAY_API,
    strict: bool = True,
) -> str:
    """Status and words of the server for an HTTPRoute that it is not to store."""
    api = control_plane.api
    route = {"apiVersion": version, "kind": "HTTPRoute", "metadata": {"name": "web"}, "spec": spec}
    how = {"dryRun": "All", "fieldValidation": "Strict" if strict else "Ignore"}
    answer = api.call("POST", api.path(version, "HTTPRoute", namespace), route, **how)
    told = answer.json()
    return f"{answer.status_code} {told.get('message') or told['spec']}"


def test_what_the_rules_of_the_gateway_api_forbid_is_refused(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    M-54, M-60: two shares of one mirror, and one rule, match or route too large.
    """
    control_plane.install("gateway-api")
    copy = {"backendRef": {"name": "web-canary", "port": 80}, "percent": 10}
    half = {**copy, "fraction": {"numerator": 1, "denominator": 2}}

    def mirrored(one: object) -> str:
        filters = [{"type": "RequestMirror", "requestMirror": one}]
        return said(control_plane, namespace, {"rules": [{"filters": filters}]})

    def sized(*counts: int) -> str:
        rules = [
            {
                "matches": [{"path": {"value": f"/{rule}/{one}"}} for one in range(count)],
                "backendRefs": [GOOD],
            }
            for rule, count in enumerate(counts)
        ]
        return said(control_plane, namespace, {"rules": rules})

    assert mirrored(copy).startswith("201")
    assert mirrored(half).startswith("422")
    assert {"201"} == {sized(*counts)[:3] for counts in ([1] * 16, [64], [64, 64])}
    assert {"422"} == {sized(*counts)[:3] for counts in ([1] * 17, [65], [64, 64, 1])}


def test_a_lax_write_loses_what_the_schema_does_not_know(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    M-67, M-69: persistence of sessions in the standard channel, and weights in an older version
    of Linkerd's routes: cut off without a word, or refused where the write is strict.
    """
    control_plane.install("gateway-api", "linkerd")
    session: Document = {"sessionName": "web", "type": "Cookie"}
    persisting = {"rules": [{"backendRefs": [GOOD], "sessionPersistence": session}]}
    assert "sessionPersistence" not in said(control_plane, namespace, persisting, strict=False)
    strict = said(control_plane, namespace, persisting)
    assert strict.startswith("400") and "unknown field" in strict
    control_plane.install("gateway-api-experimental")
    assert "sessionPersistence" in said(control_plane, namespace, persisting)
    session["cookieConfig"] = {"lifetimeType": "Permanent"}
    assert "AbsoluteTimeout must be specified" in said(control_plane, namespace, persisting)
    session["absoluteTimeout"] = "1h"
    assert said(control_plane, namespace, persisting).startswith("201")
    control_plane.install("gateway-api")

    older = "policy.linkerd.io/v1beta1"
    weighted = {"rules": [{"backendRefs": [GOOD]}]}
    lax = said(control_plane, namespace, weighted, version=older, strict=False)
    assert lax.startswith("201") and "weight" not in lax
    strict = said(control_plane, namespace, weighted, version=older)
    assert strict.startswith("400") and "unknown field" in strict
