"""How soon a run reacts: to a signal, to a person's abort, to being started again after a kill."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from tests.real.stage.shop import Running

from benchmarks.figures import Figure, Spread
from benchmarks.shop import Parts, Shop, deployed
from progressive import Target
from progressive.clusters import KubernetesCluster

React = Callable[[Shop, Running], None]


def measure(parts: Parts, *, small: bool = False) -> list[Figure]:
    """
    All figures; about 70 s. `small`: once each.

    Raises:
        RuntimeError: The split did not come home, or nobody went on.
    """
    times = 1 if small else 7
    with deployed(parts, interval="10s") as shop:
        spent = [_home(shop, f"my-app:{10 + number}", _signal) for number in range(times)]
        decided = [_home(shop, f"my-app:{30 + number}", _abort) for number in range(times)]
        again = [_started_again(shop, f"my-app:{50 + number}") for number in range(times)]
    return [
        Figure(
            what="SIGTERM until the split is home in the API server",
            measured=f"{Spread.of([one * 1000 for one in spent], 'ms')}, {times} times",
            budget="< 1 s",
        ),
        Figure(
            what="a person's abort put into the inbox until the split is home",
            measured=f"{Spread.of([one * 1000 for one in decided], 'ms')}, {times} times",
            budget="< 1 s",
        ),
        Figure(
            what="a killed run started again (a new process) until its first write to the route",
            measured=f"{Spread.of([one * 1000 for one in again], 'ms')}, {times} times",
            budget="< 3 s",
        ),
    ]


def _signal(shop: Shop, running: Running) -> None:
    running.tell(signal.SIGTERM)


def _abort(shop: Shop, running: Running) -> None:
    cluster = KubernetesCluster.from_environment(
        str(shop.control_plane.kubeconfig(namespace=shop.namespace))
    )
    target = Target(
        namespace=shop.namespace,
        service="my-app",
        primary="my-app-primary",
        canary="my-app-canary",
        port=80,
    )
    cluster.inbox().put(target, "abort", by="benchmark", why="measured")


def _home(shop: Shop, image: str, react: React) -> float:
    """Seconds, by what another reader of the API server sees."""
    running = shop.start("--image", f"my-app={image}")
    running.wait_for("step weight=10")
    while shop.split() != (90, 10):
        time.sleep(0.005)
    begun = time.monotonic()
    react(shop, running)
    while shop.split() != (100, 0):
        time.sleep(0.005)
        if time.monotonic() - begun > 30:
            raise RuntimeError(f"still split after 30 s:\n{''.join(running.lines)}")
    spent = time.monotonic() - begun
    running.end()
    return spent


def _started_again(shop: Shop, image: str) -> float:
    killed = shop.start("--image", f"my-app={image}")
    killed.wait_for("step weight=10")
    killed.tell(signal.SIGKILL)
    killed.end()
    before = shop.token()
    begun = time.monotonic()
    running = shop.start()
    while shop.token() == before:
        time.sleep(0.005)
        if time.monotonic() - begun > 30:
            raise RuntimeError(f"nobody went on after 30 s:\n{''.join(running.lines)}")
    spent = time.monotonic() - begun
    running.tell(signal.SIGTERM)
    running.end()
    return spent
