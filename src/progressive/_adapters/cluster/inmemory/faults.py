"""Makes calls of the memory cluster go wrong, or something happen beside them.

Floor 4, but pure. Used by tests alone: a world that never fails tests nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import define, field

Deed = Callable[[], object]


@define(kw_only=True)
class Fault:
    """
    Something that happens at certain calls.

    Attributes:
        do: What happens; it may raise.
        verb: RBAC verb such as ``patch``; None: any.
        path: Searched in the path.
        skip: How many matching calls go well before.
        times: How many calls are struck; None: all later ones.
        after: The call takes effect first: the caller cannot know that it did.
    """

    do: Deed
    verb: str | None = None
    path: re.Pattern[str]
    skip: int = 0
    times: int | None = 1
    after: bool = False

    def strikes(self, verb: str, path: str) -> bool:
        """Whether this call is struck; counts it."""
        if self.verb not in (None, verb) or not self.path.search(path) or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@define
class Faults:
    """All faults of a cluster, in the order in which they were laid."""

    laid: list[Fault] = field(factory=list)

    def strike(self, verb: str, path: str, *, after: bool) -> None:
        """Let happen what is due before, or after, this call; asked once each."""
        for fault in [one for one in self.laid if one.after is after]:
            if fault.strikes(verb, path):
                fault.do()
