"""The command `route`, and the cluster that it finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.unit.cli.commands.route.by_hand import release
from tests.unit.mesh.manifests import both, endpoints, route, service

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._cli.main import cli
from progressive.clusters import KubernetesCluster


@pytest.fixture
def ask(tmp_path: Path) -> Any:
    """Call the command with documents as files."""

    def call(*args: str, document: Any = None, objects: Any = None) -> Result:
        file = tmp_path / "release.yaml"
        file.write_text(yaml.safe_dump(document or release()))
        more: list[str] = []
        if objects is not None:
            held = tmp_path / "objects.yaml"
            held.write_text(objects if isinstance(objects, str) else yaml.safe_dump_all(objects))
            more = ["--objects", str(held)]
        result = CliRunner().invoke(cli, ["route", str(file), *more, *args])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return call


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> MemoryCluster:
    """A cluster with one route, found as kubectl finds it."""
    sides = ("web-primary", "web-canary")
    around = [service(one, 80) for one in sides] + [endpoints(one, True) for one in sides]
    made = MemoryCluster([route(both()), *around])
    monkeypatch.setattr(KubernetesCluster, "from_environment", lambda **_: made)
    return made
