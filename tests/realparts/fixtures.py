"""
The real parts as fixtures: started only if a test asks, once a session; gateways once a file.

Controllers of a gateway write to every object of theirs in the cluster, and its pods listen: tests
of another file must not meet them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

import pytest
from tests.realparts.answering import Answering
from tests.realparts.contour import Contour
from tests.realparts.control_plane import ControlPlane
from tests.realparts.mesh import Mesh
from tests.realparts.process import require_inside
from tests.realparts.prometheus import Prometheus
from tests.realparts.traefik import Traefik


class Part(Protocol):
    """What is started and stopped."""

    def start(self) -> None:
        """Returns when it is of use."""

    def stop(self) -> None:
        """Also after a start that failed."""


Started = TypeVar("Started", bound=Part)


def running(part: Started) -> Iterator[Started]:
    """A part from its start to its end, whatever happens."""
    try:
        part.start()
        yield part
    finally:
        part.stop()


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server with the CRDs of Istio, Flagger and KEDA; Deployments roll out."""
    yield from running(ControlPlane(tmp_path_factory.mktemp("control-plane")))


@pytest.fixture
def namespace(request: pytest.FixtureRequest, control_plane: ControlPlane) -> Iterator[str]:
    """The name of a namespace that no other test sees."""
    name = control_plane.namespace()
    yield name
    # deleting one costs the API server more than most tests do, and the cluster is thrown away;
    # but a gateway would go on with its routes
    if "own_network" in request.fixturenames:
        control_plane.forget(name)


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real Prometheus that scrapes, each second, what `prometheus.scrape(…)` names."""
    yield from running(Prometheus(tmp_path_factory.mktemp("prometheus")))


@pytest.fixture(scope="session")
def own_network() -> None:
    """Refuses to go on outside of the tests' own network, before anything is started."""
    require_inside()


@pytest.fixture(scope="module")
def pods(
    own_network: None, tmp_path_factory: pytest.TempPathFactory, control_plane: ControlPlane
) -> Iterator[Answering]:
    """The pods of every Deployment answer by their image's tag, and count who was asked."""
    yield from running(Answering(tmp_path_factory.mktemp("pods"), control_plane))


@pytest.fixture(scope="module")
def mesh(
    tmp_path_factory: pytest.TempPathFactory,
    control_plane: ControlPlane,
    prometheus: Prometheus,
    pods: Answering,
) -> Iterator[Mesh]:
    """Real Istio routing through a real Envoy, pods that answer, users and metrics."""
    yield from running(Mesh(tmp_path_factory.mktemp("mesh"), control_plane, prometheus, pods))


@pytest.fixture(scope="module")
def contour(
    tmp_path_factory: pytest.TempPathFactory,
    control_plane: ControlPlane,
    prometheus: Prometheus,
    pods: Answering,
) -> Iterator[Contour]:
    """Real HTTPProxy and Gateway API routing through a real Envoy, to pods that answer."""
    yield from running(Contour(tmp_path_factory.mktemp("contour"), control_plane, prometheus))


@pytest.fixture(scope="module")
def traefik(
    tmp_path_factory: pytest.TempPathFactory,
    control_plane: ControlPlane,
    prometheus: Prometheus,
    pods: Answering,
) -> Iterator[Traefik]:
    """Real IngressRoute, TraefikService and Gateway API routing, to pods that answer."""
    yield from running(Traefik(tmp_path_factory.mktemp("traefik"), control_plane, prometheus))
