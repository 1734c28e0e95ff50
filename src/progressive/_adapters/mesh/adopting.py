"""Adopts the routes of people for a managed release, and gives them back as they were.

Floor 4: writes one annotation, and at the end the weights that it remembers. Used by `router.py`
and `returning.py`; what is remembered is `_mesh/rules/original.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from progressive._adapters.mesh.objects import MeshObjects, Sight
from progressive._adapters.mesh.writes import MeshWrites
from progressive._kube.marks import is_flaggers, is_ours
from progressive._mesh.codec import AdoptingCodec, Manifest, MeshCodec, ObjectPatch
from progressive._model.traffic import Target
from progressive.errors import RouterError


def adopt(codec: MeshCodec, objects: MeshObjects, writes: MeshWrites, target: Target) -> None:
    """
    Write down what the steered objects of people are, once.

    Raises:
        RouterError: The API could not be written.
    """
    if not isinstance(codec, AdoptingCodec):
        return

    def plan(sight: Sight) -> Sequence[ObjectPatch]:
        return codec.remembering(_of_people(sight), target)

    sight = objects.seen(target)
    if sight is not None and _theirs(sight.objects):
        writes.carry_out(target, plan, homeward=lambda _: False)


def give_back(codec: MeshCodec, objects: MeshObjects, writes: MeshWrites, target: Target) -> None:
    """
    Give the objects of people their first weights again; what cannot be read stays as it is.

    Raises:
        RouterError: The API could not be written.
    """
    if not isinstance(codec, AdoptingCodec):
        return

    def plan(sight: Sight) -> Sequence[ObjectPatch]:
        try:
            return codec.giving_back(_of_people(sight), target)
        except RouterError:
            return ()

    objects.look(target)
    writes.carry_out(target, plan, homeward=lambda _: True)


def _of_people(sight: Sight) -> list[Manifest]:
    """The objects that a release did not make, and what leads to them."""
    return [*_theirs(sight.objects), *sight.guides]


def _theirs(manifests: Sequence[Manifest]) -> list[Manifest]:
    return [one for one in manifests if not (is_ours(one) or is_flaggers(one))]
