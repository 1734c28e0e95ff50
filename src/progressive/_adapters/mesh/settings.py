"""What every router of a mesh takes by name, so that each one need not spell it again.

Floor 4, types alone. Documented at `MeshRouter`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypedDict

from progressive._mesh.effect import CountsTraffic


class Settings(TypedDict, total=False):
    """The keywords `proof`, `offline`, `now` and `pause` of `MeshRouter`."""

    proof: CountsTraffic | None
    offline: bool
    now: Callable[[], datetime] | None
    pause: Callable[[float], None]
