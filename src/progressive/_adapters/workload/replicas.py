"""Sets the replicas of a target, so that a driver that slept lands no late write (L18).

Floor 4. The target carries the token of the driver that scaled it last, as route objects do
(`_adapters/mesh/fence.py`). Each write tests the token that was read; whoever finds one there that
did not stand when it began, or is not of an older taking, asks the Lease first. A driver that goes
home writes its own even where no pod has to go: only so a scale-up fails that another driver had
read and not written yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from progressive._adapters.workload.objects import (
    Document,
    again_unless_changed,
    at_generation,
    at_version,
)
from progressive._kube.marks import DRIVER, annotation
from progressive._model.traffic import Target
from progressive.errors import ClusterError, LockError
from progressive.ports import Cluster, Fence

_PATH = f"/metadata/annotations/{DRIVER.replace('/', '~1')}"


class Replicas:
    """
    The replicas of targets, and whose turn it is to set them.

    Without a fence nobody else is expected: a write tests the generation, and leaves no token.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._fences: dict[Target, Fence] = {}
        self._found: dict[Target, str | None] = {}

    def fence(self, target: Target, fence: Fence) -> None:
        """Who drives the target from now on."""
        self._fences[target] = fence

    def found(self, target: Target, shown: Document) -> None:
        """How the target was when its present driver began: the token of an older taking."""
        self._found[target] = annotation(shown, DRIVER)

    def claimed(self, target: Target, shown: Document) -> bool:
        """Whether the target was last scaled by its present driver."""
        fence = self._fences.get(target)
        return fence is None or annotation(shown, DRIVER) == fence.token

    def refuse_late(self, target: Target, shown: Document | None = None) -> None:
        """
        Ask the Lease, unless the target that was read carries our token, or an older taking's.

        Raises:
            ClusterError: Kind ``lost``: another driver has it.
        """
        fence = self._fences.get(target)
        if fence is None or (shown and not self._may_be_late(target, fence, shown)):
            return
        try:
            fence.confirm()
        except LockError as error:
            raise ClusterError(str(error), error.kind, error.retry_after) from error

    def _may_be_late(self, target: Target, fence: Fence, shown: Document) -> bool:
        token = annotation(shown, DRIVER)
        # whoever takes over from us has a larger epoch, and writes it before anything else; only
        # where the Lease and the journal were both deleted it began anew
        older = token is not None and _epoch(token) < _epoch(fence.token)
        return token != fence.token and not (older and token == self._found.get(target))

    def refuse_overtaken(self, target: Target, shown: Document, *, again: bool) -> None:
        """
        The same before the first write of a taking: no token at all says nothing yet.

        Args:
            again: Another writer was faster, who may be the next driver.

        Raises:
            ClusterError: Kind ``lost``: another driver has it.
        """
        if again:
            self.refuse_late(target)
        elif annotation(shown, DRIVER) is not None:
            self.found(target, shown)
            self.refuse_late(target, shown)

    def token(self, target: Target) -> str | None:
        """Of the present driver; None: it drives alone."""
        fence = self._fences.get(target)
        return None if fence is None else fence.token

    def set(
        self, target: Target, path: str, shown: Document, wanted: int, read: Callable[[], Document]
    ) -> int | None:
        """
        Set them as worked out from a reading, if it still holds.

        Returns:
            The generation of the target then; None: all was as wanted.

        Raises:
            ClusterError: Kind ``conflict``: another writer changed the spec, or the token.
        """
        generations: list[int] = []

        def write(shown: Document) -> None:
            changes = [*self._change(shown, wanted), *self._claim(target, shown)]
            if changes:
                answer = self._cluster.json_patch(path, self.tested(target, shown, changes))
                generations.append(int(answer["metadata"].get("generation", 0)))

        again_unless_changed(
            read,
            write,
            first=shown,
            part=lambda one: (one["metadata"].get("generation"), annotation(one, DRIVER)),
        )
        return generations[-1] if generations else None

    def _change(self, shown: Document, wanted: int) -> Iterator[Document]:
        if int(shown["spec"].get("replicas", 1)) != wanted:
            yield {"op": "add", "path": "/spec/replicas", "value": wanted}

    def _claim(self, target: Target, shown: Document) -> Iterator[Document]:
        if self.claimed(target, shown):
            return
        if not shown["metadata"].get("annotations"):
            yield {"op": "add", "path": "/metadata/annotations", "value": {}}
        yield {"op": "add", "path": _PATH, "value": self._fences[target].token}

    def tested(self, target: Target, shown: Document, changes: list[Document]) -> list[Document]:
        """A patch that applies while the target is as it was read, and whose it was."""
        token = annotation(shown, DRIVER)
        if target not in self._fences:
            return at_generation(shown, *changes)
        if token is None:
            # that no token is there can only be tested by the version
            return at_version(shown, *changes)
        # its status may move on, as pods come and go
        return at_generation(shown, {"op": "test", "path": _PATH, "value": token}, *changes)


def _epoch(token: str) -> float:
    """The number of a taking; of what is no token it may be any."""
    number = token.rpartition("/")[2]
    return int(number) if number.isdecimal() else math.inf
