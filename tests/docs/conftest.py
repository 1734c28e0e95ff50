"""The world of snippets and examples: a folder of their own, and a fake cluster if asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen
from tests.docs import fake_cluster
from tests.docs.fake_prometheus import FakePrometheus, fake_prometheus
from tests.docs.snippets import ROOT

import progressive
from progressive.testing import MemoryCluster


@frozen(kw_only=True)
class Surroundings:
    """What a snippet or an example finds around it."""

    cluster: MemoryCluster
    prometheus: FakePrometheus


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def surroundings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Surroundings]:
    """A cluster in which the classic document was deployed, and its image was just changed."""
    classic = (ROOT / "examples" / "classic.yaml").read_text(encoding="utf-8")
    (folder / "canary.yaml").write_text(classic, encoding="utf-8")
    with fake_prometheus() as prometheus:
        prometheus.values["…"] = 0.034
        cluster = fake_cluster.shop()
        fake_cluster.install(monkeypatch, cluster, prometheus.url)
        first = progressive.load("canary.yaml").run()
        assert progressive.Outcome.INITIALIZED is first.outcome
        fake_cluster.change_image(cluster, "registry/web:42")
        yield Surroundings(cluster=cluster, prometheus=prometheus)
