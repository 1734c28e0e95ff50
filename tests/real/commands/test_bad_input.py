"""Bad input, through the real command: refused with words, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.real.stage.shop import Place
from tests.realparts.api import Document
from tests.realparts.asked import WRITES

pytestmark = [pytest.mark.real, pytest.mark.apart, pytest.mark.unreleased]


def analysis(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = document["spec"]["analysis"]
    return found


FAULTS: dict[str, tuple[Callable[[Document], Any], str]] = {
    "unknown field": (lambda d: analysis(d).update(stepWeigth=1), "spec.analysis.stepWeigth"),
    "wrong type": (lambda d: analysis(d).update(threshold="five"), "spec.analysis.threshold"),
    "step of zero": (lambda d: analysis(d).update(stepWeight=0), "spec.analysis.stepWeight"),
    "weight of 500": (lambda d: analysis(d).update(maxWeight=500), "spec.analysis.maxWeight"),
    "interval": (lambda d: analysis(d).update(interval="banana"), "spec.analysis.interval"),
    "no metrics": (lambda d: analysis(d).pop("metrics"), "spec.analysis.metrics"),
    "no bound": (
        lambda d: analysis(d)["metrics"][0].pop("thresholdRange"),
        "spec.analysis.metrics[0]",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_document_that_is_not_valid_is_refused_with_its_path(place: Place, name: str) -> None:
    """
    L1: everything is found before anything is written; exit 6.
    """
    change, path = FAULTS[name]
    change(place.document)
    place.write(place.document)
    mark = place.control_plane.mark()
    ended = place.run()

    assert 6 == ended.code
    assert False is ended.answer["valid"]
    errors = [one["path"] for one in ended.answer["problems"] if one["severity"] == "error"]
    assert any(one.startswith(path) for one in errors)
    assert "Traceback" not in ended.lines
    assert not {verb for verb, _ in place.control_plane.requests(since=mark)}.intersection(WRITES)


def test_no_checks_can_be_meant(place: Place) -> None:
    """
    A release that cannot fail is no release, unless somebody says so.
    """
    del analysis(place.document)["metrics"]
    place.write(place.document)

    assert 0 == place.run("run", "--allow-no-checks").code


def refused(place: Place, *words: str, outcome: str = "rejected", code: int = 6) -> None:
    """The command ends so, with these words, and has written nothing."""
    mark = place.control_plane.mark()
    ended = place.run()

    assert (outcome, code) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert all(word in ended.answer["message"] for word in words), ended.answer["message"]
    assert "Traceback" not in ended.lines
    written = {
        (verb, what)
        for verb, what in place.control_plane.requests(since=mark)
        if verb in WRITES and what != "leases" and not what.startswith("selfsubject")
    }
    assert set() == written


def test_a_target_that_does_not_exist(place: Place) -> None:
    """
    A typo in the name of the Deployment.
    """
    place.document["spec"]["targetRef"]["name"] = "my-ap"
    place.write(place.document)

    refused(place, "my-ap", "does not exist")


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "ScaledObject"])
def test_an_autoscaler_on_the_target_is_refused_until_it_is_supported(
    place: Place, kind: str
) -> None:
    """
    Two writers of replicas would fight.
    """
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-app"}
    manifest: Document = {
        "apiVersion": "autoscaling/v2",
        "kind": kind,
        "metadata": {"name": "my-app", "namespace": place.namespace},
        "spec": {"scaleTargetRef": scaled, "maxReplicas": 3},
    }
    if kind == "ScaledObject":
        manifest["apiVersion"] = "keda.sh/v1alpha1"
        manifest["spec"] = {"scaleTargetRef": {"name": "my-app"}, "triggers": []}
    place.api.create(manifest)

    refused(place, kind, "my-app")


def test_an_unknown_container_is_rejected_and_the_target_untouched(place: Place) -> None:
    """
    Item 10: the image is set only after validation and Lease.
    """
    ended = place.run("run", "--image", "my-ap=web:2")

    assert ("rejected", 6) == (ended.answer["outcome"], ended.code)
    assert "my-app" in ended.answer["message"], "it names the containers there are"
    assert "my-app:1" == place.image("my-app")


def test_a_user_without_rights_is_told_which_one_is_missing(place: Place, tmp_path: Path) -> None:
    """
    Who is known by which name is the first question, and what to grant the second.
    """
    place.act_as("restricted")

    refused(place, "the user restricted lacks", place.namespace, "leases")


@pytest.mark.parametrize("server", ["http://127.0.0.1:9", "https://127.0.0.1:9"])
def test_a_cluster_that_is_not_there_is_unreachable(place: Place, server: str) -> None:
    """
    Exit 9: this run moved nothing.
    """
    config = yaml.safe_load(Path(place.environment["KUBECONFIG"]).read_text())
    config["clusters"][0]["cluster"]["server"] = server
    broken = place.folder / "kubeconfig"
    broken.write_text(yaml.safe_dump(config))
    place.environment["KUBECONFIG"] = str(broken)

    refused(place, "127.0.0.1", outcome="unreachable", code=9)


def test_a_service_without_endpoints_gets_no_traffic(place: Place) -> None:
    """
    Pods that never become ready: the canary's deadline, and the traffic never moved.
    """
    place.document["spec"]["progressDeadlineSeconds"] = 3
    place.write(place.document)
    assert "initialized" == place.run().answer["outcome"]
    path = place.api.path("apps/v1", "Deployment", place.namespace, "my-app")
    marks = {"annotations": {"tests/never-ready": "true"}}
    place.api.patch(path, {"spec": {"template": {"metadata": marks}}})
    ended = place.run()

    assert ("rolled_back", "canary-not-ready", 3) == (
        ended.answer["outcome"],
        ended.answer["reason"],
        ended.code,
    )
    assert [] == ended.answer["weights"]
    assert (100, 0) == place.split()
    assert 0 == place.replicas("my-app")


def test_a_prometheus_that_does_not_answer_holds_a_release_and_ends_it(place: Place) -> None:
    """
    L2 and L7: the first deploy works, a release is inconclusive after ten rounds, traffic home.
    """
    place.environment["PROGRESSIVE_METRICS_SERVER"] = "http://127.0.0.1:9"
    analysis(place.document).update(interval="1s")
    place.write(place.document)
    assert "initialized" == place.run().answer["outcome"]
    ended = place.run("run", "--image", "my-app=my-app:2")

    assert ("inconclusive", "no-data", 4) == (
        ended.answer["outcome"],
        ended.answer["reason"],
        ended.code,
    )
    assert [20, 0] == ended.answer["weights"]
    assert 10 == len(ended.answer["rounds"])
    causes = {one["verdicts"][0]["cause"] for one in ended.answer["rounds"]}
    assert {"unreachable"} == causes
    assert (100, 0) == place.split()
