"""Every write is tried with every router: its route is the fixture `route`."""

from __future__ import annotations

from tests.real.stage.steering import place, route

__all__ = ["place", "route"]
