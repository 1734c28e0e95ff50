"""Which versions of Istio's API a cluster serves, and what the router makes of it.

On a control plane of its own, for istiod and others follow the versions of the shared one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.worlds import WORLDS, objects_of, target_in
from tests.real.stage.routing import prepared
from tests.realparts import definitions
from tests.realparts.control_plane import ControlPlane
from tests.realparts.fixtures import running
from tests.realparts.process import wait_for

from progressive._model.traffic import Split
from progressive.clusters import KubernetesCluster
from progressive.errors import VersionNotServed
from progressive.routers import IstioRouter

pytestmark = pytest.mark.real

GROUP = "networking.istio.io"


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """A cluster whose definitions a test may change."""
    yield from running(ControlPlane(tmp_path))


def test_an_older_version_is_found_by_discovery_and_none_is_told(plane: ControlPlane) -> None:
    """
    M-42: v1beta1 alone, which older Istios serve; then nobody installed Istio's API.
    """
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    found = [one for one in plane.api.get(crds)["items"] if one["spec"]["group"] == GROUP]
    for one in found:
        for version in one["spec"]["versions"]:
            version["served"] = version["name"] == "v1beta1"
        one["apiVersion"], one["kind"] = "apiextensions.k8s.io/v1", "CustomResourceDefinition"
        for key in ("managedFields", "resourceVersion"):
            del one["metadata"][key]
    definitions.install(plane.api, found)
    wait_for(lambda: not plane.api.call("GET", f"/apis/{GROUP}/v1").ok, "v1 is served no more")
    target = target_in(plane.namespace())
    for one in map(prepared, objects_of(WORLDS["istio"], target.namespace, 100, 0, None)):
        if one["kind"] == "VirtualService":
            one["apiVersion"] = f"{GROUP}/v1beta1"
        plane.api.apply(one)
    cluster = KubernetesCluster.from_environment(plane.kubeconfig())
    since = plane.mark()

    assert 20 == IstioRouter(cluster).shift(target, Split(canary=20)).canary
    written = [one for one in plane.events("progressive", since=since) if one["verb"] == "patch"]
    assert ["v1beta1"] == [one["objectRef"]["apiVersion"] for one in written]
    definitions.uninstall(plane.api, found)
    with pytest.raises(VersionNotServed, match=r"networking\.istio\.io"):
        IstioRouter(cluster).shift(target, Split(canary=20))
    assert 0 == IstioRouter(cluster).reset(target).canary
    cluster.close()
