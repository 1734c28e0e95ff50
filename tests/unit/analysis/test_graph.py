"""Everything that can ever happen to a small plan is walked: it ends, and ends well."""

from __future__ import annotations

import pytest
from tests.unit.analysis.graph import FIRST, REPAIR, SMALL, Graph
from tests.unit.analysis.world import CHANGED, standing, started

from progressive import Outcome, Phase, Reset, Situation

pytestmark = pytest.mark.xdist_group("graph")  # one worker walks for all


@pytest.fixture(scope="module")
def released() -> Graph:
    return Graph(SMALL, CHANGED)


def test_every_state_of_a_release_has_a_way_to_an_end(released: Graph) -> None:
    """
    A state without an exit is a release that hangs for ever, as Flagger's Promoting does.
    """
    assert released.states == released.that_end()
    assert len(released.states) > 200, "the walk found next to nothing"


def test_every_end_of_a_release_is_reached(released: Graph) -> None:
    """
    An outcome that nothing leads to would be a promise that is never kept.
    """
    assert {
        Outcome.PROMOTED,
        Outcome.ROLLED_BACK,
        Outcome.INCONCLUSIVE,
        Outcome.SUPERSEDED,
        Outcome.BUSY,
        Outcome.STUCK,
        Outcome.ABORTED,
    } == released.outcomes


def test_after_an_abort_only_the_way_home_is_ordered(released: Graph) -> None:
    """
    A person who aborts must never see a weight grow again.
    """
    assert {"Reset", "Wait retry", "Scale down"} == released.orders_after_abort


@pytest.mark.parametrize(
    ("situation", "outcomes"),
    [
        (
            FIRST,
            {
                Outcome.INITIALIZED,
                Outcome.TIMED_OUT,
                Outcome.ROLLED_BACK,
                Outcome.ABORTED,
                Outcome.BUSY,
            },
        ),
        (
            None,
            {
                Outcome.PROMOTED,
                Outcome.ROLLED_BACK,
                Outcome.INCONCLUSIVE,
                Outcome.BUSY,
                Outcome.STUCK,
                Outcome.ABORTED,
            },
        ),
    ],
    ids=["first-deploy", "two-workloads"],
)
def test_other_kinds_of_runs_end_as_well(
    situation: Situation | None, outcomes: set[Outcome]
) -> None:
    """
    The same law holds for a first deploy and for two workloads that somebody else scales.
    """
    graph = Graph(SMALL, situation)

    assert graph.states == graph.that_end()
    assert outcomes == graph.outcomes


def test_a_repair_ends_and_goes_on_with_what_came_meanwhile() -> None:
    """
    The next run after a failed promotion repairs the primary, then releases the newer template.
    """
    graph = Graph(SMALL, REPAIR)

    assert graph.states == graph.that_end()
    assert {Phase.PROMOTING, Phase.STEPPING, Phase.RETURNING} <= graph.phases
    assert not isinstance(standing(started(SMALL, REPAIR)), Reset)
