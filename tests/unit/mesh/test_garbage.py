"""Broken objects: refused with words, by every router, and never an accident."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.mesh.codec_worlds import TARGET, WORLDS
from tests.unit.mesh.mutations import carried_out, copied, mutated
from tests.unit.mesh.schemas import faults

from progressive._mesh.codec import MeshCodec, ObjectPatch
from progressive._model.traffic import Match, Split, Sticky, TextMatch
from progressive.errors import RouterError

OBJECTS = 10_000
"""Broken worlds of each router, its kinds of worlds together."""

EXAMPLES = 100
SPLITS = (
    Split(canary=0),
    Split(canary=20),
    Split(canary=100),
    Split(canary=7, total=1000),
    Split(canary=0, mirror=12.5),
    Split(canary=30, match=[Match(headers={"x-user": TextMatch(exact="qa")})]),
    Split(
        canary=100,
        match=[
            Match(cookies={"beta": TextMatch(prefix="a")}, query={"v": TextMatch(regex="[0-9]+")})
        ],
    ),
    Split(canary=10, sticky=Sticky(cookie="web", max_age=timedelta(minutes=5))),
)


@pytest.mark.parametrize("name", sorted(WORLDS))
@given(seed=st.integers(0, 2**32))
@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_a_broken_object_is_refused_with_words_or_written_well(name: str, seed: int) -> None:
    """
    Whatever stands there: a documented error, or patches that fit and are read back.
    """
    chance = random.Random(seed)
    world = WORLDS[name]
    kin = sum(one.codec.name == world.codec.name for one in WORLDS.values())
    for _ in range(-(-OBJECTS // EXAMPLES // kin)):
        objects = mutated(world.objects, chance)
        before = copied(objects)
        after = _attempt(partial(_write, world.codec, chance.choice(SPLITS)), objects)
        home = _attempt(partial(_reset, world.codec), after)
        with suppress(RouterError):
            world.codec.read(home, TARGET)

        assert before == objects
        if world.definitions is not None and not _faults(world.definitions, before):
            # what fitted, and was not written, fits
            written = [one for one in (*after, *home) if one not in before]
            assert [] == _faults(world.definitions, written)
        assert () == _again(world.codec, home)


def _faults(definitions: str, objects: Sequence[Mapping[str, Any]]) -> list[str]:
    return [one for manifest in objects for one in faults(definitions, manifest)]


def _write(codec: MeshCodec, split: Split, objects: Any) -> Sequence[ObjectPatch]:
    return codec.write(objects, TARGET, split)


def _reset(codec: MeshCodec, objects: Any) -> Sequence[ObjectPatch]:
    return codec.reset(objects, TARGET)


def _attempt(
    plan: Callable[[Any], Sequence[ObjectPatch]], objects: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The objects after a plan; as they were where it is refused."""
    try:
        patches = plan(objects)
    except RouterError:
        return objects
    return carried_out(objects, patches)


def _again(codec: MeshCodec, objects: Sequence[Mapping[str, Any]]) -> tuple[ObjectPatch, ...]:
    """What a second reset would write."""
    try:
        return tuple(codec.reset(objects, TARGET))
    except RouterError:
        return ()
