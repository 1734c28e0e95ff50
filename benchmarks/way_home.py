"""How long after SIGTERM all traffic is on the primary again, on a healthy API server."""

from __future__ import annotations

import signal
import time

from benchmarks.figures import Figure, Spread
from benchmarks.shop import Parts, Shop, deployed


def measure(parts: Parts, *, small: bool = False) -> list[Figure]:
    """
    All figures; about 25 s. `small`: once.

    Raises:
        RuntimeError: The split did not come home.
    """
    times = 1 if small else 7
    with deployed(parts, interval="10s") as shop:
        spent = [_signalled(shop, f"my-app:{10 + number}") for number in range(times)]
    return [
        Figure(
            what="SIGTERM until the split is home in the API server",
            measured=f"{Spread.of([one * 1000 for one in spent], 'ms')}, {times} times",
            budget="< 1 s",
        )
    ]


def _signalled(shop: Shop, image: str) -> float:
    """Seconds, by what another reader of the API server sees."""
    running = shop.start("--image", f"my-app={image}")
    running.wait_for("step weight=10")
    while shop.split() != (90, 10):
        time.sleep(0.005)
    begun = time.monotonic()
    running.tell(signal.SIGTERM)
    while shop.split() != (100, 0):
        time.sleep(0.005)
        if time.monotonic() - begun > 30:
            raise RuntimeError(f"still split after 30 s:\n{''.join(running.lines)}")
    spent = time.monotonic() - begun
    running.end()
    return spent
