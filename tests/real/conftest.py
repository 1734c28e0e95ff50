"""What every room has: the application of most tests; and nothing that outlives its test.

CONTRIBUTING.md says which room is for what.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.real.stage.shop import Place, Running, application, plain
from tests.realparts.control_plane import ControlPlane
from tests.realparts.prometheus import Prometheus

from progressive.clusters import KubernetesCluster


@pytest.fixture(autouse=True)
def _no_command_outlives_its_test() -> Iterator[None]:
    """
    A test that fails in the middle leaves its driver alive: it would go on beside later tests,
    and fail one of them when Python notices that nobody waits for it.
    """
    yield
    for one in tuple(Running.all):
        one.kill()


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[KubernetesCluster]:
    """The adapter, as a user with all rights."""
    found = KubernetesCluster.from_environment(control_plane.kubeconfig())
    yield found
    found.close()


@pytest.fixture
def empty_place(
    request: pytest.FixtureRequest,
    control_plane: ControlPlane,
    prometheus: Prometheus,
    namespace: str,
    tmp_path: Path,
) -> Place:
    """
    The document of a release, and nothing in the cluster yet.

    The document is `plain`; with `pytest.mark.analysis(interval="5m")` its analysis has that.
    """
    changes = request.node.get_closest_marker("analysis")
    document = plain(namespace, **(changes.kwargs if changes else {}))
    return Place(control_plane, prometheus.url, namespace, tmp_path, document)


@pytest.fixture
def place(request: pytest.FixtureRequest, empty_place: Place) -> Place:
    """
    An application whose first deploy is done, and the command that releases it.

    With `pytest.mark.unreleased` nobody has released it yet. The mark `analysis` counts, too.
    """
    if request.node.get_closest_marker("unreleased"):
        empty_place.api.create(application(empty_place.namespace))
    else:
        empty_place.first_deploy()
    return empty_place
