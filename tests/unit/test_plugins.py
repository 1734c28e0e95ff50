"""Routers and providers are found by the names that documents use."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from progressive import plugins
from progressive._mesh.standing import StatusCodec
from progressive._release.connect import make_router
from progressive.errors import PluginError
from progressive.metrics import EnvoyMetrics, PrometheusMetrics
from progressive.routers import (
    AppMeshRouter,
    EnvoyRouter,
    GatewayApiRouter,
    IstioRouter,
    LinkerdRouter,
    MeshRouter,
    SmiRouter,
)
from progressive.testing import MemoryCluster


def test_built_in_names_are_found() -> None:
    """
    The table must not name what does not exist.
    """
    made = {
        "istio": IstioRouter,
        "envoy": EnvoyRouter,
        "gateway-api": GatewayApiRouter,
        "linkerd": LinkerdRouter,
        "smi": SmiRouter,
        "app-mesh": AppMeshRouter,
    }
    assert made == {name: plugins.router(name) for name in made}
    assert (PrometheusMetrics, EnvoyMetrics) == (
        plugins.metrics("prometheus"),
        plugins.metrics("envoy"),
    )


@pytest.mark.parametrize("name", sorted({*plugins.ROUTERS} - {"envoy"}))
def test_a_release_waits_for_routers_with_a_status(name: str) -> None:
    """
    A codec that can tell whether a write was accepted is of no use to a run that does not ask.
    """
    router = make_router(name, MemoryCluster(), waits=True)

    assert isinstance(router, MeshRouter)
    assert isinstance(router._codec, StatusCodec) == (router._acceptance is not None)
    unasked = make_router(name, MemoryCluster())
    assert isinstance(unasked, MeshRouter)
    assert unasked._acceptance is None


def test_an_unknown_name_tells_the_known_ones() -> None:
    """
    It is a typing error, or a package that is not installed.
    """
    with pytest.raises(PluginError, match=r"envoy.*istio.*progressive\.routers"):
        plugins.router("isito")


def package(place: Path, name: str, entry: str, module: str) -> None:
    info = place / f"{name}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[progressive.routers]\n{entry}\n")
    (place / f"{name}_module.py").write_text(module)


def test_a_package_brings_a_router_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Only the one that is asked for is loaded: a broken plugin hurts nobody else.
    """
    package(tmp_path, "good", "mine = good_module:Mine", "class Mine: ...")
    package(tmp_path, "broken", "theirs = broken_module:Theirs", "raise RuntimeError('no')")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert "Mine" == plugins.router("mine").__name__
    assert "broken_module" not in sys.modules
    with pytest.raises(PluginError, match="RuntimeError: no"):
        plugins.router("theirs")
    with pytest.raises(PluginError, match="mine"):
        plugins.router("nobody")


def test_two_packages_with_one_name_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Which one moves the traffic must not depend on the order of installation.
    """
    package(tmp_path, "one", "same = one_module:A", "class A: ...")
    package(tmp_path, "two", "same = two_module:A", "class A: ...")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(PluginError, match="several packages"):
        plugins.router("same")
