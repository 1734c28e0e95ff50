"""Bad days that other people make: what is removed, what is missing, who looks on meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.real.stage.shop import NEW, Place, application, plain
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

pytestmark = [pytest.mark.real, pytest.mark.apart]

KEYS = {
    *("schema", "outcome", "reason", "message", "exit_code", "run_id", "target", "revision"),
    *("holder", "started", "duration_s", "total", "weights", "rounds", "hooks", "notifications"),
    *("images", "drivers", "decisions"),
    *("events", "final", "split_restored", "trimmed"),
}


@pytest.fixture
def without_istio(tmp_path: Path) -> Iterator[ControlPlane]:
    """A cluster on which nobody installed Istio's API."""
    folder = tmp_path / "control-plane"
    folder.mkdir()
    plane = ControlPlane(folder)
    try:
        plane.start()
        definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        for one in plane.api.get(definitions)["items"]:
            name = one["metadata"]["name"]
            if name.endswith(".istio.io"):
                plane.api.delete(f"{definitions}/{name}")
        wait_for(lambda: b"istio" not in plane.api.call("GET", "/apis").content, "Istio gone")
        yield plane
    finally:
        plane.stop()


def test_a_mesh_that_is_not_installed_is_said_before_anything_is_made(
    without_istio: ControlPlane, tmp_path: Path
) -> None:
    """
    L1: neither a primary nor a service is left behind for a route that cannot be.
    """
    namespace = without_istio.namespace()
    place = Place(without_istio, "http://127.0.0.1:9", namespace, tmp_path, plain(namespace))
    place.api.create(application(namespace))
    ended = place.run()

    assert ("rejected", 6) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert "networking.istio.io" in ended.answer["message"]
    assert "install" in ended.answer["message"]
    assert "Traceback" not in ended.lines
    deployments = place.api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    assert ["my-app"] == [one["metadata"]["name"] for one in deployments]
    assert [] == place.api.get(f"/api/v1/namespaces/{namespace}/services")["items"]
    assert 2 == place.replicas("my-app")


def test_a_target_that_somebody_deletes_sends_the_traffic_home(place: Place) -> None:
    """
    L15: a canary that is gone will not be ready again; users go to the primary, which stays.
    """
    place.document["spec"]["progressDeadlineSeconds"] = 4
    place.write(place.document)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    path = place.api.path("apps/v1", "Deployment", place.namespace, "my-app")
    place.api.delete(path, propagationPolicy="Orphan")
    ended = running.end()

    assert ("rolled_back", "canary-not-ready", 3) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert "does not exist" in ended.answer["message"]
    assert "Traceback" not in ended.lines
    assert (100, 0) == place.split()
    assert "my-app:1" == place.image("my-app-primary")
    again = place.run()
    assert ("rejected", 6) == (again.answer.get("outcome"), again.code), again.lines
    assert "my-app does not exist" in again.answer["message"]


def test_a_target_that_is_deleted_with_all_it_owns_ends_the_run(place: Place) -> None:
    """
    The primary, the services and the route belong to the target, so `kubectl delete` takes all:
    there is nothing left to be split, and the end says what is missing.
    """
    place.document["spec"]["progressDeadlineSeconds"] = 4
    place.write(place.document)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    place.api.delete(place.api.path("apps/v1", "Deployment", place.namespace, "my-app"))
    place.api.wait_gone(
        place.api.path("networking.istio.io/v1", "VirtualService", place.namespace, "my-app")
    )
    ended = running.end()

    assert ("rolled_back", 3) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert "Traceback" not in ended.lines
    assert True is ended.answer["split_restored"]
    place.api.create(application(place.namespace))
    again = place.run()
    assert ("initialized", 0) == (again.answer.get("outcome"), again.code), again.lines


def status(place: Place) -> dict[str, Any]:
    """What `progressive status` answers; it always succeeds, with all keys."""
    ended = place.run("status")

    assert 0 == ended.code, ended.lines
    assert KEYS == set(ended.answer)
    return ended.answer


def test_status_tells_of_no_run_a_run_and_its_end(place: Place) -> None:
    """
    Item 10: the same keys in every state; who drives is there only while somebody does.
    """
    place.document["spec"]["analysis"].update(interval="20s", threshold=1)
    place.document["spec"]["analysis"]["metrics"][0]["query"] = "vector(3)"
    place.write(place.document)
    before = status(place)
    running = place.start("run", *NEW, "--report-dir", "/dev/null/no-folder")
    running.wait_for("step weight=20")
    meanwhile = status(place)
    ended = running.end()
    after = status(place)
    resumed = place.run("run", "--resume")

    assert ("", None, "") == (before["run_id"], before["outcome"], before["holder"])
    assert "no run" in before["message"]
    assert (None, 20, False) == (
        meanwhile["outcome"],
        meanwhile["final"]["weight"],
        meanwhile["split_restored"],
    )
    assert meanwhile["run_id"] in meanwhile["holder"]
    assert ("rolled_back", "check-failed", 3) == (
        ended.answer["outcome"],
        ended.answer["reason"],
        ended.code,
    ), ended.lines
    assert 1 == ended.lines.count("the report cannot be written")
    assert "" == after["holder"]
    for record in (after, resumed.answer):
        assert meanwhile["run_id"] == record["run_id"]
        assert ended.answer["rounds"] == record["rounds"]
    assert ("rolled_back", 3) == (resumed.answer["outcome"], resumed.code), "L22: nothing started"


def test_the_report_is_whole_at_every_moment(place: Place) -> None:
    """
    A build page reads it while it is written.
    """
    folder = place.folder / "out"
    running = place.start("run", *NEW, "--report-dir", str(folder))
    seen: dict[str, dict[str, Any]] = {}

    def over() -> bool:
        ended = running.process.poll() is not None  # asked first: the last state is read, too
        text = (folder / "report.json").read_text()
        seen.setdefault(text, json.loads(text))
        return ended

    wait_for(over, "the end of the run", seconds=180)
    ended = running.end()

    assert "promoted" == ended.answer["outcome"], ended.lines
    assert all(KEYS == set(one) for one in seen.values())
    assert 3 < len(seen), "it is written as the run goes"
    assert {None, "promoted"} == {one["outcome"] for one in seen.values()}
    assert ended.answer == json.loads((folder / "report.json").read_text())
    lines = [json.loads(one) for one in (folder / "rounds.jsonl").read_text().splitlines()]
    assert [20, 40] == [one["weight"] for one in lines]
    assert [] == list(folder.glob(".report-*"))


def text_of(place: Place, *arguments: str) -> tuple[str, str]:
    """What a person reads: the result, and the lines."""
    words = [sys.executable, "-m", "progressive", "run", str(place.file), *arguments]
    done = subprocess.run(
        words, env=place.environment, capture_output=True, text=True, timeout=120
    )
    return done.stdout, done.stderr


def test_a_person_reads_why_in_the_first_two_lines(place: Place) -> None:
    """
    Whoever is woken at night sees what happened, by how much, and that users are safe.
    """
    place.document["spec"]["analysis"]["metrics"][0]["query"] = "vector(3)"
    place.write(place.document)
    result, lines = text_of(place, *NEW)
    first, second, *_ = result.splitlines()

    assert f"{place.namespace}/my-app: rolled_back (check-failed)" == first
    assert "good 3 > 2" in second
    assert "traffic     all on the primary" in result
    assert 1 == lines.count("rolled_back")
