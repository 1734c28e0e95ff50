"""What was released, asked of a real API server: kept by the runs, read by the commands."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from tests.real.stage.shop import Ended, Place, plain

pytestmark = [pytest.mark.real, pytest.mark.apart]

BAD = [{"name": "errors", "query": "vector(7)", "thresholdRange": {"max": 2}}]


def release(place: Place, image: str, *, bad: bool = False) -> Ended:
    """One run of an image."""
    metrics = BAD if bad else plain(place.namespace)["spec"]["analysis"]["metrics"]
    place.document["spec"]["analysis"]["metrics"] = metrics
    place.write(place.document)
    return place.run("run", "--image", f"my-app=my-app:{image}")


def test_what_was_released_is_found_by_whoever_asks(place: Place) -> None:
    """
    By whom, what, how it ended, and the number that decided; with the reading rights alone.
    """
    place.environment["BUILD_URL"] = "https://ci.example/job/7"
    good = release(place, "2")
    worse = release(place, "3", bad=True)
    mark = place.control_plane.mark()
    listed = place.run("history").answer
    explained = place.ask("explain")
    asked = place.control_plane.requests(since=mark, namespace=place.namespace)
    first, second = listed["runs"]
    told = explained.answer

    assert ["rolled_back", "promoted"] == [one["report"]["outcome"] for one in (first, second)]
    assert [worse.answer["run_id"], good.answer["run_id"]] == [first["run_id"], second["run_id"]]
    assert ["my-app=my-app:3"] == first["report"]["images"]
    assert ["https://ci.example/job/7"] == first["report"]["drivers"]
    assert (0, worse.answer["run_id"]) == (explained.code, told["run_id"]), explained.lines
    assert "The new version, my-app=my-app:3, was rolled back" in told["decision"]
    assert "errors was 7" in told["decision"] and "must be at most 2" in told["decision"]
    assert ["my-app=my-app:2"] == told["before"]["images"]
    assert "vector(7)" == told["report"]["rounds"][-1]["verdicts"][0]["query"]
    assert {"get", "list"} == {verb for verb, _ in asked}


def asked_of_history(place: Place, mark: int) -> Counter[str]:
    """The verbs of all requests about the object that keeps the runs before."""
    wanted = (place.namespace, "progressive-my-app-history")
    events = place.control_plane.events("progressive", since=mark)
    told = [(one["verb"], one.get("objectRef", {})) for one in events]
    return Counter(
        verb for verb, about in told if wanted == (about.get("namespace"), about.get("name"))
    )


def test_a_run_that_starts_puts_the_one_before_it_aside_with_one_request(place: Place) -> None:
    """
    The first makes the history, the others add to it; what is kept stays readable with kubectl.
    """
    release(place, "2")
    mark = place.control_plane.mark()
    release(place, "3")
    made = asked_of_history(place, mark)
    mark = place.control_plane.mark()
    release(place, "4")
    added = asked_of_history(place, mark)
    kept = place.read("ConfigMap", "progressive-my-app-history", "v1")

    assert ({"create": 1}, {"patch": 1}) == (made, added)
    assert 2 == len(kept["data"])
    assert all(json.loads(text)["state"]["run"] == key[4:] for key, text in kept["data"].items())


def test_a_history_that_cannot_be_written_stops_no_release(place: Place) -> None:
    """
    Somebody made it immutable; it is said, and the release goes on.
    """
    release(place, "2")
    name = {"name": "progressive-my-app-history", "namespace": place.namespace}
    frozen = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "immutable": True}
    place.api.create(frozen)
    ended = release(place, "3")

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert "is not kept: the history of" in ended.lines
    assert "immutable" in ended.lines, "in the server's own words"


def test_a_killed_run_is_shown_as_what_it_is(place: Place) -> None:
    """
    Interrupted, with what the route shows now, and how to go on; then running again.
    """
    place.document["spec"]["analysis"]["interval"] = "30s"
    place.write(place.document)
    running = place.start("run", "--image", "my-app=my-app:2")
    running.wait_for("step weight=20")
    alive = place.ask("explain", "-f", str(place.file))
    running.kill()
    dead = place.ask("explain", "-f", str(place.file))
    place.run("abort", "--why", "tests")
    ended = place.ask("explain")

    assert "running" == alive.answer["state"], alive.lines
    assert "Its driver lives" in alive.answer["decision"]
    assert "interrupted" == dead.answer["state"], dead.lines
    assert "The route shows now: the canary has 20 % of the traffic." == dead.answer["traffic"]
    assert f"progressive run {place.file}" in [one["command"] for one in dead.answer["advice"]]
    assert "was aborted by " in ended.answer["decision"]
    assert ended.answer["decision"].endswith(": “tests”.")


def test_a_cluster_that_is_away_is_told_by_the_exit_status(place: Place) -> None:
    """
    9: try later.
    """
    release(place, "2")
    place.environment["KUBECONFIG"] = str(_elsewhere(place))
    ended = place.ask("history")

    assert 9 == ended.code, ended.lines
    assert "cannot be listed" in ended.answer["error"]["message"]


def _elsewhere(place: Place) -> Path:
    """The same configuration with an address where nobody listens."""
    import yaml

    told = yaml.safe_load(Path(place.environment["KUBECONFIG"]).read_text())
    told["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    file = place.folder / "away.yaml"
    file.write_text(yaml.safe_dump(told))
    return file
