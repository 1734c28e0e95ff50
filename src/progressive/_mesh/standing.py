"""Whether a mesh's controllers took over what was stored: the second level of done.

Floor 3, pure: an object with its status in, a `Standing` out. Codecs of meshes whose objects have
a status judge it with the helpers here; `_adapters/mesh/accepted.py` asks and waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

from attrs import evolve, frozen

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.codec import Manifest
from progressive._model.traffic import Target


class StandingKind(StrEnum):
    """What a status says of the present generation."""

    ACCEPTED = "accepted"
    UNVERIFIED = "unverified"
    WAITING = "waiting"
    REFUSED = "refused"


@frozen(kw_only=True)
class Standing:
    """
    How what is stored stands with the controllers of the mesh.

    Attributes:
        kind: ``accepted``; ``refused``; ``waiting`` for a controller; ``unverified``: the status
            does not say which generation it is about.
        words: Why, with the object, the reason and the message of the controller.
        late: What it is taken for when nothing changes until the end of the wait.
    """

    kind: StandingKind
    words: str = ""
    late: StandingKind = StandingKind.UNVERIFIED

    def overdue(self) -> Standing:
        """The same once nobody waits any longer."""
        decided = self.kind in (StandingKind.ACCEPTED, StandingKind.REFUSED)
        return self if decided else evolve(self, kind=self.late)


ACCEPTED = Standing(kind=StandingKind.ACCEPTED)


@runtime_checkable
class StatusCodec(Protocol):
    """A codec whose objects carry a status that controllers write."""

    def standing(self, manifest: Manifest, target: Target) -> Standing:
        """What the status of one object says; never raises."""


def worst(found: Sequence[Standing]) -> Standing:
    """
    The one that decides: a refusal, even a doubtful one, else who is waited for, else what is
    not known.

    >>> worst([ACCEPTED, Standing(kind=StandingKind.WAITING, words="web")]).words
    'web'
    """
    order = list(StandingKind)

    def badness(one: Standing) -> tuple[int, int]:
        undecided = one.kind is StandingKind.UNVERIFIED
        eventual = one.late if undecided else one.kind
        return order.index(eventual), order.index(one.kind)

    return max(found, key=badness, default=ACCEPTED)


def generation_of(manifest: Manifest) -> int | None:
    """The generation of an object; None: it tells none."""
    return _whole(inner(manifest, "metadata", "generation"))


def judged(
    conditions: object,
    kind: str,
    generation: int | None,
    *,
    observed: object = None,
    good: str = "True",
) -> Standing:
    """
    What one condition says of a generation.

    Args:
        conditions: The list that holds it.
        kind: Its type, such as ``Accepted``.
        generation: Of the object; None: any generation is the present one.
        observed: The generation that the whole status is about; None: the condition's own
            ``observedGeneration``. Where neither is there, nothing is known for certain: then a
            good condition is `UNVERIFIED`, a bad one counts as a refusal once the wait is over.
        good: The status that is wanted. ``False``: a condition that is not there is good.
    """
    found = next(
        (mapping(one) for one in sequence(conditions) if inner(one, "type") == kind), None
    )
    if found is None:
        if good == "False":
            return ACCEPTED
        return Standing(kind=StandingKind.WAITING, words=f"no condition {kind} yet")
    about = _whole(observed if observed is not None else found.get("observedGeneration"))
    status = found.get("status")
    words = f"{kind} {status}"
    if reason := text(found.get("reason")):
        words += f": {reason}"
    if message := text(found.get("message")):
        words += f" ({message})"
    if generation is not None and about is not None and about < generation:
        words = f"{kind} is of generation {about}, and {generation} is stored"
        return Standing(kind=StandingKind.WAITING, words=words)
    if status not in ("True", "False"):
        return Standing(kind=StandingKind.WAITING, words=words)
    if generation is not None and about is None:
        late = StandingKind.UNVERIFIED if status == good else StandingKind.REFUSED
        words += ", of an unknown generation"
        return Standing(kind=StandingKind.UNVERIFIED, words=words, late=late)
    return ACCEPTED if status == good else Standing(kind=StandingKind.REFUSED, words=words)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
