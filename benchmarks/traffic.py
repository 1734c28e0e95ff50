"""What users really get of a weight: each router on the gateway that follows it, measured.

The numbers come from `tests/real/stage/traffic.py`, whose suite holds every router to them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.real.stage import roads
from tests.real.stage.traffic import SIGMAS, WEIGHTS, Scene, Share, shares
from tests.realparts.answering import Answering
from tests.realparts.contour import Contour
from tests.realparts.mesh import Mesh
from tests.realparts.traefik import Traefik

from benchmarks.figures import Figure
from benchmarks.shop import Parts


def measure(parts: Parts) -> list[Figure]:
    """All routers, about 20 s each: 2,000 requests at each weight, beside a stream of others."""
    figures = []
    with roads.file_scene() as scene:
        figures += told("Envoy, by a file", scene)
    with _boxes(parts) as (pods, mesh, contour, traefik):
        ways: Sequence[tuple[str, roads.Road, roads.Box]] = (
            ("Istio, VirtualService", roads.ISTIO, mesh),
            ("Contour, HTTPProxy", roads.CONTOUR, contour),
            ("Gateway API, HTTPRoute by Contour", roads.GATEWAY_API_BY_CONTOUR, contour),
            ("Gateway API, HTTPRoute by Traefik", roads.GATEWAY_API_BY_TRAEFIK, traefik),
            ("Traefik, TraefikService", roads.TRAEFIK_SERVICE, traefik),
        )
        for name, road, gateway in ways:
            namespace = parts[0].namespace("traffic")
            with roads.scene(road, gateway, pods, namespace) as scene:
                figures += told(name, scene)
            parts[0].forget(namespace)
    return figures


def told(name: str, scene: Scene, *, weights: tuple[int, ...] = WEIGHTS) -> list[Figure]:
    """One row for each weight, in the order in which they were ordered."""
    return [
        Figure(
            what=f"{name}: {one.ordered} % ordered",
            measured=f"{_percent(one.canary, one)} of {one.n:,}; {one.failed} failed",
            beside=f"{SIGMAS:.0f} sigma: {_range(one)}",
            budget="within; 0 failed",
        )
        for one in shares(scene, weights)
    ]


def _range(one: Share) -> str:
    middle = one.n * one.ordered / one.total
    if not one.chance:
        return _percent(middle, one)
    return f"{_percent(middle - one.chance, one)} to {_percent(middle + one.chance, one)}"


def _percent(count: float, one: Share) -> str:
    return f"{max(0.0, min(100.0, 100 * count / one.n)):.4g} %"


@contextmanager
def _boxes(parts: Parts) -> Iterator[tuple[Answering, Mesh, Contour, Traefik]]:
    """Every gateway beside the parts, for the length of a block."""
    control_plane, prometheus = parts
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folders = [Path(made) / name for name in ("pods", "mesh", "contour", "traefik")]
        for folder in folders:
            folder.mkdir()
        pods = Answering(folders[0], control_plane)
        mesh = Mesh(folders[1], control_plane, prometheus, pods)
        contour = Contour(folders[2], control_plane, prometheus)
        traefik = Traefik(folders[3], control_plane, prometheus)
        for box in (pods, mesh, contour, traefik):
            stack.callback(box.stop)
            box.start()
        yield pods, mesh, contour, traefik
