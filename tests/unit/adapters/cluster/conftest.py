"""A small API server, and the client that asks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.unit.adapters.cluster.api_server import Make, Server

from progressive._adapters.cluster.environment import find
from progressive._adapters.cluster.link import Link
from progressive._adapters.cluster.retry import Policy
from progressive.clusters import KubernetesCluster


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def make(tmp_path: Path, slept: list[float]) -> Iterator[Make]:
    made: list[KubernetesCluster] = []

    def build(url: str) -> KubernetesCluster:
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "c", "user": {"token": "hunter2"}}],
        }
        (tmp_path / "config").write_text(yaml.safe_dump(document))
        policy = Policy(sleep=slept.append)
        made.append(KubernetesCluster(Link(find(tmp_path / "config")), policy=policy))
        return made[-1]

    yield build
    for cluster in made:
        cluster.close()


@pytest.fixture
def cluster(server: Server, make: Make) -> KubernetesCluster:
    return make(server.url)
