"""The real parts as fixtures: each started once a session, and only if a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.realparts.answering import Answering
from tests.realparts.contour import Contour
from tests.realparts.control_plane import ControlPlane
from tests.realparts.mesh import Mesh
from tests.realparts.process import require_inside
from tests.realparts.prometheus import Prometheus
from tests.realparts.traefik import Traefik


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server with the CRDs of Istio, Flagger and KEDA; Deployments roll out."""
    plane = ControlPlane(tmp_path_factory.mktemp("control-plane"))
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """The name of a namespace that no other test sees."""
    name = control_plane.namespace()
    yield name
    control_plane.forget(name)


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real Prometheus that scrapes, each second, what `prometheus.scrape(…)` names."""
    server = Prometheus(tmp_path_factory.mktemp("prometheus"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def own_network() -> None:
    """Refuses to go on outside of the tests' own network, before anything is started."""
    require_inside()


@pytest.fixture(scope="session")
def pods(
    own_network: None, tmp_path_factory: pytest.TempPathFactory, control_plane: ControlPlane
) -> Iterator[Answering]:
    """The pods of every Deployment answer by their image's tag, and count who was asked."""
    answering = Answering(tmp_path_factory.mktemp("pods"), control_plane)
    try:
        answering.start()
        yield answering
    finally:
        answering.stop()


@pytest.fixture(scope="session")
def mesh(
    tmp_path_factory: pytest.TempPathFactory,
    control_plane: ControlPlane,
    prometheus: Prometheus,
    pods: Answering,
) -> Iterator[Mesh]:
    """Real Istio routing through a real Envoy, pods that answer, users and metrics."""
    box = Mesh(tmp_path_factory.mktemp("mesh"), control_plane, prometheus, pods)
    try:
        box.start()
        yield box
    finally:
        box.stop()


@pytest.fixture(scope="session")
def contour(
    tmp_path_factory: pytest.TempPathFactory,
    control_plane: ControlPlane,
    prometheus: Prometheus,
    pods: Answering,
) -> Iterator[Contour]:
    """Real HTTPProxy and Gateway API routing through a real Envoy, to pods that answer."""
    box = Contour(tmp_path_factory.mktemp("contour"), control_plane, prometheus)
    try:
        box.start()
        yield box
    finally:
        box.stop()


@pytest.fixture(scope="session")
def traefik(
    tmp_path_factory: pytest.TempPathFactory,
    control_plane: ControlPlane,
    prometheus: Prometheus,
    pods: Answering,
) -> Iterator[Traefik]:
    """Real IngressRoute, TraefikService and Gateway API routing, to pods that answer."""
    box = Traefik(tmp_path_factory.mktemp("traefik"), control_plane, prometheus)
    try:
        box.start()
        yield box
    finally:
        box.stop()
