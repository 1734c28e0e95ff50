"""The custom resources of every router are taken by a real API server, with all that validates."""

from __future__ import annotations

import pytest
from tests.realparts import definitions
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
    api = control_plane.api
    path = api.path("gateway.networking.k8s.io/v1", "HTTPRoute", namespace)

    def told(backend: object, **spec: object) -> str:
        route = {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "web"},
            "spec": {"rules": [{"backendRefs": [backend]}], **spec},
        }
        answer = api.call("POST", path, route, dryRun="All", fieldValidation="Strict")
        return f"{answer.status_code} {answer.json().get('message', '')}"

    good = {"name": "web-canary", "port": 80, "weight": 1_000_000}
    assert told(good).startswith("201")
    assert "should be less than or equal to 1000000" in told({**good, "weight": 1_000_001})
    assert "Must have port for Service reference" in told({"name": "web-canary"})
    assert 'unknown field "spec.sticky"' in told(good, sticky=True)
