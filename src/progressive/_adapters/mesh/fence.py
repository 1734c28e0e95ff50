"""Keeps a driver that slept from landing a late write (L18).

Floor 4: plans, and asks its fence; `writes.py` sends. A run's driver writes its token to every
route object before anything else, even where the weights stand already, and every later patch of
the run tests it. A patch that was planned before another driver came fails at the API server,
by the token or by the resource version that the other's token changed; and a plan that is made
anew finds another token, and asks the Lease before it writes over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attrs import define, evolve, field

from progressive._kube.marks import DRIVER
from progressive._mesh.codec import Manifest, ObjectPatch, Operation, ResourceRef, version_test
from progressive.errors import ErrorKind, LockError, RouterError
from progressive.ports import Fence

_PATH = f"/metadata/annotations/{DRIVER.replace('/', '~1')}"


def token_of(manifest: Manifest) -> str | None:
    """Whose run steers this object; None: nobody's."""
    token = ((manifest.get("metadata") or {}).get("annotations") or {}).get(DRIVER)
    return None if token is None else str(token)


@define
class Guard:
    """
    The fence of one run around the objects of its target.

    Attributes:
        fence: The token, and how to ask whether the target is still ours.
        claimed: Objects that carried our token before: another one there is a loss, until the
            Lease says otherwise.
    """

    fence: Fence
    claimed: set[ResourceRef] = field(factory=set)

    def around(
        self,
        objects: Sequence[tuple[ResourceRef, Manifest]],
        patches: Sequence[ObjectPatch],
        *,
        again: bool,
    ) -> tuple[ObjectPatch, ...]:
        """
        The same patches, each with its test; and a patch for each object without our token.

        Args:
            objects: The steered objects, as they were read.
            again: Something came in between since the target was taken: the reading may be
                younger than another driver's taking, so the Lease is asked.

        Raises:
            RouterError: Kind ``lost``: the target belongs to another driver now.
        """
        planned = {one.ref: one for one in patches}
        ours = {ref for ref, manifest in objects if token_of(manifest) == self.fence.token}
        if any(ref not in ours and (again or ref in self.claimed) for ref, _ in objects):
            self._confirm()
        self.claimed |= ours
        guarded = []
        for ref, manifest in objects:
            one = planned.pop(ref, None)
            if ref in ours:
                if one is not None:
                    guarded.append(evolve(one, patch=(self._test, *one.patch)))
            elif one is not None:
                # what is deleted needs no mark: its resource version is tested
                claim: Iterable[Operation] = (
                    () if one.deletes else self._claim(manifest, one.patch)
                )
                guarded.append(evolve(one, patch=(*one.patch, *claim)))
            else:
                marking = (*version_test(manifest), *self._claim(manifest, ()))
                guarded.append(ObjectPatch(ref=ref, patch=marking))
        return (*guarded, *planned.values())

    def removal(self) -> tuple[Operation, ...]:
        """The end of a run: our token goes, and only ours."""
        return self._test, {"op": "remove", "path": _PATH}

    @property
    def _test(self) -> Operation:
        return {"op": "test", "path": _PATH, "value": self.fence.token}

    def _claim(self, manifest: Manifest, before: Iterable[Operation]) -> Iterator[Operation]:
        # the test of the resource version before it holds for the annotations as well
        there = (manifest.get("metadata") or {}).get("annotations")
        if not there and all(one["path"] != "/metadata/annotations" for one in before):
            yield {"op": "add", "path": "/metadata/annotations", "value": {}}
        yield {"op": "add", "path": _PATH, "value": self.fence.token}

    def _confirm(self) -> None:
        try:
            self.fence.confirm()
        except LockError as error:
            raise RouterError(str(error), error.kind, error.retry_after) from error


def is_loss(error: Exception) -> bool:
    """Whether an error says that the target belongs to another driver."""
    return getattr(error, "kind", None) is ErrorKind.LOST
