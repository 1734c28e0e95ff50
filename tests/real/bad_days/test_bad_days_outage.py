"""An API server that is gone, met in every state of a release at once."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from tests.real.stage.shop import NEW, Place, application, plain
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for
from tests.realparts.prometheus import Prometheus

pytestmark = [pytest.mark.real, pytest.mark.apart]

OUTAGE_S = 20
"""Longer than a Lease lasts."""


class Places:
    """Applications of one test, each in a namespace of its own."""

    def __init__(self, control_plane: ControlPlane, metrics_server: str, folder: Path) -> None:
        self.control_plane, self.metrics_server = control_plane, metrics_server
        self.folder = folder

    def new(self, name: str, *, released: bool = True, **changes: object) -> Place:
        """An application; `released`: its first deploy is done."""
        namespace = self.control_plane.namespace(name)
        folder = self.folder / name
        folder.mkdir()
        document = plain(namespace, **changes)
        place = Place(self.control_plane, self.metrics_server, namespace, folder, document)
        if released:
            place.first_deploy()
        else:
            place.api.create(application(namespace))
        return place


@pytest.fixture
def places(control_plane: ControlPlane, prometheus: Prometheus, tmp_path: Path) -> Places:
    """Applications, as many as a test wants."""
    return Places(control_plane, prometheus.url, tmp_path)


def test_an_outage_in_any_state_costs_time_and_nothing_else(places: Places) -> None:
    """
    A first deploy, a canary that is awaited, a promotion, and a way home: each goes on.
    """
    first = places.new("first", released=False)
    starting = places.new("starting", maxWeight=20)
    promoting = places.new("promoting", maxWeight=20, interval="1s")
    returning = places.new("returning")
    bad = returning.document
    bad["spec"]["analysis"]["metrics"][0]["query"] = "vector(3)"
    returning.write(bad)
    path = starting.api.path("apps/v1", "Deployment", starting.namespace, "my-app")
    slow = {"annotations": {"tests/ready-after": "8s"}}
    starting.api.patch(path, {"spec": {"template": {"metadata": slow}}})

    runs = {
        promoting: promoting.start("run", *NEW),
        returning: returning.start("run", *NEW),
        first: first.start("run"),
        starting: starting.start("run"),
    }
    runs[starting].wait_for("starting")
    runs[first].wait_for("first-deploy")
    runs[promoting].wait_for("promotion")
    runs[returning].wait_for("going-home")
    with places.control_plane.paused():
        time.sleep(OUTAGE_S)  # the outage itself
    ended = {place: running.end() for place, running in runs.items()}

    for place, outcome in {
        first: "initialized",
        starting: "promoted",
        promoting: "promoted",
        returning: "rolled_back",
    }.items():
        assert outcome == ended[place].answer.get("outcome"), ended[place].lines
        assert "Traceback" not in ended[place].lines
        assert (100, 0) == place.split()
        assert 0 == place.replicas("my-app")
    assert "my-app:1" == returning.image("my-app-primary")
    assert "my-app:2" == promoting.image("my-app-primary")


def test_a_signal_in_an_outage_sends_the_traffic_home_when_it_is_over(places: Places) -> None:
    """
    L12: the way home is repeated; until then nobody is told that it succeeded.
    """
    place = places.new("signal", interval="30s")
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    with places.control_plane.paused():
        running.tell(signal.SIGTERM)
        running.wait_for("retry")
        running.tell(signal.SIGTERM)
    wait_for(lambda: place.split() == (100, 0), "the split at home")
    ended = running.end()

    assert ("aborted", "aborted", 11) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert True is ended.answer["split_restored"]
    assert "aborted" == place.run("status").answer["outcome"], "the journal says so, too"


def test_a_run_whose_cluster_is_gone_before_it_moved_anything_is_unreachable(
    places: Places,
) -> None:
    """
    Exit 9, and once it is back nothing has happened.
    """
    place = places.new("gone")
    places.control_plane.stop_api_server()
    try:
        ended = place.run("run", *NEW, seconds=60)
    finally:
        places.control_plane.start_api_server()

    assert ("unreachable", 9) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert places.control_plane.server in ended.answer["message"]
    assert "my-app:1" == place.image("my-app")
    assert (100, 0) == place.split()
