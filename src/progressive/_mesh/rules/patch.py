"""One patch of one object, its tests first.

Floor 3, pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from progressive._mesh.codec import Manifest, ObjectPatch, Operation, ref_of, version_test
from progressive._mesh.rules.annotations import once
from progressive._model.traffic import Target


def patch_of(
    manifest: Manifest, target: Target, tests: Sequence[Operation], changes: Sequence[Operation]
) -> Sequence[ObjectPatch]:
    """One patch with its tests first; none without a change."""
    if not changes:
        return ()
    patch = (*version_test(manifest), *tests, *once(list(changes)))
    return (ObjectPatch(ref=ref_of(manifest, target), patch=patch),)
