"""The way home needs no policy: what is wrong in an analysis keeps no traffic on the canary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from tests.docs.fake_cluster import two_workloads
from tests.unit.documents.classic import classic

from progressive._cli.main import cli
from progressive.clusters import KubernetesCluster
from progressive.testing import MemoryCluster

ROUTE = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/my-app"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> MemoryCluster:
    """The canary has 20 of 100."""
    objects = two_workloads("my-app")
    primary, canary = objects[0]["spec"]["http"][0]["route"]
    primary["weight"], canary["weight"] = 80, 20
    cluster = MemoryCluster(objects, namespace="shop")
    monkeypatch.setattr(KubernetesCluster, "from_environment", lambda **_: cluster)
    return cluster


def weights(cluster: MemoryCluster) -> list[int]:
    return [one["weight"] for one in cluster.get(ROUTE)["spec"]["http"][0]["route"]]


BROKEN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "unknown field": lambda analysis: analysis.update(stepWeigth=10),
    "wrong type": lambda analysis: analysis.update(threshold="five"),
    "no metrics": lambda analysis: analysis.pop("metrics"),
    "template that is gone": lambda analysis: analysis["metrics"].append(
        {"name": "e", "templateRef": {"name": "gone"}, "thresholdRange": {"max": 1}}
    ),
    "what the mesh cannot do": lambda analysis: analysis.update(iterations=5),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("command", [["abort"], ["route", "--reset"]], ids=lambda one: one[0])
def test_a_document_with_a_broken_analysis_brings_its_traffic_home(
    tmp_path: Path, cluster: MemoryCluster, command: list[str], fault: str
) -> None:
    """
    Whoever is on call has the file of today's branch, and the run began with yesterday's.
    """
    document = classic()
    BROKEN[fault](document["spec"]["analysis"])
    file = tmp_path / "canary.yaml"
    file.write_text(yaml.safe_dump(document))
    ended = CliRunner().invoke(cli, [*command, str(file)])

    assert 0 == ended.exit_code, ended.output
    assert [100, 0] == weights(cluster)


def test_a_document_without_a_target_is_refused_still(
    tmp_path: Path, cluster: MemoryCluster
) -> None:
    """
    Whose traffic it is must be known.
    """
    document = classic()
    del document["spec"]["targetRef"]
    file = tmp_path / "canary.yaml"
    file.write_text(yaml.safe_dump(document))
    ended = CliRunner().invoke(cli, ["abort", str(file)])

    assert 6 == ended.exit_code
    assert "spec.targetRef: is missing" in ended.stderr
    assert [80, 20] == weights(cluster)
