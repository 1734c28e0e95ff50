"""`progressive run --dry-run`."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from attrs import evolve
from click.testing import CliRunner, Result
from tests.unit.documents.classic import classic
from tests.unit.release.deployed import DEPLOYMENT, deployed

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._cli.main import cli
from progressive._model.record import Outcome
from progressive._release.preview.dry import DryRun
from progressive.clusters import KubernetesCluster


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command `run` on the cluster of the last test object that is given."""

    def call(cluster: MemoryCluster, *args: str) -> Result:
        monkeypatch.setattr(KubernetesCluster, "from_environment", lambda **_: cluster)
        file = tmp_path / "release.yaml"
        file.write_text(yaml.safe_dump(classic()))
        options = ["--metrics-server", "http://prometheus:9090"]
        return CliRunner().invoke(cli, ["run", str(file), "--dry-run", *options, *args])

    return call


def test_the_command_shows_what_was_tried(run: Callable[..., Result]) -> None:
    """
    Objects are named and not printed: an environment may hold secrets.
    """
    secret = deepcopy(DEPLOYMENT)
    container = secret["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "TOKEN", "value": "MARK-secret"}]
    text = run(MemoryCluster([secret]))
    told = run(MemoryCluster([secret]), "-o", "json")

    assert 0 == text.exit_code, text.output
    assert text.stdout.startswith("shop/my-app: a run would make the first deploy; nothing was")
    assert "8 accepted, 1 not tried" in text.stdout
    assert 9 == len(json.loads(told.stdout)["writes"])
    assert "MARK-secret" not in text.output + told.output


def test_the_command_ends_with_the_status_of_the_outcome(run: Callable[..., Result]) -> None:
    """
    Pipelines branch on it; a wish that makes no sense is wrong usage.
    """
    missing = run(MemoryCluster([]), "-o", "json")

    assert 6 == missing.exit_code
    assert "rejected" == json.loads(missing.stdout)["outcome"]
    assert 2 == run(deployed(), "--resume").exit_code
    assert 2 == run(deployed(), "--image", "nothing").exit_code
    assert evolve(DryRun(target="a/b"), outcome=Outcome.BUSY).exit_code == 8
