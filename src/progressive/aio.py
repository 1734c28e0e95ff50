"""The door for asyncio: the same runner, behind `AsyncRunner`.

Floor 5.
"""

from __future__ import annotations

from progressive._run.aio import AsyncRunner

__all__ = ["AsyncRunner"]
