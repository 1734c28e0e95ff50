"""The contract of routers, for every built-in one, on a real API server with the meshes' CRDs.

Each router acts as a user who has exactly the Role that `progressive rbac` prints. No controller
of a mesh runs: what is promised here is what stands in the objects, under the schemas and rules
of the server. Plain Kubernetes is not among them, for its share is made of pods
(`test_kubernetes.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.worlds import WORLDS, World, beside, names_of, objects_of, target_in
from tests.real.stage.routing import prepared, printed_role
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane

from progressive import plugins
from progressive._adapters.mesh.router import MeshRouter
from progressive._contract.routers import RouterContract
from progressive._model.traffic import Target
from progressive.clusters import KubernetesCluster
from progressive.ports import TrafficRouter

pytestmark = pytest.mark.real

USER = "restricted"
NAMES = sorted(name for name, one in WORLDS.items() if one.served)


@pytest.fixture(params=NAMES, scope="module")
def world(request: pytest.FixtureRequest, control_plane: ControlPlane) -> World:
    """One router after the other, each with the kinds that it needs."""
    found = WORLDS[request.param]
    control_plane.install(*found.definitions)
    return found


class TestOnARealServer(RouterContract):
    @pytest.fixture(autouse=True)
    def _server(self, world: World, control_plane: ControlPlane) -> Iterator[None]:
        self.world, self.control_plane = world, control_plane
        self.matched, self.mirrored, self.lacks = world.matched, world.mirrored, world.lacks
        self.rules = printed_role(world.router)
        self.cluster = KubernetesCluster.from_environment(control_plane.kubeconfig(USER))
        yield
        self.cluster.close()

    def arrange(self) -> tuple[TrafficRouter, Target]:
        return self._arranged(100, 0, None)

    def arrange_beside(self) -> tuple[TrafficRouter, Target] | None:
        return self._arranged(100 - self.third, 0, self.third) if self.world.third else None

    def _arranged(self, *weights: Any) -> tuple[TrafficRouter, Target]:
        namespace = self.control_plane.namespace("contract")
        manifests = objects_of(self.world, namespace, *weights)
        self.made = [prepared(one) for one in manifests]
        self.control_plane.api.apply_all(self.made)
        self.control_plane.grant(USER, namespace, self.rules)
        for one in manifests:
            if status := one.get("status"):
                self.control_plane.api.patch(f"{self._path(one)}/status", {"status": status})
        self.written = 0
        router: MeshRouter = plugins.router(self.world.router)(self.cluster)
        router.on_write(self._count)
        return router, target_in(namespace)

    def _count(self, _: object) -> None:
        self.written += 1

    def others(self) -> object:
        found = [self.control_plane.api.get(self._path(one)) for one in self.made]
        return beside(found, names_of(self.made))

    def writes(self) -> int | None:
        return self.written

    def _path(self, document: Document) -> str:
        return self.control_plane.api.path_of(document)
