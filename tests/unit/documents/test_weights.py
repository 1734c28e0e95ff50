from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.documents.classic import ABSENT, classic, document_of, error_paths, read, warnings

from progressive._documents.flagger.weights import stepped


@pytest.mark.parametrize(
    ("step", "most", "weights"),
    [
        (10, 50, (10, 20, 30, 40, 50)),
        (20, 50, (20, 40, 50)),
        (30, ABSENT, (30, 60, 90, 100)),
        (100, ABSENT, (100,)),
        (60, 50, (50,)),
        (1, 3, (1, 2, 3)),
    ],
)
def test_steps_end_exactly_at_the_greatest_weight(
    step: int, most: Any, weights: tuple[int, ...]
) -> None:
    """A canary must never get more than the author allowed (L8)."""
    document = classic(analysis__stepWeight=step, analysis__maxWeight=most)

    assert weights == document_of(document).plan.weights


@given(st.integers(1, 100), st.integers(1, 100))
def test_steps_grow_by_the_step_and_never_pass_the_end(step: int, most: int) -> None:
    """The rule of L8 for all steps."""
    weights = stepped(step, most)

    assert most == weights[-1]
    assert all(a < b <= a + step for a, b in zip((0, *weights), weights, strict=False))


def test_listed_weights_are_taken_as_they_are() -> None:
    """The last entry is the greatest weight, whatever maxWeight says."""
    reading = read(
        classic(
            analysis__stepWeight=ABSENT,
            analysis__stepWeights=[1, 2, 10, 80],
            analysis__maxWeight=50,
        )
    )

    assert reading.document is not None
    assert (1, 2, 10, 80) == reading.document.plan.weights
    assert "no effect" in warnings(reading)["spec.analysis.maxWeight"]


@pytest.mark.parametrize(
    ("listed", "at"),
    [
        ([1, 2, 200], "[2]"),
        ([0, 10], "[0]"),
        ([10, 5, 50], "[1]"),
        ([10, 20, 20], "[2]"),
        ([10, True], "[1]"),
        ([10, "20"], "[1]"),
        ([10, 20.5], "[1]"),
        ([10, None], "[1]"),
        ([], ""),
        (10, ""),
    ],
)
def test_a_faulty_list_names_the_entry(listed: Any, at: str) -> None:
    """Long lists are hard to check by eye."""
    reading = read(
        classic(
            analysis__stepWeight=ABSENT, analysis__maxWeight=ABSENT, analysis__stepWeights=listed
        )
    )

    assert [f"spec.analysis.stepWeights{at}"] == error_paths(reading)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"analysis__stepWeight": 0}, "spec.analysis.stepWeight"),
        ({"analysis__stepWeight": -1}, "spec.analysis.stepWeight"),
        ({"analysis__stepWeight": 101}, "spec.analysis.stepWeight"),
        ({"analysis__stepWeight": "ten"}, "spec.analysis.stepWeight"),
        ({"analysis__maxWeight": 500}, "spec.analysis.maxWeight"),
        ({"analysis__maxWeight": 0}, "spec.analysis.maxWeight"),
        ({"analysis__stepWeight": ABSENT}, "spec.analysis"),
        ({"analysis__stepWeights": [1, 5]}, "spec.analysis"),
        ({"analysis__threshold": 0}, "spec.analysis.threshold"),
        ({"analysis__stepWeightPromotion": 101}, "spec.analysis.stepWeightPromotion"),
    ],
)
def test_weights_that_cannot_be_walked_are_refused(changes: dict[str, Any], path: str) -> None:
    """Flagger would stand at weight 0 for ever, or pass the end."""
    assert [path] == error_paths(read(classic(**changes)))


def test_a_step_above_the_end_is_one_weight_and_a_warning() -> None:
    """It is meaningful, and hardly meant."""
    reading = read(classic(analysis__stepWeight=60))

    assert "above maxWeight 50" in warnings(reading)["spec.analysis.stepWeight"]


def test_traffic_returns_in_the_steps_that_the_document_names() -> None:
    """0 means one step, as in Flagger."""
    steps = {
        given: document_of(classic(analysis__stepWeightPromotion=given)).plan.promotion_step
        for given in (0, 20, 100)
    }

    assert {0: None, 20: 20, 100: 100} == steps


def test_a_skipped_analysis_needs_no_weights() -> None:
    """Nothing is shifted before promotion (L20)."""
    document = document_of(classic(skipAnalysis=True, analysis={"interval": "1m", "threshold": 1}))

    assert () == document.plan.weights
    assert document.plan.skip_analysis
