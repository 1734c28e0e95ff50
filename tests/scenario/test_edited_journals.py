"""Journals that somebody edited: what cannot be gone by is refused, with its place."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.places import places
from tests.scenario.worlds import CHECKS, TARGET

from progressive import CanaryAnalysis, Plan, Runner
from progressive._run.memory import MemoryStore
from progressive.errors import StoreError
from progressive.testing import Scenario, World

PLAN = Plan(weights=(10, 50), interval=timedelta(seconds=30), threshold=1, checks=CHECKS)
WORLDS = (
    Scenario(),
    Scenario(metrics={"request-success-rate": [99.9, 50.0]}),
    Scenario(first_deploy=True),
    Scenario(workloads={"primary": "stuck"}),
)
VALUES: tuple[Any, ...] = (
    None,
    0,
    1,
    -1,
    7,
    "",
    "moon",
    "holding",
    "promoting",
    "finished",
    True,
    [],
    {},
    1e9,
)


class Keeping(MemoryStore):
    """Remembers every journal that was saved."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def save(self, target: Any, text: str, expected: str | None, *, urgent: bool = False) -> str:
        """As ever."""
        self.texts.append(text)
        return super().save(target, text, expected, urgent=urgent)


def drive(store: MemoryStore, scenario: Scenario) -> str:
    """The outcome of a run that goes on from what is in the store."""
    world = World(scenario, managed=True, total=100)
    runner = Runner(
        world, world, world, store, world, inbox=world, clock=world.clock, notifiers=[world]
    )
    return str(runner.run(PLAN, TARGET).outcome)


def journals() -> list[str]:
    """Every state that four kinds of runs ever saved."""
    texts = []
    for scenario in WORLDS:
        store = Keeping()
        drive(store, scenario)
        texts += store.texts
    return texts


def edited(dice: random.Random, text: str) -> str:
    """The journal with one value changed, or taken out."""
    document = json.loads(text)
    # all values but its address
    *way, last = dice.choice([path for path in places(document) if path[0] != "target"])
    place = document
    for step in way:
        place = place[step]
    if dice.random() < 0.3:
        del place[last]
    else:
        place[last] = dice.choice(VALUES)
    return json.dumps(document)


def test_a_run_over_an_edited_journal_ends_or_is_refused() -> None:
    """
    A traceback is a bug, and so is a run that never ends; each of 200 edits is one of both.
    """
    texts = journals()
    dice = random.Random("edited")
    outcomes: Counter[str] = Counter()
    for _ in range(200):
        store = MemoryStore()
        store.save(TARGET, edited(dice, dice.choice(texts)), None)
        outcomes[drive(store, Scenario())] += 1

    assert {"rejected", "promoted"} <= set(outcomes)
    assert 40 <= outcomes["rejected"], "most edits would have been believed"


Edit = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda one: one.update(phase="returning"), "Shift cannot stand in the phase returning"),
        (lambda one: one.pop("phase"), "Shift cannot stand in the phase pending"),
        (lambda one: one.pop("action"), "NoneType cannot stand in the phase stepping"),
        (lambda one: one.update(step=2), "state.step is 2, and there are 2 weights"),
        (lambda one: one["notifications"][0].update(id="moon"), "notifications.0..id is 'moon'"),
        (lambda one: one["notifications"][0].update(id="a/b"), "notifications.0..id is 'a/b'"),
    ],
)
def test_fields_that_do_not_fit_together_are_named(edit: Edit, words: str) -> None:
    """
    Each is well made for itself, and together they are no run; believed they broke the next one.
    """
    text = next(one for one in journals() if '"phase":"stepping"' in one)
    document = json.loads(text)
    edit(document["state"])

    with pytest.raises(StoreError, match=words) as told:
        CanaryAnalysis.from_json(json.dumps(document))
    assert "remove it" in str(told.value)
