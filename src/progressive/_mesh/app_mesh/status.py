"""What the status of a VirtualRouter says: whether its generation reached AWS.

Floor 3, pure. Asked by `codec.py`.
"""

from __future__ import annotations

from attrs import evolve

from progressive._mesh.access import inner
from progressive._mesh.codec import Manifest, ref_of
from progressive._mesh.standing import Standing, StandingKind, generation_of, judged
from progressive._model.traffic import Target

_ACTIVE = "VirtualRouterActive"


def standing_of(manifest: Manifest, target: Target) -> Standing:
    """
    Whether the controller has brought the stored generation to AWS, and AWS runs it.

    The controller writes the generation that it observed only after its calls to AWS, so one that
    stays old until the end of the wait is a refusal: nothing moved.
    """
    observed = inner(manifest, "status", "observedGeneration")
    found = judged(
        inner(manifest, "status", "conditions"),
        _ACTIVE,
        generation_of(manifest),
        # without it nothing is known of any generation
        observed=0 if observed is None else observed,
    )
    if found.kind is StandingKind.ACCEPTED:
        return found
    words = f"{ref_of(manifest, target)}: {found.words}"
    if found.kind is StandingKind.WAITING:
        words += "; the controller has not reached AWS with it"
        return evolve(found, words=words, late=StandingKind.REFUSED)
    return evolve(found, words=words)
